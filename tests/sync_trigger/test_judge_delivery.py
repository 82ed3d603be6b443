"""Judging a POST: only what carries our client state is believed, each element by itself."""

import json
from hmac import compare_digest
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_trigger.judge_delivery import NotFromGraph, Verdict, judge_delivery

SECRET = "the-client-state-of-this-app"
TENANT = "11111111-2222-3333-4444-555555555555"
USER = "78ccf530-bbf0-47e4-aae6-da5f8c6fb142"


def element(user: str = USER, **changes: Any) -> dict[str, Any]:
    """A notification as Graph sends it, with changes; a change to None takes the member away."""
    whole = {
        "subscriptionId": "7f105c7d-2dc5-4530-97cd-4e7ae6534c07",
        "clientState": SECRET,
        "changeType": "updated",
        "resource": f"Users/{user}",
        "tenantId": TENANT,
        "resourceData": {"@odata.type": "#Microsoft.Graph.User", "@odata.id": f"Users/{user}", "id": user},
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def judge(*elements: Any) -> Verdict:
    """The verdict on a POST of these elements."""
    return judge_delivery(json.dumps({"value": list(elements)}).encode(), SECRET, TENANT)


def test_a_genuine_element_names_its_user() -> None:
    """What Graph sends is believed."""
    verdict = judge(element())
    assert list(verdict.user_ids) == [USER]
    assert (verdict.elements, verdict.accepted, verdict.refusals) == (1, 1, {})


@pytest.mark.parametrize(
    "state", ["", "wrong", SECRET + " ", SECRET.upper(), "ü" * 20, "\ud800", "x" * 129, 5, [SECRET], None]
)
def test_a_wrong_client_state_is_refused(state: Any) -> None:
    """Missing, wrong, of another type, or not even Unicode: refused and counted, without an exception."""
    verdict = judge(element(clientState=state))
    assert not verdict.user_ids
    assert verdict.refusals == {"wrong client state": 1}


def test_during_a_change_both_client_states_are_believed() -> None:
    """The present one and the one before, no third; without a change, only the present one."""
    elements = [element(clientState=state) for state in (SECRET, "the-one-before-this", "forged")]
    body = json.dumps({"value": elements}).encode()
    assert judge_delivery(body, SECRET, TENANT, previous="the-one-before-this").accepted == 2
    assert judge_delivery(body, SECRET, TENANT).accepted == 1


def test_both_client_states_are_always_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that an answer takes does not tell which of the two fits, or whether there are two."""
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare_digest(one, other)

    monkeypatch.setattr("sync_trigger.judge_delivery.hmac.compare_digest", compare)
    for state in (SECRET, "the-one-before-this", "forged"):
        for previous in (None, "the-one-before-this"):
            compared.clear()
            body = json.dumps({"value": [element(clientState=state)]}).encode()
            judge_delivery(body, SECRET, TENANT, previous)
            assert len(compared) == 2


def test_another_tenant_is_refused() -> None:
    """A notification of another tenant is none of ours, even with the client state."""
    assert judge(element(tenantId="99999999-2222-3333-4444-555555555555")).refusals == {"another tenant": 1}
    assert judge(element(tenantId=TENANT.upper())).accepted == 1


def test_duplicates_become_one_user() -> None:
    """Several elements about one user, in any case of the id, lead to one look."""
    verdict = judge(element(), element(USER.upper()), element())
    assert list(verdict.user_ids) == [USER]
    assert verdict.accepted == 3


def test_one_bad_element_spoils_nothing() -> None:
    """Bad elements are refused one by one; the others go on."""
    verdict = judge(
        None, 5, "x", [], {}, element(clientState="forged"), element(resource="x", resourceData={}), element()
    )
    assert list(verdict.user_ids) == [USER]
    assert (verdict.elements, verdict.accepted) == (8, 1)
    assert verdict.refusals == {"not an object": 4, "wrong client state": 2, "names no user": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"resourceData": None, "resource": f"users/{USER}"},
        {"resourceData": {}, "resource": f"/Users/{USER}/"},
        {"resourceData": {"id": "not a guid"}, "resource": f"Users/{USER}"},
        {"resource": None},
        {"id": None, "tenantId": None},
    ],
)
def test_the_user_is_found_in_either_place(changes: dict[str, Any]) -> None:
    """The id is in `resourceData` or at the end of `resource`, in either case; optional members may be missing."""
    assert list(judge(element(**changes)).user_ids) == [USER]


def test_lifecycle_events_are_told_apart() -> None:
    """A lifecycle notification has no resource; it is believed by its client state and counted by its name."""
    notice = {"subscriptionId": "s", "clientState": SECRET, "tenantId": TENANT, "lifecycleEvent": "missed"}
    verdict = judge(notice, notice, element())
    assert verdict.lifecycle_events == {"missed": 2}
    assert verdict.accepted == 3
    assert not judge(notice | {"clientState": "forged"}).lifecycle_events


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"value": {}}', b"\xff", b"null", b"[" * 100_000, b'{"value": "x"}']
)
def test_a_body_that_graph_never_sends_is_named(body: bytes) -> None:
    """Anything but an object with a list `value` is refused as a whole."""
    with pytest.raises(NotFromGraph):
        judge_delivery(body, SECRET, TENANT)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
members = ["clientState", "tenantId", "resource", "resourceData", "lifecycleEvent", "changeType"]
loose_element = st.fixed_dictionaries({}, optional={name: anything | st.just(SECRET) for name in members})


@given(st.lists(loose_element | anything, max_size=8), st.lists(st.uuids(), max_size=5))
def test_every_element_is_accepted_or_refused_and_genuine_ones_always_accepted(
    rubbish: list[Any], users: list[UUID]
) -> None:
    """Whatever comes along with them, genuine elements are believed, and each element is counted exactly once."""
    verdict = judge(*rubbish, *(element(str(user)) for user in users))
    assert verdict.accepted + sum(verdict.refusals.values()) == verdict.elements == len(rubbish) + len(users)
    assert {str(user) for user in users} <= set(verdict.user_ids)
