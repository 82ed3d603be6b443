"""Who needs a photo event: one row of a table each, and what must hold for every row that there can be."""

import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.graph import SourcePhoto
from shared.status import StatusRow
from shared.words import Outcome, UserState
from sync_trigger.differs import Circumstances, Different, Settled, Write, differs

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
USER = "78ccf530-bbf0-47e4-aae6-da5f8c6fb142"
HOUR = timedelta(hours=1)
AT = Circumstances(now=NOW, recipe="r1")
IN_STEP = StatusRow(
    USER, UserState.IN_STEP, source_etag="a", recipe="r1", picture_url="https://p", checked_at=NOW - HOUR
)
GONE = replace(IN_STEP, state=UserState.NO_PHOTO, no_photo_since=NOW - 2 * HOUR)
FAILED = replace(
    IN_STEP, state=UserState.FAILED, source_etag=None, seen_etag="a", error_code="NameCollision", checked_at=NOW - HOUR
)
REFUSED = replace(FAILED, error_code="PhotoRefused", refused_etag="a")
DENIED = replace(FAILED, error_code="NotPermitted")
DEFERRED = replace(IN_STEP, state=UserState.DEFERRED, next_attempt_at=NOW - 2 * HOUR)
HELD: dict[str, Any] = {"lease_owner": "somebody", "lease_until": NOW + timedelta(minutes=4)}
LEFT: dict[str, Any] = {"lease_owner": "somebody", "lease_until": NOW - timedelta(minutes=1)}
UNDONE = replace(
    IN_STEP, state=UserState.OUT_OF_SCOPE, source_etag=None, recipe=None, picture_url=None, left_alone="restored"
)
ASKED = replace(AT, asked=True)
NEVER = StatusRow(USER, UserState.NO_PHOTO, checked_at=NOW - HOUR, no_photo_since=NOW - HOUR)

