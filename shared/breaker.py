"""The circuit breaker: when nearly everything fails for one reason, wait instead of failing everybody.

Each service has one, in a row of Control that all instances share. It opens when enough looks fail within a window, for
reasons that are nobody's photo: a permission withdrawn, no token, a service down. While it is open photo events go back
on the queue, and one look every few minutes probes. The first that works closes it, and a sweep is asked for, so that
those who failed before it opened are looked at again.

    closed ──20 failures, more than 40 %, within 15 min──▶ open ──a probe works──▶ closed, sweep wanted
"""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.control import Control
from shared.failures import Failure, FailureCode
from shared.gates import STALE_AFTER, Service
from shared.logs import Happened, tell
from shared.rows import from_entity, to_entity
from shared.sweep_wanted import ask_for_sweep

WINDOW = timedelta(minutes=15)
LEAST_FAILURES = 20
MOST_FAILED_SHARE = 0.4
PROBE_EVERY = timedelta(minutes=5)
SYSTEMIC = frozenset(
    {
        FailureCode.NOT_PERMITTED,
        FailureCode.SIGN_IN_FAILED,
        FailureCode.SERVICE_UNAVAILABLE,
        FailureCode.REQUEST_REFUSED,
        FailureCode.PICTURE_FOLDER_UNCLEAR,
        FailureCode.ANSWER_NOT_UNDERSTOOD,
    }
)
"""Failures that say something of a service or of the app's rights, not of one user. Throttling has gates of its own."""
_PREFIX = "breaker "
_log = logging.getLogger("photosync.breaker")


@dataclass(frozen=True)
class Breaker:
    """One service's breaker, as its row holds it."""

    window_start: datetime | None = None
    ok: int = 0
    failed: int = 0
    open_since: datetime | None = None
    code: str | None = None
    """Of the failure that opened it."""
    next_probe_at: datetime | None = None
    recovered_at: datetime | None = None

    def counted(self, now: datetime, *, ok: int = 0, failed: int = 0, code: str | None = None) -> "Breaker":
        """With these looks counted; open when that is too much. Pure."""
        fresh = self.window_start is None or now - self.window_start >= WINDOW
        counted = replace(
            self,
            window_start=now if fresh else self.window_start,
            ok=ok + (0 if fresh else self.ok),
            failed=failed + (0 if fresh else self.failed),
        )
        too_many = counted.failed >= LEAST_FAILURES
        if too_many and counted.failed > MOST_FAILED_SHARE * (counted.ok + counted.failed) and not self.open_since:
            return replace(counted, open_since=now, code=code, next_probe_at=now + PROBE_EVERY)
        return counted

    def recovered(self, now: datetime) -> "Breaker":
        """Closed, with a new window. Pure."""
        return Breaker(window_start=now, recovered_at=now)


class Breakers:
    """The breakers as one process sees them; safe for its threads."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._lock = threading.Lock()
        self._known: dict[Service, Breaker] = {}
        self._read_at: datetime | None = None
        self._worked: dict[Service, int] = dict.fromkeys(Service, 0)

    def wait(self, now: datetime) -> timedelta | None:
        """How long a photo event must wait; None when it may be looked at, perhaps as the probe."""
        self._read(now)
        for service, breaker in self._known.items():
            if breaker.open_since is not None and not self._may_probe(service, breaker, now):
                return max((breaker.next_probe_at or now) - now, timedelta(seconds=30))
        return None

    def recovered_at(self, now: datetime) -> datetime | None:
        """When a service that had failed last worked again; `now` while one still fails; None when none ever did.

        What failed, or got stuck, before that moment deserves another look.
        """
        self._read(now)
        with self._lock:
            known = list(self._known.values())
        moments = [now if breaker.open_since is not None else breaker.recovered_at for breaker in known]
        return max((moment for moment in moments if moment is not None), default=None)

    def count(self, called: Iterable[Service], failure: Failure | None, now: datetime) -> None:
        """Take the outcome of one look into account: the services that it called, and the failure it ended with."""
        failing = Service(failure.service) if failure and failure.code in SYSTEMIC and failure.service else None
        for service in called:
            if service is not failing and (failure is None or failing is not None):
                self._count_ok(service, now)
        if failing is not None and failure is not None:
            self._count_failed(failing, failure.code, now)

    def _count_ok(self, service: Service, now: datetime) -> None:
        with self._lock:
            self._worked[service] += 1
            open_here = (known := self._known.get(service)) is not None and known.open_since is not None
        if not open_here:
            return

        def close(row: dict[str, Any]) -> dict[str, Any] | None:
            breaker = from_entity(Breaker, row)
            return None if breaker.open_since is None else _entity(breaker.recovered(now))

        self._remember(service, from_entity(Breaker, self._control.change(_row(service), close)))
        ask_for_sweep(self._control, f"{service} works again", now)
        tell(_log, Happened.BREAKER_CLOSED, service=service)

    def _count_failed(self, service: Service, code: FailureCode, now: datetime) -> None:
        with self._lock:
            ok, self._worked[service] = self._worked[service], 0

        def count(row: dict[str, Any]) -> dict[str, Any]:
            return _entity(from_entity(Breaker, row).counted(now, ok=ok, failed=1, code=str(code)))

        breaker = from_entity(Breaker, self._control.change(_row(service), count))
        self._remember(service, breaker)
        if breaker.open_since == now:
            tell(_log, Happened.BREAKER_OPENED, service=service, code=code, why=code.sentence, todo=code.remedy)

    def _may_probe(self, service: Service, breaker: Breaker, now: datetime) -> bool:
        """Whether this look is the one that probes: the first to move the time of the next probe on."""
        if breaker.next_probe_at is not None and now < breaker.next_probe_at:
            return False
        won = False

        def claim(row: dict[str, Any]) -> dict[str, Any] | None:
            nonlocal won
            present = from_entity(Breaker, row)
            won = present.open_since is not None and (present.next_probe_at or now) <= now
            return _entity(replace(present, next_probe_at=now + PROBE_EVERY)) if won else None

        self._remember(service, from_entity(Breaker, self._control.change(_row(service), claim)))
        return won

    def _remember(self, service: Service, breaker: Breaker) -> None:
        with self._lock:
            self._known[service] = breaker

    def _read(self, now: datetime) -> None:
        with self._lock:
            if self._read_at is not None and self._read_at <= now < self._read_at + STALE_AFTER:
                return
            self._read_at = now
        rows = self._control.starting_with(_PREFIX)
        known = {Service(row.name.removeprefix(_PREFIX)): from_entity(Breaker, row.values) for row in rows}
        with self._lock:
            self._known = known


def _row(service: Service) -> str:
    return f"{_PREFIX}{service}"


def _entity(breaker: Breaker) -> dict[str, Any]:
    entity = to_entity(breaker, "", "")
    return {name: value for name, value in entity.items() if name not in {"PartitionKey", "RowKey"}}
