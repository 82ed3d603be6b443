"""The description is valid, says everything that the code knows, and costs nobody anything who does not ask for it."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

import status_page.describe
import sync_trigger.describe
from shared import front_door, openapi, who_gets_in
from shared.failures import FailureCode
from shared.front_door import DESCRIBED_BY, ROUTES, Route
from shared.needs import Needs
from shared.setting_values import SignIn
from shared.who_gets_in import Refusal
from shared.words import UserState
from status_page.give_description import give_description

ROOT = Path(__file__).parents[2]
LARGEST = 200_000
"""Bytes; an administrator's browser shows it in one go."""
assert front_door.ROUTES, (status_page, sync_trigger)  # the routes are declared by importing the blueprints


def document(sign_in: SignIn = SignIn.FUNCTION_KEY) -> dict[str, Any]:
    """The description, as it is served."""
    return dict(json.loads(give_description(sign_in).get_body()))


def operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with its method and path."""
    for path, item in described["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


@pytest.mark.parametrize("sign_in", SignIn)
def test_it_is_valid(sign_in: SignIn) -> None:
    """It follows the specification of OpenAPI 3.1, its defaults their schemas, and it is no larger than needed."""
    assert [str(error) for error in OpenAPIV31SpecValidator(document(sign_in)).iter_errors()] == []
    assert len(give_description(sign_in).get_body()) < LARGEST


@pytest.mark.parametrize("sign_in", SignIn)
def test_every_operation_is_told_whole(sign_in: SignIn) -> None:
    """Each has a name of its own, what it does, a tag, what it asks of the caller, and every parameter an example."""
    told = dict(operations(document(sign_in)))
    assert sorted(told) == sorted(f"{route.method} /api/{route.path}" for route in ROUTES)
    assert len({operation["operationId"] for operation in told.values()}) == len(told)
    needs = {f"{route.method} /api/{route.path}": route.needs for route in ROUTES}
    for name, operation in told.items():
        assert operation["summary"], name
        assert operation["tags"], name
        assert bool(operation["security"]) == (needs[name] is not Needs.NOTHING), name
        assert ("right to act" in operation["description"]) >= (needs[name] is Needs.ACT), name
        assert (operation["x-photosync-needs"], "401" in operation["responses"]) == (
            needs[name].value,
            needs[name] is not Needs.NOTHING,
        )
        for parameter in operation.get("parameters", []):
            assert parameter["description"], name
            assert parameter["example"], name
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"], name


def test_words_are_the_codes_own() -> None:
    """States and failures are those of the code, with their sentences; fields carry what the code says of them."""
    schemas = document()["components"]["schemas"]
    assert schemas["UserState"]["enum"] == [*UserState]
    assert all(state.sentence in schemas["UserState"]["description"] for state in UserState)
    assert schemas["FailureCode"]["enum"] == [*FailureCode]
    assert schemas["SyncRequest"]["properties"]["users"]["description"] == "Object ids or user principal names."
    assert "lease" not in json.dumps(schemas["UserStatus"]["properties"]), "what the app keeps for itself is not told"


def test_bodies_without_an_explanation_are_refused() -> None:
    """Every field of every body says what it is for."""
    schemas = document()["components"]["schemas"]
    bodies = [name for name in schemas if name.endswith("Request") and name != "ViewRequest"]
    assert len(bodies) >= 4
    silent = [
        f"{name}.{field}" for name in bodies for field, schema in schemas[name]["properties"].items()
        if not schema.get("description")
    ]  # fmt: skip
    assert silent == []


def test_a_route_that_nobody_describes_is_refused() -> None:
    """Neither a route without a description nor a description without a route makes a document."""
    described = [told() for told in DESCRIBED_BY]
    more = Route("GET", "new/{thing}", Needs.LOOK, "Something new")
    with pytest.raises(LookupError, match=r"GET /api/new/\{thing\} is not described"):
        openapi.describe([*ROUTES, more], described, SignIn.ENTRA)
    with pytest.raises(LookupError, match="no routes"):
        openapi.describe(ROUTES[1:], described, SignIn.ENTRA)


def problems_in(package: str) -> Iterator[tuple[int, str]]:
    """Every problem that a package's code answers: its status, and a pattern of its code."""
    for module in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "problem":
                match node.args[:2]:
                    case [status, ast.Constant(value=str(code))] if (number := _number(status)) is not None:
                        yield number, re.escape(code)
                    case [status, ast.JoinedStr(values=parts)] if (number := _number(status)) is not None:
                        texts = [str(part.value) if isinstance(part, ast.Constant) else None for part in parts]
                        yield number, "".join("[a-z]+" if text is None else re.escape(text) for text in texts)


def _number(status: ast.expr) -> int | None:
    match status:
        case ast.Constant(value=int(number)):
            return number
        case ast.Attribute(value=ast.Name(id="HTTPStatus"), attr=name):
            return int(HTTPStatus[name])
    return None


def test_every_problem_is_described() -> None:
    """Each kind of problem that a blueprint's code can answer is described with its status, and no other."""
    failures = {str(code) for code in FailureCode}
    for package, told in (("sync_trigger", sync_trigger.describe), ("status_page", status_page.describe)):
        described = {
            (kind.status, kind.code)
            for operation in told.DESCRIBED.operations.values()
            for kind in operation.problems
            if kind.code not in failures
        }
        answered = set(problems_in(package))
        assert len(answered) > 3
        missing = [
            (status, code)
            for status, code in answered
            if not any(status == other and re.fullmatch(code, name) for other, name in described)
        ]
        assert missing == [], package
        idle = [
            (status, name)
            for status, name in described
            if not any(status == other and re.fullmatch(code, name) for other, code in answered)
        ]
        assert idle == [], package


def test_every_refusal_is_described() -> None:
    """With Entra sign-in each refusal of the front door is described for an acting route, status and headers too."""
    refusals = [value for value in vars(who_gets_in).values() if isinstance(value, Refusal)]
    assert len(refusals) >= 6
    responses = document(SignIn.ENTRA)["paths"]["/api/sweep"]["post"]["responses"]
    for refusal in refusals:
        told = responses[str(refusal.status)]
        kinds = told["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["type"]["enum"]
        assert f"urn:photosync:problem:{refusal.code}" in kinds
        assert set(refusal.headers) <= set(told.get("headers", {}))
    looking = json.dumps(document(SignIn.ENTRA)["paths"]["/api/overview"])
    assert "problem:no-role" in looking
    assert "problem:reader" not in looking


def test_the_webhook_does_not_pay_for_it() -> None:
    """Neither loading the app nor receiving a notification imports what the description is made of."""
    code = """
import sys, sync_trigger, status_page, photo_worker
import sync_trigger.receive_notification
ours = ("shared.openapi", "sync_trigger.describe", "status_page.describe", "sync_trigger.answer", "status_page.answer")
loaded = [name for name in sys.modules if name.startswith(ours)]
assert not loaded, loaded
from status_page.give_description import give_description
from shared.setting_values import SignIn
assert give_description(SignIn.ENTRA).status_code == 200
assert "shared.openapi" in sys.modules
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
