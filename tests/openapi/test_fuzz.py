"""Thousands of requests that nobody wrote: no route answers what it does not say that it answers, and none fails.

The same requests in every test run. `make soak` makes ten times as many, others each time, from a seed that it prints.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

import status_page
import sync_trigger
from shared.front_door import DESCRIBED_BY, ROUTES
from tests import pictures
from tests.openapi.conforms import Description
from tests.openapi.hostile import Hostile, hostile
from tests.openapi.surface import Surface
from tests.waiting import eventually

CASES = int(os.environ.get("PHOTOSYNC_CASES", "100"))
"""Requests a route: a third each that the description allows, that it forbids, and that nobody would make."""
SEED = int(os.environ["PHOTOSYNC_SEED"]) if "PHOTOSYNC_SEED" in os.environ else None
COSTLY = {"GET /api/health": 5}
"""Routes that get so many times fewer: each of these asks Microsoft's services a dozen times."""
TOLERANT = {"POST /api/notifications", "POST /api/lifecycle"}
"""Graph's endpoints take what the description forbids too: a stranger is to learn nothing from the answer."""
MAY_FAIL = {"GET /api/health": {503}}
"""Statuses from 500 on that tell of something, rather than of a failure: a check's verdict."""
LABELS = [f"{route.method} /api/{route.path}" for route in ROUTES]
DESCRIBED = {name: operation for told in DESCRIBED_BY for name, operation in told().operations.items()}
CAN_BE_WRONG = [
    label
    for label, route in zip(LABELS, ROUTES, strict=True)
    if (told := DESCRIBED[f"{route.method} {route.path}"]).body
    or any(parameter.place != "path" and parameter.schema != {"type": "string"} for parameter in told.parameters)
]
"""Routes to which a request can break a rule: any text is a path, and nothing else is asked of the others."""
assert LABELS, (status_page, sync_trigger)  # the routes are declared by importing the blueprints


@pytest.fixture(scope="module")
def api(surface: Surface) -> schemathesis.BaseSchema:
    """The description, for making requests from it."""
    schema = schemathesis.openapi.from_dict(surface.document)
    schema.config.update(base_url=surface.url)
    schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    schema.config.generation.with_security_parameters = False
    return schema


@pytest.fixture(autouse=True)
def _goes_on(surface: Surface) -> Iterator[None]:
    """Whatever a test did, the app is not paused when the next one begins, whose answers would be about that alone."""
    yield
    surface.call("DELETE", "/api/pause").raise_for_status()


def many(label: str, strategy: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
    """Run the check on as many values as a third of the cases."""

    @settings(
        max_examples=max(1, CASES // 3 // COSTLY.get(label, 1)),
        deadline=None,
        database=None,
        derandomize=SEED is None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(strategy)
    def run(value: Any) -> None:
        check(value)

    (run if SEED is None else seed(SEED)(run))()


def check_answer(surface: Surface, label: str, answer: requests.Response) -> None:
    """The answer is as described, and is no failure; what is refused is refused with what to do."""
    method, path = label.split(" ")
    assert answer.status_code < 500 or answer.status_code in MAY_FAIL.get(label, set()), answer.text
    if answer.status_code == 404 and not answer.content:
        return  # the host's own, for an address that leads to no route
    assert Description(surface.document).wrong(method, path, answer) == []
    if 400 <= answer.status_code < 500 and "problem" in answer.headers.get("Content-Type", ""):
        assert len(answer.json()["detail"]) > 10


def send(surface: Surface, case: Case[Any]) -> requests.Response:
    """The request that was made up from the description."""
    return surface.session.request(**case.as_transport_kwargs(), timeout=60)


@pytest.mark.parametrize("label", LABELS)
def test_what_the_description_allows_is_taken(label: str, surface: Surface, api: Any) -> None:
    """Every request that fits the description gets one of the answers described for it, and a 400 never."""
    method, path = label.split(" ")
    seen: Counter[int] = Counter()

    def check(drawn: tuple[Case[Any], int, bool]) -> None:
        case, number, known = drawn
        for name in case.path_parameters or {}:
            if known:  # an id that was made up leads nowhere: most of the time take one that does
                values = surface.known[name]
                case.path_parameters[name] = values[number % len(values)]
        for place, name in ((case.query, "after"), (case.body, "place")):
            if isinstance(place, dict) and place.get(name):
                del place[name]  # no form tells whether it is what an answer before has given
        if label in TOLERANT and not isinstance(case.body, dict):
            case.query = {"validationToken": "Graph sends no body with a token, and always one without"}
        answer = send(surface, case)
        check_answer(surface, label, answer)
        case.validate_response(answer, checks=[positive_data_acceptance])
        seen[answer.status_code] += 1

    cases = api[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE)
    usually = st.sampled_from([True, True, True, False])
    many(label, st.tuples(cases, st.integers(0, 9), usually), check)
    if label != "DELETE /api/sync/{jobId}":  # which nothing but a job at work would let succeed
        assert any(200 <= status < 300 for status in seen), seen


@pytest.mark.parametrize("label", CAN_BE_WRONG)
def test_what_it_forbids_is_refused(label: str, surface: Surface, api: Any) -> None:
    """A request that breaks one rule of the description is refused with a problem, and nothing fails."""
    method, path = label.split(" ")
    operation = api[path][method]

    def check(case: Case[Any]) -> None:
        answer = send(surface, case)
        check_answer(surface, label, answer)
        asked = parse_qsl(urlsplit(str(answer.request.url)).query, keep_blank_values=True)
        # The host hands no empty values on: to the app such a parameter is not there. A blank body is none.
        same_as_nothing = any(not value for _, value in asked) or answer.request.body in {b"\n", b" ", b"\r", b"\t"}
        if label not in TOLERANT and not same_as_nothing:
            case.validate_response(answer, checks=[negative_data_rejection])

    many(label, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), check)


@pytest.mark.parametrize("label", LABELS)
def test_what_nobody_would_send_does_no_harm(label: str, surface: Surface) -> None:
    """Odd texts in path and query, bodies of every kind, strange headers: answered as described, and nothing fails."""
    method, path = label.split(" ")

    def check(request: Hostile) -> None:
        answer = surface.call(method, request.path, data=request.body, headers=request.headers)
        check_answer(surface, label, answer)

    many(label, hostile(path, Description(surface.document).operation(method, path)), check)


def test_after_all_that_it_works(surface: Surface) -> None:
    """The app has come through: a new photo is copied, no message is on a poison queue, all is told."""
    control = surface.stack.tenant.control
    user = control.add_user("after.all@contoso.com", pictures.jpeg(80, 80, seed=5))
    answer = surface.call("POST", "/api/sync", json={"users": [user]})
    assert answer.status_code == 202, answer.text

    def copied() -> bool:
        told = surface.call("GET", f"/api/status/{user}").json()
        return bool(told.get("state") == "in_step")

    eventually(copied, within=60, what="the photo in SharePoint")
    overview = surface.call("GET", "/api/overview").json()
    assert overview["unreadableMessages"] == 0
    assert "Traceback" not in surface.stack.host.log()
    assert overview["paused"] is None
