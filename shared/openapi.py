"""The API's description, OpenAPI 3.1: built from the routes, and from what each blueprint's `describe` says of its own.

What the code knows is read from the code: methods, paths, who may call, bodies, answers, states, codes, problems. Pure.
Source: OpenAPI Specification 3.1.1.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared import who_gets_in
from shared.front_door import Route
from shared.needs import Needs
from shared.openapi_parts import STORAGE_AWAY, Answer, Body, Header, Operation, Parameter, Problem, Schema, Tag
from shared.openapi_schemas import COMPONENTS, components_of
from shared.setting_values import SignIn
from shared.settings import VERSION

PROBLEM = "application/problem+json"
TYPE = "urn:photosync:problem:"
_KEY, _ENTRA = "functionKey", "entra"
_ABOUT = """\
Copies profile photos from Microsoft 365 to SharePoint Online, and tells where everybody stands.

Every error is a problem detail (RFC 9457): `type` names its kind for programs, `title` says it, `detail` says what to
do. A 503 names in `Retry-After` after how many seconds to ask again; asking twice does no harm. Answers gain properties
and words from version to version: ignore what you do not know. Lists are read page by page: give `after` as the answer
before gave it, until there is none.
"""
_SIGN_IN = {
    SignIn.FUNCTION_KEY: "A function key of the Function App, in the header `x-functions-key`.",
    SignIn.ENTRA: "An access token for this app, with the app role PhotoSync.Reader to look or PhotoSync.Admin to act.",
}
_SCHEMES = {
    _KEY: {
        "type": "apiKey",
        "in": "header",
        "name": "x-functions-key",
        "description": "While PHOTOSYNC_SIGN_IN is `function_key`: any host key of the Function App.",
    },
    _ENTRA: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "While PHOTOSYNC_SIGN_IN is `entra`: an access token of Entra ID for this app, checked by App "
        "Service authentication. The app role PhotoSync.Reader lets look, PhotoSync.Admin look and act.",
    },
}
_HEADERS: Mapping[Header, tuple[str, Schema]] = {
    Header.LOCATION: ("Where to ask how it goes.", {"type": "string", "pattern": "^/api/"}),
    Header.LINK: ('The next part, with rel="next" (RFC 8288); absent with the last one.', {"type": "string"}),
    Header.RETRY_AFTER: ("Seconds after which to ask again.", {"type": "string", "pattern": "^[0-9]+$"}),
    Header.WWW_AUTHENTICATE: ("How to sign in.", {"type": "string"}),
}


@dataclass(frozen=True)
class Described:
    """What one blueprint's `describe` says."""

    operations: Mapping[str, Operation]
    """By method and path of the route: `POST sync`."""
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    """More components, by name."""
    types: Sequence[type] = ()
    """More types to make components of."""


def describe(routes: Iterable[Route], described: Iterable[Described], sign_in: SignIn) -> dict[str, Any]:
    """The document. Raises `LookupError` when a route is not described, or what is described is no route."""
    parts = list(described)
    operations = {name: operation for part in parts for name, operation in part.operations.items()}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = operations.pop(f"{route.method} {route.path}", None)
        if operation is None:
            raise LookupError(f"{route.method} /api/{route.path} is not described: see `describe.py` of its package")
        path = paths.setdefault(f"/api/{route.path}", {})
        path[route.method.lower()] = _operation(route, operation, sign_in)
    if operations:
        raise LookupError(f"described, but no routes: {sorted(operations)}")
    shapes = [shape for part in parts for shape in [*part.types, *_shapes(part.operations.values())]]
    schemas = components_of(shapes) | {name: dict(schema) for part in parts for name, schema in part.schemas.items()}
    for part in parts:
        for operation in part.operations.values():
            if operation.body and isinstance(operation.body.shape, type):
                schemas[operation.body.shape.__name__] |= operation.body.rules
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Profile Photo Sync for SharePoint Online",
            "version": VERSION,
            "description": f"{_ABOUT}\nThis app asks for: {_SIGN_IN[sign_in]}",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The Function App that serves this description."}],
        "tags": [{"name": tag.value, "description": tag.sentence} for tag in Tag],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _problem_schema(), **schemas},
            "headers": {
                name.replace("-", ""): {"description": told, "schema": schema}
                for name, (told, schema) in _HEADERS.items()
            },
            "securitySchemes": _SCHEMES,
        },
    }


def _operation(route: Route, operation: Operation, sign_in: SignIn) -> dict[str, Any]:
    acts = route.needs is Needs.ACT
    may = "Needs the right to act." if acts else "Looks only." if route.needs is Needs.LOOK else "Open to anybody."
    told: dict[str, Any] = {
        "operationId": re.sub(r"_(\w)", lambda found: found[1].upper(), route.name),
        "summary": route.summary,
        "description": f"{operation.description}\n\n{may}",
        "tags": [operation.tag.value],
        "responses": _responses(route, operation, sign_in),
        "security": [{_KEY if sign_in is SignIn.FUNCTION_KEY else _ENTRA: []}] if route.asks else [],
        "x-photosync-needs": route.needs.value,
    }
    if operation.tag is Tag.PAGE:
        told["x-internal"] = True
    named = set(re.findall(r"{(\w+)}", route.path))
    if named != {given.name for given in operation.parameters if given.place == "path"}:
        raise LookupError(f"{route.method} /api/{route.path}: its path's parameters are not those described")
    if operation.parameters:
        told["parameters"] = [_parameter(given) for given in operation.parameters]
    if operation.body:
        told["requestBody"] = _body(operation.body)
    return told


