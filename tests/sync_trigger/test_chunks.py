"""Chunks of twenty, cut across pages; and the messages that carry them."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runs import RunKind
from shared.words import Reason
from sync_trigger.check_messages import (
    CheckedUser,
    CheckMessage,
    ListMessage,
    read_message,
    read_users,
    write_users,
)
from sync_trigger.list_users import cut


def user(number: int) -> CheckedUser:
    """A user whose id is made of the number."""
    return CheckedUser(id=str(UUID(int=number)), upn=f"person.{number}@contoso.com", loc="EUR" if number % 3 else None)


@given(st.lists(st.integers(0, 90), min_size=1, max_size=8), st.integers(1, 20))
def test_chunks_are_full_across_pages_and_nobody_is_lost(pages: list[int], size: int) -> None:
    """However many of each page are in scope: each once, in order, all chunks full but the last."""
    numbers = iter(range(1000))
    chunks: list[tuple[CheckedUser, ...]] = []
    everybody: list[CheckedUser] = []
    carry: tuple[CheckedUser, ...] = ()
    for position, count in enumerate(pages):
        users = [user(next(numbers)) for _ in range(count)]
        everybody += users
        full, carry = cut((*read_users(write_users(carry)), *users), is_last=position == len(pages) - 1, size=size)
        assert len(carry) < size
        chunks += full
    assert carry == ()
    assert [one for chunk in chunks for one in chunk] == everybody
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert len(chunks) == -(-len(everybody) // size)


def check(*users: CheckedUser, **fields: object) -> CheckMessage:
    """A message about these users."""
    return CheckMessage.model_validate(
        {"run_kind": RunKind.JOB, "run_id": "r", "chunk": 3, "reason": Reason.MANUAL, "users": users, **fields}
    )


def test_messages_come_back_as_they_went() -> None:
    """As text and back; a full chunk is far below the 48 KiB that a message may have."""
    messages = [
        ListMessage(run_kind=RunKind.SWEEP, run_id="r", page=7, attempt=2),
        check(*(user(number) for number in range(20)), job_id="r", force=True),
    ]
    for message in messages:
        assert read_message(message.to_message()) == message
        assert len(message.to_message().encode()) < 4096


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"v": 2, "kind": "list", "runKind": "sweep", "runId": "r", "page": 0}',
        '{"v": 1, "kind": "list", "runKind": "sweep", "runId": "r", "page": -1}',
        '{"v": 1, "kind": "look", "runKind": "sweep", "runId": "r"}',
        '{"v": 1, "kind": "check", "runKind": "sweep", "runId": "r", "chunk": 0, "reason": "sweep", "users": []}',
    ],
)
def test_what_is_none_of_ours_is_refused(text: str) -> None:
    """Another version, another kind, or nonsense is no message: it ends on the poison queue, readable."""
    with pytest.raises(ValueError, match=r"."):
        read_message(text)


def test_a_field_of_a_later_version_is_ignored() -> None:
    """Messages on the queue while another version is deployed are still understood."""
    text = '{"v": 1, "kind": "list", "runKind": "sweep", "runId": "r", "page": 1, "colour": "red"}'
    assert read_message(text) == ListMessage(run_kind=RunKind.SWEEP, run_id="r", page=1)


def test_each_round_has_a_record_of_its_own() -> None:
    """What is put off and checked again must not be taken for done: not even when all of the chunk are put off."""
    users = (user(1), user(2))
    first = check(*users)
    second = first.next_round(users, attempt=1)
    keys = {first.key, second.key, first.next_round(users[:1], attempt=1).key, check(users[0], user(3)).key}
    assert len(keys) == 4
    assert first.at_attempt(5).key == first.key
