"""Many users in one notification: one message, twenty a request, and nobody's own notification behind them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from photo_worker.lease import take
from shared import sweep_wanted
from shared.graph import SourcePhoto
from shared.pace import AT_ONCE
from shared.status import StatusRow
from shared.words import QUEUE_OF_CHANGES, QUEUE_OF_CHECKS, Outcome, PhotoEvent, Reason, UserState
from sync_trigger.check_messages import read_message
from sync_trigger.differs import Circumstances, Different, differs_after_notification
from sync_trigger.notified_users import FEW, USERS_A_MESSAGE, NotifiedMessage, notified
from sync_trigger.record_check_poison import record_check_poison
from tests import pictures
from tests.draining import Drained

PHOTO = pictures.jpeg(200, 200, seed=70)
NEW = pictures.jpeg(200, 200, seed=71)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def in_step(drained: Drained, count: int) -> list[str]:
    """So many users whose photo has been copied."""
    users = [drained.bench.person(PHOTO) for _ in range(count)]
    for user in users:
        drained.bench.worker.handle(PhotoEvent(user_id=user, reason=Reason.SWEEP))
    drained.bench.control.clear_records()
    return users


def put(drained: Drained) -> tuple[int, int]:
    """Messages put so far: photo events, and checks."""
    return len(drained.delays(QUEUE_OF_CHANGES)), len(drained.delays(QUEUE_OF_CHECKS))


def test_few_users_get_a_photo_event_each_and_many_one_message(drained: Drained) -> None:
    """Up to three go straight to the workers; a hundred cost Storage one message."""
    drained.notify([str(uuid4()) for _ in range(FEW)])
    assert put(drained) == (FEW, 0)
    drained.notify([str(uuid4()) for _ in range(100)])
    assert put(drained) == (FEW, 1)


def test_of_many_notified_users_only_those_who_differ_are_looked_at(drained: Drained) -> None:
    """A twentieth of a request for everybody, and a copy at once for the few with another photo."""
    users = in_step(drained, 40)
    unknown = [drained.bench.person() for _ in range(3)]
    for user in users[:2]:
        drained.bench.control.put_photo(user, NEW)
    drained.notify([*users, *unknown])
    noticed = drained.now
    drained.run()
    assert drained.outcomes == [Outcome.COPIED] * 2
    assert drained.delays() == [timedelta()] * 2
    assert all(drained.bench.shows(user, NEW) for user in users[:2])
    assert drained.bench.requests("graph").count("graph.batch") == 3 + 2  # 43 users, and each worker's own look
    latest = drained.services.history.of(users[0], 1)[0]
    assert latest.reason is Reason.NOTIFICATION
    assert latest.noticed_at is not None
    assert abs(latest.noticed_at - noticed) < timedelta(seconds=10)
    assert all(drained.services.status.get(user) is None for user in unknown)


def test_when_many_differ_they_stand_in_line_and_a_single_user_does_not(drained: Drained) -> None:
    """Forty changed photos of one POST are paced like a sweep's; whoever comes alone is looked at at once."""
    users = in_step(drained, 40)
    for user in users:
        drained.bench.control.put_photo(user, NEW)
    drained.notify(users)
    drained.run(checks_only=True)
    assert timedelta(seconds=37) < max(drained.delays()) <= timedelta(seconds=39)
    assert {drained.bench.row(user).state for user in users} == {UserState.PENDING}
    drained.notify(users)  # nothing twice for whom a photo event is on its way
    drained.run(checks_only=True)
    assert len(drained.delays()) == 40
    drained.notify(users[-1:])
    assert drained.delays()[-1] == timedelta()
    drained.run()
    assert all(drained.bench.shows(user, NEW) for user in users)


def test_as_many_as_a_person_names_are_looked_at_at_once(drained: Drained) -> None:
    """Twenty-five people whose photos change in one POST do not wait behind a sweep that fills the line for hours."""
    drained.bench.services.pace.claim(1000, drained.bench.clock.now())
    users = [drained.bench.person(NEW) for _ in range(AT_ONCE)]
    drained.notify(users)
    drained.run(checks_only=True)
    assert drained.delays() == [timedelta()] * AT_ONCE


