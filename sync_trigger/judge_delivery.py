"""What a POST from Graph holds: which elements are genuine, and which users they are about. Pure.

An element is believed when it carries our client state, compared in constant time. One bad element never spoils the
others: it is refused and counted, and the POST is still answered with success, since Graph would send all of it again.
Sources: "Receive change notifications through webhooks"; "changeNotification resource type"; "Reduce missing
subscriptions and change notifications" (lifecycle).
"""

import hmac
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from shared.words import object_id

LARGEST_BODY = 4 * 1024 * 1024
"""Bytes. A notification of a user is about half a kilobyte; Graph sends a few hundred at once at most."""


class NotFromGraph(ValueError):  # noqa: N818 - the house's word for it
    """The body is nothing that Graph sends."""


@dataclass
class Verdict:
    """What one POST comes to."""

    elements: int = 0
    accepted: int = 0
    """Elements that were believed."""
    user_ids: dict[str, None] = field(default_factory=dict)
    """Users to look at, each once, in order of appearance."""
    lifecycle_events: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    """Why elements were refused, and how many."""


def judge_delivery(body: bytes, client_state: str, tenant_id: str, previous: str | None = None) -> Verdict:
    """Judge every element of a POST's body. `previous` is the client state before, while it is being changed.

    Raises:
        NotFromGraph: when it is no JSON object with a list `value`.
    """
    try:
        value = json.loads(body)["value"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotFromGraph("expected a JSON object with a list named value") from None
    if not isinstance(value, list):
        raise NotFromGraph("expected value to be a list")
    verdict = Verdict(elements=len(value))
    states = (client_state.encode(), (previous or client_state).encode())
    for element in value:
        if refusal := _refusal(element, states, tenant_id):
            verdict.refusals[refusal] += 1
        elif isinstance(event := element.get("lifecycleEvent"), str):
            verdict.lifecycle_events[event[:64]] += 1
            verdict.accepted += 1
        elif (user_id := _user_id(element)) is not None:
            verdict.user_ids[user_id] = None
            verdict.accepted += 1
        else:
            verdict.refusals["names no user"] += 1
    return verdict


def _refusal(element: Any, states: tuple[bytes, bytes], tenant_id: str) -> str | None:
    if not isinstance(element, dict):
        return "not an object"
    given = element.get("clientState")
    if not isinstance(given, str) or not _is_one_of(given, states):
        return "wrong client state"
    tenant = element.get("tenantId")
    if tenant is not None and str(tenant).lower() != tenant_id:
        return "another tenant"
    return None


def _is_one_of(given: str, states: tuple[bytes, bytes]) -> bool:
    """Compared in constant time, and always with both, so that the time tells neither how much nor which fits."""
    # As bytes, since compare_digest refuses text beyond ASCII; lone surrogates must not raise either.
    text = given.encode(errors="surrogatepass")
    return hmac.compare_digest(text, states[0]) | hmac.compare_digest(text, states[1])


def _user_id(element: dict[str, Any]) -> str | None:
    """The object id in `resourceData.id`, else at the end of `resource` (`Users/<id>`, in either case)."""
    data = element.get("resourceData")
    candidates = [data.get("id") if isinstance(data, dict) else None]
    kind, _, last = str(element.get("resource", "")).strip("/").rpartition("/")
    if kind.lower().endswith("users"):
        candidates.append(last)
    for candidate in candidates:
        try:
            return object_id(str(candidate))
        except ValueError:
            continue
    return None