DIFFERENT = [
    ("a", None, AT, "nobody has looked"),
    ("b", IN_STEP, AT, "another version"),
    ("a", replace(IN_STEP, recipe="r0"), AT, "in another way"),
    ("a", replace(IN_STEP, source_etag=None), AT, "another version"),
    ("b", FAILED, AT, "than the one that failed"),
    ("b", REFUSED, AT, "than the one that failed"),
    ("a", replace(FAILED, checked_at=NOW - 25 * HOUR), AT, "more than a day ago"),
    ("a", DENIED, replace(AT, recovered_at=NOW - timedelta(minutes=5)), "when everything did"),
    ("a", DEFERRED, AT, "overdue"),
    ("a", replace(DEFERRED, next_attempt_at=None), AT, "overdue"),
    ("a", replace(IN_STEP, state=UserState.PENDING), AT, "overdue"),
    ("a", replace(IN_STEP, state=UserState.COPYING, **LEFT), AT, "worker that held it is gone"),
    ("a", replace(IN_STEP, state=UserState.COPYING), AT, "broken off"),
    ("a", replace(IN_STEP, **LEFT), AT, "worker that held it is gone"),
    ("a", GONE, AT, "is back"),
    ("a", NEVER, AT, "is back"),
    ("a", replace(IN_STEP, state=UserState.OUT_OF_SCOPE, checked_at=NOW - 2 * HOUR), AT, "in scope again"),
    ("a", replace(UNDONE, state=UserState.COPYING), AT, "broken off"),
    ("a", replace(UNDONE, state=UserState.FAILED, checked_at=NOW - 25 * HOUR), AT, "not finished"),
    ("a", replace(UNDONE, state=UserState.FAILED), ASKED, "not finished"),
    ("a", UNDONE, replace(ASKED, force=True), "a copy is asked for"),
    (None, UNDONE, replace(ASKED, force=True), "a copy is asked for"),
    (None, IN_STEP, AT, "first observation"),
    (None, GONE, AT, "gone for good"),
    (None, REFUSED, AT, "first observation"),
    (None, replace(REFUSED, picture_url=None), AT, "the photo is gone"),
    ("", replace(IN_STEP, source_etag="", checked_at=NOW - 25 * HOUR), AT, "another way|another version"),
    ("a", IN_STEP, replace(AT, force=True), "asked for"),
    ("a", REFUSED, replace(AT, asked=True), "failed before"),
    ("a", replace(DEFERRED, next_attempt_at=NOW + HOUR), replace(AT, asked=True), "overdue"),
]
SETTLED = [
    ("a", UNDONE, AT, Outcome.OUT_OF_SCOPE, Write.NOTHING),
    ("b", replace(UNDONE, checked_at=NOW - 30 * HOUR), AT, Outcome.OUT_OF_SCOPE, Write.VOUCH),
    (None, UNDONE, AT, Outcome.OUT_OF_SCOPE, Write.NOTHING),
    ("a", UNDONE, ASKED, Outcome.OUT_OF_SCOPE, Write.NOTHING),
    ("a", replace(UNDONE, state=UserState.FAILED), AT, Outcome.FAILED, Write.NOTHING),
    (None, None, AT, Outcome.NO_PHOTO, Write.INSERT),
    ("a", IN_STEP, AT, Outcome.UNCHANGED, Write.NOTHING),
    ("a", replace(IN_STEP, checked_at=NOW - 21 * HOUR), AT, Outcome.UNCHANGED, Write.VOUCH),
    ("a", replace(IN_STEP, checked_at=None), AT, Outcome.UNCHANGED, Write.VOUCH),
    ("a", IN_STEP, replace(AT, asked=True), Outcome.UNCHANGED, Write.NOTHING),
    ("", replace(IN_STEP, source_etag=""), AT, Outcome.UNCHANGED, Write.NOTHING),
    ("b", replace(IN_STEP, **HELD), AT, Outcome.LEFT_TO_HOLDER, Write.NOTHING),
    ("b", replace(IN_STEP, state=UserState.COPYING, **HELD), AT, Outcome.LEFT_TO_HOLDER, Write.NOTHING),
    ("a", replace(IN_STEP, checked_at=None, **HELD), replace(AT, asked=True), Outcome.UNCHANGED, Write.NOTHING),
    ("b", replace(IN_STEP, state=UserState.PENDING, next_attempt_at=NOW + 9 * HOUR), AT, Outcome.DEFERRED, None),
    ("b", replace(DEFERRED, next_attempt_at=NOW - HOUR / 2), AT, Outcome.DEFERRED, Write.NOTHING),
    ("a", DEFERRED, replace(AT, recovered_at=NOW), Outcome.DEFERRED, Write.NOTHING),
    ("a", DEFERRED, replace(AT, recovered_at=NOW - HOUR / 2), Outcome.DEFERRED, Write.NOTHING),
    ("a", FAILED, AT, Outcome.FAILED, Write.NOTHING),
    ("a", replace(FAILED, checked_at=NOW - 21 * HOUR), AT, Outcome.FAILED, Write.NOTHING),
    ("a", REFUSED, AT, Outcome.FAILED, Write.NOTHING),
    ("a", replace(REFUSED, checked_at=NOW - 99 * HOUR), AT, Outcome.FAILED, Write.VOUCH),
    ("a", DENIED, AT, Outcome.FAILED, Write.NOTHING),
    ("a", DENIED, replace(AT, recovered_at=NOW), Outcome.FAILED, Write.NOTHING),
    ("a", DENIED, replace(AT, recovered_at=NOW - 2 * HOUR), Outcome.FAILED, Write.NOTHING),
    ("a", FAILED, replace(AT, recovered_at=NOW - HOUR / 2), Outcome.FAILED, Write.NOTHING),
    (None, NEVER, AT, Outcome.NO_PHOTO, Write.NOTHING),
    (None, replace(GONE, no_photo_since=NOW - HOUR / 2), AT, Outcome.NO_PHOTO, Write.NOTHING),
    (None, GONE, replace(AT, may_clear=False), Outcome.NO_PHOTO, Write.NOTHING),
    (None, NEVER, replace(AT, force=True), Outcome.NO_PHOTO, Write.NOTHING),
    ("a", replace(IN_STEP, state=UserState.OUT_OF_SCOPE, checked_at=NOW), AT, Outcome.OUT_OF_SCOPE, Write.NOTHING),
]


def photo_of(etag: str | None) -> SourcePhoto | None:
    """A photo with this version; None: no photo."""
    return None if etag is None else SourcePhoto(etag)


@pytest.mark.parametrize(("etag", "row", "at", "why"), DIFFERENT)
def test_who_is_different(etag: str | None, row: StatusRow | None, at: Circumstances, why: str) -> None:
    """Gets a photo event, with this reason."""
    verdict = differs(photo_of(etag), row, at)
    assert isinstance(verdict, Different)
    assert any(part in verdict.why for part in why.split("|"))


@pytest.mark.parametrize(("etag", "row", "at", "outcome", "write"), SETTLED)
def test_who_is_settled(
    etag: str | None, row: StatusRow | None, at: Circumstances, outcome: Outcome, write: Write | None
) -> None:
    """Gets none, with this outcome, and this is what is written of it."""
    verdict = differs(photo_of(etag), row, at)
    assert isinstance(verdict, Settled)
    assert verdict.outcome is outcome
    assert verdict.write is (write or Write.NOTHING)


MOMENTS = [None, *(NOW + timedelta(minutes=minutes) for minutes in (-3000, -1300, -90, -30, 30, 9000))]
PAST = [moment for moment in MOMENTS if moment is None or moment <= NOW]
ETAGS = [None, "a", "b"]


