"""The queue trigger's decisions, without a queue."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_run.functions_host import queue_message
from local_run.functions_host.back_off import MINIMUM_SECONDS, BackOff
from local_run.functions_host.protos import TypedData
from local_run.functions_host.queue_message import Settlement
from local_run.functions_host.queue_output import messages_of


@pytest.mark.parametrize(
    ("count", "succeeded", "has_poison_queue", "expected"),
    [
        (1, True, True, Settlement.DELETE),
        (5, True, True, Settlement.DELETE),
        (1, False, True, Settlement.SHOW_AGAIN),
        (4, False, True, Settlement.SHOW_AGAIN),
        (5, False, True, Settlement.POISON),
        (6, False, True, Settlement.POISON),
        (1, False, False, Settlement.LET_LEASE_END),
        (9, False, False, Settlement.LET_LEASE_END),
        (9, True, False, Settlement.DELETE),
    ],
)
def test_after_running(*, count: int, succeeded: bool, has_poison_queue: bool, expected: Settlement) -> None:
    """With at most five tries, the fifth failure is the last; on a poison queue nothing is ever given up."""
    assert queue_message.after_running(count, 5, succeeded=succeeded, has_poison_queue=has_poison_queue) is expected


@pytest.mark.parametrize(
    ("count", "has_poison_queue", "expected"),
    [(5, True, None), (6, True, Settlement.POISON), (6, False, None)],
)
def test_before_running(*, count: int, has_poison_queue: bool, expected: Settlement | None) -> None:
    """A message that a crash brought back too often does not run once more."""
    assert queue_message.before_running(count, 5, has_poison_queue=has_poison_queue) is expected


@pytest.mark.parametrize(
    ("queue", "poison"),
    [
        ("photos", "photos-poison"),
        ("photos-poison", None),
        ("q" * 56, "q" * 56 + "-poison"),
        ("q" * 57, None),
    ],
)
def test_poison_queue(queue: str, poison: str | None) -> None:
    """Poison goes to the queue's twin; there is none for a poison queue or when its name would be too long."""
    assert queue_message.poison_queue_of(queue) == poison


@given(st.text())
def test_bodies_survive_both_encodings(text: str) -> None:
    """What one host puts on a queue is what the other's function gets, base64 or plain."""
    content = text.encode()
    assert queue_message.decode(queue_message.encode(content, "base64"), "base64").string == text
    assert queue_message.decode(queue_message.encode(content, "none"), "none").string == text


@given(st.binary())
def test_bytes_survive_base64(content: bytes) -> None:
    """A body that is no text reaches the function as the same bytes."""
    body = queue_message.decode(base64.b64encode(content).decode(), "base64")
    assert (body.bytes if body.string is None else body.string.encode()) == content


@pytest.mark.parametrize("text", ['{"userId": 1}', "abc", "é", "a=b="])
def test_what_is_no_base64_is_refused(text: str) -> None:
    """A producer that forgot to encode is noticed, not guessed at."""
    with pytest.raises(ValueError, match=r".+"):
        queue_message.decode(text, "base64")


@pytest.mark.parametrize(
    ("data", "bodies"),
    [
        (TypedData(string="plain words"), [b"plain words"]),
        (TypedData(string="42"), [b"42"]),
        (TypedData(string='"quoted"'), [b'"quoted"']),
        (TypedData(json='["a", "b"]'), [b"a", b"b"]),
        (TypedData(string='[{"v":1}, 2]'), [b'{\n  "v": 1\n}', b"2"]),
        (TypedData(string='{"v":1}'), [b'{\n  "v": 1\n}']),
        (TypedData(string="[]"), []),
        (TypedData(bytes=b"[1,2]"), [b"[1,2]"]),
    ],
)
def test_what_an_output_becomes(data: TypedData, bodies: list[bytes]) -> None:
    """A JSON array becomes one message an element; everything else is one message."""
    assert messages_of(data) == bodies


@given(st.floats(0.1, 60), st.lists(st.booleans(), max_size=60))
def test_the_wait_grows_and_is_bounded(maximum: float, finds: list[bool]) -> None:
    """Waits stay between 100 ms and the maximum, reach the maximum on a queue that stays empty, and start anew."""
    back_off = BackOff(maximum)
    waits = []
    for found in finds:
        if found:
            back_off.found()
        else:
            waits.append(back_off.missed())
    assert all(MINIMUM_SECONDS <= wait <= maximum for wait in waits)
    assert [back_off.missed() for _ in range(12)][-1] == maximum
    back_off.found()
    assert back_off.missed() <= min(maximum, 0.1 + 1.2 * 0.1 + 1e-9)


def test_an_object_put_out_stays_the_same_object() -> None:
    """Re-indenting an object changes its looks, not what it says, in any script."""
    value = {"name": "Zoë 名", "n": 1}
    assert json.loads(messages_of(TypedData(string=json.dumps(value)))[0]) == value