@pytest.mark.parametrize(
    ("operation", "fault"),
    [("graph.batch", "429:Retry-After=30"), ("graph.photo.metadata", "429:Retry-After=30"), ("graph.batch", "503")],
)
def test_what_graph_does_not_answer_is_asked_again(drained: Drained, operation: str, fault: str) -> None:
    """Throttled or away, whole or in part: everybody is checked in the end, and never early."""
    users = in_step(drained, 24)
    drained.bench.control.put_photo(users[-1], NEW)
    drained.bench.control.put_photo(users[0], NEW)
    drained.bench.control.fault(operation, *[fault] * 4)
    drained.notify(users)
    drained.run()
    assert drained.bench.control.faults()["completed"]
    assert drained.bench.shows(users[0], NEW)
    assert drained.bench.shows(users[-1], NEW)


def test_what_cannot_be_checked_is_left_to_the_sweep(drained: Drained) -> None:
    """A permission withdrawn is no reason to try for ever: the message ends, and the next sweep finds the change."""
    users = in_step(drained, 4)
    drained.bench.control.put_photo(users[0], NEW)
    drained.bench.control.fault("graph.batch", "403:code=Authorization_RequestDenied")
    drained.notify(users)
    drained.run()
    assert drained.outcomes == []
    drained.sweep()
    assert drained.bench.shows(users[0], NEW)


def test_a_worker_that_is_at_it_is_told(drained: Drained) -> None:
    """Whoever holds the lease may have looked before the change: the row is marked, so that it looks again."""
    users = in_step(drained, 4)
    lease = take(drained.services.status, users[0], drained.now, mark_dirty=True)
    assert lease is not None
    drained.notify(users)
    drained.run()
    assert drained.outcomes == [Outcome.LEFT_TO_HOLDER]
    assert drained.bench.row(users[0]).dirty


def test_notified_users_whose_message_is_poison_are_swept(drained: Drained) -> None:
    """The host gave up on the message: a sweep is asked for, which checks everybody."""
    record_check_poison(drained.services, "m1", notified([str(uuid4())])[0].to_message())
    assert sweep_wanted.read(drained.services.control) is not None


def test_no_message_is_too_large_for_a_queue() -> None:
    """However many users a POST names, each message fits (48 KiB before base64), and none of them is lost."""
    users = [str(uuid4()) for _ in range(2 * USERS_A_MESSAGE + 1)]
    messages = notified(users)
    assert [len(message.users) for message in messages] == [USERS_A_MESSAGE, USERS_A_MESSAGE, 1]
    assert max(len(message.to_message()) for message in messages) < 48 * 1024
    read = [read_message(message.to_message()) for message in messages]
    assert [user for message in read if isinstance(message, NotifiedMessage) for user in message.users] == users


def row(**fields: Any) -> StatusRow:
    """The row of somebody in step with version A."""
    told = {"state": UserState.IN_STEP, "source_etag": "A", "recipe": "r", "picture_url": "https://x"} | fields
    return StatusRow(str(uuid4()), **told)


DIFFER: Sequence[tuple[str, StatusRow | None, str | None, bool]] = [
    ("in step", row(), "A", False),
    ("another version", row(), "B", True),
    ("a version without a name", row(checked_at=NOW), "", True),
    ("never seen", None, "A", True),
    ("never seen, no photo", None, None, False),
    ("photo gone", row(), None, True),
    ("held, though in step", row(lease_owner="w", lease_until=NOW + timedelta(minutes=1)), "A", True),
    ("held by one who died", row(lease_owner="w", lease_until=NOW - timedelta(minutes=1)), "A", True),
    ("on its way", row(state=UserState.PENDING, next_attempt_at=NOW + timedelta(hours=3)), "B", False),
    ("on its way, but lost", row(state=UserState.PENDING, next_attempt_at=NOW - timedelta(hours=3)), "A", True),
    ("failed an hour ago", row(state=UserState.FAILED, source_etag=None, checked_at=NOW), "A", True),
    ("out of scope", row(state=UserState.OUT_OF_SCOPE, checked_at=NOW), "A", True),
]


@pytest.mark.parametrize(("what", "seen", "etag", "differs"), DIFFER, ids=[case[0] for case in DIFFER])
def test_whom_a_notification_gives_to_a_worker(
    what: str, seen: StatusRow | None, etag: str | None, differs: bool
) -> None:
    """Everybody but who is plainly settled, or will be looked at anyway after this moment."""
    photo = None if etag is None else SourcePhoto(etag)
    verdict = differs_after_notification(photo, seen, Circumstances(NOW, "r"))
    assert isinstance(verdict, Different) is differs, (what, verdict)