def rows() -> st.SearchStrategy[StatusRow]:
    """Every kind of row, sensible or not: a table outlives the code that wrote it."""
    return st.builds(
        lambda lease, **fields: StatusRow(user_id=USER, **fields, **lease),
        lease=st.sampled_from([{}, HELD, LEFT]),
        state=st.sampled_from(list(UserState)),
        source_etag=st.sampled_from(ETAGS),
        seen_etag=st.sampled_from(ETAGS),
        refused_etag=st.sampled_from(ETAGS),
        recipe=st.sampled_from([None, "r0", "r1"]),
        picture_url=st.sampled_from([None, "https://p"]),
        checked_at=st.sampled_from(PAST),
        no_photo_since=st.sampled_from(PAST),
        next_attempt_at=st.sampled_from(MOMENTS),
        error_code=st.sampled_from([None, "NotPermitted", "PhotoRefused", "TooManyRequests", "from a later version"]),
    )


def some_rows(count: int) -> Iterator[tuple[StatusRow | None, SourcePhoto | None, Circumstances]]:
    """So many cases, the same every time."""
    dice = random.Random(20)
    leases: list[dict[str, Any]] = [{}, HELD, LEFT]
    for number in range(count):
        row = StatusRow(
            user_id=USER,
            state=dice.choice(list(UserState)),
            source_etag=dice.choice(ETAGS),
            seen_etag=dice.choice(ETAGS),
            refused_etag=dice.choice(ETAGS),
            recipe=dice.choice([None, "r0", "r1"]),
            picture_url=dice.choice([None, "https://p"]),
            checked_at=dice.choice(PAST),
            no_photo_since=dice.choice(PAST),
            next_attempt_at=dice.choice(MOMENTS),
            error_code=dice.choice([None, "NotPermitted", "PhotoRefused"]),
            **dice.choice(leases),
        )
        at = Circumstances(
            NOW,
            "r1",
            asked=dice.random() < 0.2,
            force=dice.random() < 0.1,
            may_clear=dice.random() < 0.8,
            recovered_at=dice.choice(PAST),
        )
        yield (None if number % 50 == 0 else row), photo_of(dice.choice([None, "", "a", "b"])), at


def check_always(photo: SourcePhoto | None, row: StatusRow | None, at: Circumstances) -> None:
    """What holds whatever the row says."""
    verdict = differs(photo, row, at)
    if isinstance(verdict, Settled):
        held = row is not None and row.lease_owner is not None
        assert (verdict.write is Write.INSERT) == (row is None)
        assert not (held and verdict.write is Write.VOUCH)
        if verdict.outcome is Outcome.UNCHANGED and photo is not None and photo.media_etag:
            assert row is not None
            assert (row.source_etag, row.recipe) == (photo.media_etag, at.recipe)
        assert not (at.force and photo is not None)
    elif not at.asked and not at.force and row is not None:
        assert row.lease_until is None or row.lease_until <= NOW
        assert row.next_attempt_at is None or row.next_attempt_at <= NOW - HOUR


def check_in_the_end(photo: SourcePhoto | None, row: StatusRow) -> None:
    """Nobody is forgotten: three days later, when nothing else has happened, only who is in order is left alone."""
    later = Circumstances(NOW + timedelta(days=10), "r1")
    verdict = differs(photo, row, later)
    if isinstance(verdict, Settled):
        in_step = photo is not None and row.source_etag == photo.media_etag and row.recipe == "r1"
        refused = photo is not None and row.refused_etag == photo.media_etag and row.state is UserState.FAILED
        nothing = photo is None and row.picture_url is None
        assert in_step or refused or nothing


def test_ten_thousand_rows_in_seconds() -> None:
    """Whatever the row says, the answer keeps its promises, and ten thousand answers take less than ten seconds."""
    started = time.perf_counter()
    for row, photo, at in some_rows(10_000):
        check_always(photo, row, at)
        if row is not None:
            check_in_the_end(photo, row)
    assert time.perf_counter() - started < 10


@given(rows(), st.sampled_from([None, "", "a", "b"]), st.booleans(), st.booleans(), st.sampled_from(PAST))
def test_every_row_is_answered(
    row: StatusRow, etag: str | None, asked: bool, force: bool, recovered_at: datetime | None
) -> None:
    """The same over rows that hypothesis thinks up."""
    at = Circumstances(NOW, "r1", asked=asked, force=force, recovered_at=recovered_at)
    check_always(photo_of(etag), row, at)
    check_in_the_end(photo_of(etag), row)


def test_who_was_given_to_a_worker_is_left_alone_until_it_is_late() -> None:
    """Marked with the time of its turn, the same row is settled up to an hour later, in every state."""
    for state, minutes in itertools.product(UserState, (-59, 0, 5000)):
        row = replace(IN_STEP, state=state, source_etag="old", next_attempt_at=NOW + timedelta(minutes=minutes))
        assert isinstance(differs(SourcePhoto("a"), row, AT), Settled)
        overdue = replace(row, next_attempt_at=NOW - HOUR, checked_at=NOW - 25 * HOUR)
        assert isinstance(differs(SourcePhoto("a"), overdue, AT), Different)
