"""Graph: up to twenty requests in one.

https://learn.microsoft.com/graph/json-batching. Each item goes through the same door as a request of its own: faults,
limits and the record know it. Photo bytes come back as a base64 string.
"""

import asyncio
import base64
import json
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from simulated_tenant import graph
from simulated_tenant.state import Tenant
from simulated_tenant.wire import Answer, Operations, Pending, Received

OPERATIONS = Operations(graph.HOST)
MOST = 20
_METHODS = {"GET", "POST", "PATCH", "PUT", "DELETE"}


@OPERATIONS.add("graph.batch", "POST", r"/v1\.0/(?:\$|%24)batch", cost=0)
def batch(tenant: Tenant, received: Received, _: Mapping[str, str]) -> Answer:
    """Answer every item, in an order of Graph's own."""
    items = _items(received)

    async def finish() -> Answer:
        answers = await _answers(tenant, received, items)
        responses = [_response(key, answer) for key, answer in answers.items()]
        # The order is not kept; shuffled by the content, so that a failing test fails again.
        random.Random(received.body).shuffle(responses)
        return Answer.of_json(200, {"responses": responses}, kind="application/json")

    return Pending(finish=finish)


def _items(received: Received) -> dict[str, dict[str, Any]]:
    """The items by id; raises 400 for a batch that Graph would not begin."""
    try:
        body = received.json()
        listed = body["requests"]
    except (ValueError, TypeError, KeyError):
        raise graph.bad_request(received, "Invalid batch payload format.", "BadRequest") from None
    if not isinstance(listed, list) or not listed or not all(isinstance(item, dict) for item in listed):
        raise graph.bad_request(received, "Invalid batch payload format.", "BadRequest")
    if len(listed) > MOST:
        message = f"Number of batch request steps exceeds the maximum value: {MOST}."
        raise graph.bad_request(received, message, "BadRequest")
    items: dict[str, dict[str, Any]] = {}
    for item in listed:
        key = item.get("id")
        if not isinstance(key, str) or not key or not item.get("url") or item.get("method", "").upper() not in _METHODS:
            raise graph.bad_request(received, "Invalid batch payload format.", "BadRequest")
        if key.lower() in {known.lower() for known in items}:
            raise graph.bad_request(received, f"Request Id '{key}' is not unique.", "BadRequest")
        items[key] = item
    for key, item in items.items():
        if not set(item.get("dependsOn") or []) <= set(items) - {key}:
            raise graph.bad_request(received, f"Request '{key}' depends on a request that is not there.", "BadRequest")
    return items


async def _answers(tenant: Tenant, received: Received, items: Mapping[str, dict[str, Any]]) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    waiting = dict(items)
    while waiting:
        ready = {key: item for key, item in waiting.items() if set(item.get("dependsOn") or []) <= set(answers)}
        if not ready:  # a circle
            raise graph.bad_request(received, "The dependencies of the batch form a circle.", "BadRequest")
        done = await asyncio.gather(*(_answer(tenant, received, item, answers) for item in ready.values()))
        answers |= dict(zip(ready, done, strict=True))
        waiting = {key: item for key, item in waiting.items() if key not in ready}
    return answers


async def _answer(tenant: Tenant, outer: Received, item: Mapping[str, Any], so_far: Mapping[str, Answer]) -> Answer:
    inner = _inner(outer, item)
    if any(so_far[key].status >= 400 for key in item.get("dependsOn") or []):
        return graph.error(inner, 424, "FailedDependency", "The request depends on one that failed.")
    if urlsplit(item["url"]).scheme or tenant.serve_inner is None:
        return graph.error(inner, 400, "BadRequest", "The URL of a batch item must be relative.")
    return await tenant.serve_inner(inner)


def _inner(outer: Received, item: Mapping[str, Any]) -> Received:
    """The item as a request of its own, in the name of the outer one."""
    path, _, query = str(item["url"]).partition("?")
    own = {str(name).lower(): str(value) for name, value in (item.get("headers") or {}).items()}
    kept = ("authorization", "user-agent", "client-request-id")
    inherited = {name: outer.headers[name] for name in kept if name in outer.headers}
    content = item.get("body")
    return replace(
        outer,
        method=str(item["method"]).upper(),
        path=graph.tidy(f"{graph.VERSION}/{path}"),
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers=inherited | own,
        body=b"" if content is None else json.dumps(content).encode(),
        inner=True,
        request_id=str(uuid4()),
    )


def _response(key: str, answer: Answer) -> dict[str, Any]:
    kind = {name.lower(): value for name, value in answer.headers.items()}.get("content-type", "")
    names = {"content-type": "Content-Type"}
    headers = {names.get(name, name): value for name, value in answer.headers.items()}
    response: dict[str, Any] = {"id": key, "status": answer.status, "headers": headers}
    if not answer.body:
        return response
    if kind.startswith("application/json"):
        try:
            return response | {"body": json.loads(answer.body)}
        except ValueError:
            pass  # spoilt on the way by a scripted fault: carried as bytes are
    return response | {"body": base64.b64encode(answer.body).decode()}