def _parameter(given: Parameter) -> dict[str, Any]:
    return {
        "name": given.name,
        "in": given.place,
        "required": given.required or given.place == "path",
        "description": given.description,
        "schema": dict(given.schema),
        "example": given.example,
    }


def _body(body: Body) -> dict[str, Any]:
    examples = {
        f"example{number}": {"summary": line, "value": value}
        for number, (line, value) in enumerate(body.examples.items(), 1)
    }
    content = {"schema": _ref(body.shape), "examples": examples}
    return {"required": body.required, "content": {"application/json": content}}


def _of_the_door(route: Route, operation: Operation, sign_in: SignIn) -> list[Problem]:
    """What the front door answers in the route's stead."""
    found: list[Problem] = []
    if not route.asks:
        return found
    if sign_in is SignIn.ENTRA:
        found += map(Problem.of, (who_gets_in.NOT_SIGNED_IN, who_gets_in.OTHER_TENANT, who_gets_in.NO_ROLE))
    if route.needs is Needs.ACT or operation.may_act:
        found.append(Problem.of(who_gets_in.READ_ONLY))
        if sign_in is SignIn.ENTRA:
            found += map(Problem.of, (who_gets_in.READER, who_gets_in.MAY_BE_FORGED))
    return [*found, STORAGE_AWAY]


def _responses(route: Route, operation: Operation, sign_in: SignIn) -> dict[str, Any]:
    problems: dict[int, list[Problem]] = {}
    for kind in dict.fromkeys([*operation.problems, *_of_the_door(route, operation, sign_in)]):
        problems.setdefault(kind.status, []).append(kind)
    told: dict[str, dict[str, Any]] = {str(answer.status): _answer(answer) for answer in operation.answers}
    for status, kinds in problems.items():
        only_problems = str(status) not in told
        answer = told.setdefault(str(status), {"description": ""})
        lines = [f"- `{TYPE}{kind.code}`: {kind.title}" for kind in kinds]
        answer["description"] = "\n".join([answer["description"] or "One of these problems:", "", *lines])
        types = {"type": {"enum": sorted(TYPE + kind.code for kind in kinds)}, "status": {"const": status}}
        schema = {"allOf": [{"$ref": COMPONENTS + "Problem"}, {"type": "object", "properties": types}]}
        answer.setdefault("content", {})[PROBLEM] = {"schema": schema}
        always = {header for header in Header if only_problems and all(header in kind.headers for kind in kinds)}
        answer.setdefault("headers", {}).update({name.value: _header(name) for name in Header if name in always})
    if sign_in is SignIn.FUNCTION_KEY and route.asks:
        told["401"] = {"description": "The function key is missing or wrong. Azure Functions says so without a body."}
    for answer in told.values():
        if not answer.get("headers"):
            answer.pop("headers", None)
    return dict(sorted(told.items()))


def _answer(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.description}
    if answer.shape is not None:
        told["content"] = {kind: {"schema": _ref(answer.shape)} for kind in answer.media}
    told["headers"] = {name.value: _header(name) for name in [*answer.headers, *answer.may_have]}
    return told


def _header(name: Header) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name.replace('-', '')}"}


def _ref(shape: type | Schema) -> dict[str, Any]:
    return {"$ref": COMPONENTS + shape.__name__} if isinstance(shape, type) else dict(shape)


def _shapes(operations: Iterable[Operation]) -> Iterable[type]:
    for operation in operations:
        shapes = [operation.body.shape if operation.body else None, *(answer.shape for answer in operation.answers)]
        yield from (shape for shape in shapes if isinstance(shape, type))


def _problem_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "What went wrong and what to do about it (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "pattern": f"^{TYPE}", "description": "Names the kind, for programs."},
            "title": {"type": "string", "minLength": 1, "description": "Says what is wrong."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "Says what to do about it."},
            "errors": {
                "type": "array",
                "description": "With a wrong body: each mistake, 20 at most.",
                "items": {
                    "type": "object",
                    "required": ["at", "wrong"],
                    "properties": {
                        "at": {"type": "string", "description": "Where in the body."},
                        "wrong": {"type": "string", "description": "What is wrong there."},
                    },
                },
            },
            "requestId": {"type": "string", "description": "With a Microsoft service's failure, for its support."},
            "runId": {"type": "string", "description": "With `sweep-running`: the sweep that is at work."},
            "safetyStopLifted": {"type": "boolean", "description": "When a sweep is refused: whether that was done."},
        },
    }
