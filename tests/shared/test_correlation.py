"""One id from what began the work to its last step, whatever the messages say."""

import json
import threading
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.correlation import Place, correlation_id, standing_at, traceparent
from shared.spans import span
from shared.words import PhotoEvent, Reason

SENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def event(**fields: object) -> PhotoEvent:
    """A photo event as somebody makes it."""
    return PhotoEvent.model_validate({"user_id": str(uuid4()), "reason": Reason.SWEEP, **fields})


def test_a_message_carries_the_id_of_who_made_it() -> None:
    """Who makes a message names no id; the work that follows has the same one, and steps of its own."""
    with span("sweep"):
        begun = correlation_id()
        sent = event().to_message()
    assert correlation_id() is None
    with span("look", PhotoEvent.from_message(sent).traceparent) as followed:
        assert correlation_id() == begun
        assert followed.parent is not None
        assert followed.place.span_id != followed.parent.span_id
        assert event().traceparent == followed.place.traceparent


def test_put_back_it_is_the_same_work() -> None:
    """An event that waits for its next attempt keeps the id, whoever puts it back."""
    first = event(traceparent=SENT)
    with span("another piece of work"):
        assert first.again().traceparent == SENT


def test_messages_of_the_version_before_are_taken() -> None:
    """A message without the field begins a piece of work of its own."""
    said = json.loads(event().to_message())
    del said["traceparent"]
    understood = PhotoEvent.from_message(json.dumps(said))
    assert understood.traceparent is None
    with span("look", understood.traceparent):
        assert correlation_id() is not None


@given(st.one_of(st.text(max_size=80), st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")))
def test_nothing_in_the_field_stops_the_work(text: str) -> None:
    """Whatever stands there: it is either continued to the letter, or a new id is taken."""
    with span("look", text) as begun:
        if Place.read(text) is not None:
            assert begun.place.trace_id == text[3:35]
        assert Place.read(begun.place.traceparent) == begun.place


@pytest.mark.parametrize(
    "text", [SENT.replace("00-", "01-", 1), "00-" + "0" * 32 + SENT[35:], SENT.upper(), SENT + "-x"]
)
def test_what_the_standard_calls_invalid_is_not_continued(text: str) -> None:
    """Another version, an id of zeros, capitals or something behind: such a name is no name."""
    assert Place.read(text) is None


def test_threads_do_not_mix() -> None:
    """Two pieces of work side by side in one process each have their own id, and nobody has one outside."""
    seen: dict[str, str | None] = {}
    both = threading.Barrier(2, timeout=10)

    def work(name: str, sent: str) -> None:
        with span("look", sent):
            both.wait()
            seen[name] = correlation_id()

    sent = [SENT, SENT.replace("0af7", "1bf8")]
    threads = [threading.Thread(target=work, args=(text[3:7], text)) for text in sent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"0af7": sent[0][3:35], "1bf8": sent[1][3:35]}
    assert traceparent() is None


def test_a_step_that_fails_leaves_the_place() -> None:
    """After an error the code stands where it stood before."""
    place = Place.new()
    with standing_at(place):
        with pytest.raises(RuntimeError), span("step") as step:
            raise RuntimeError
        assert step.failed
        assert step.place.trace_id == place.trace_id
        assert correlation_id() == place.trace_id
