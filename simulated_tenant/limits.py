"""Throttling: resource budgets by the minute, and gates that stay closed until the Retry-After given has passed."""

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

WINDOW = timedelta(minutes=1)

ANNOUNCED_FROM = 0.8
"""Share of the budget from which SharePoint's RateLimit-* headers appear."""

ON_THE_WAY = timedelta(seconds=0.5)
"""Other requests that arrive this soon after the refusal may have been sent before it; they are no violation."""


@dataclass
class Gate:
    """A Retry-After that was given: before its end no request that it covers should come."""

    app: str
    service: str
    closed_at: datetime
    until: datetime
    operation: str | None = None
    """Only this operation is covered, and of it only requests with one of the needles, if there are any."""
    needles: tuple[str, ...] = ()
    refused: set[str] = field(default_factory=set)
    """Identities of what was refused already: the same again is a retry, however soon it comes."""


@dataclass(frozen=True)
class Spent:
    """The state of a budget after a request was charged."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    """Until there is room for the same request again."""


def seconds_of(retry_after: str, machine_now: datetime | None = None) -> float | None:
    """What a Retry-After header asks for: seconds, or an HTTP date by the machine's clock. None when it is neither."""
    try:
        return float(int(retry_after))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return (moment - (machine_now or datetime.now(UTC))).total_seconds()


class Limits:
    """Budgets and gates of all apps at all services. Every time is the tenant's."""

    def __init__(self) -> None:
        self.per_minute: dict[str, int] = {}
        """Service to resource units a minute, for each app."""
        self.gates: list[Gate] = []
        self._spent: dict[tuple[str, str], deque[tuple[datetime, int]]] = {}

    def close_gate(self, gate: Gate) -> None:
        """From now on, requests that `gate` covers are early."""
        self.gates.append(gate)

    def closed_for(
        self, app: str, service: str, operation: str, *, text: str, arrived: datetime, now: datetime
    ) -> Gate | None:
        """The gate that a request runs into; `text` as `faults.searchable` gives it.

        A request that arrived before the refusal, such as the next item of the same batch, runs into none.
        """
        self.gates = [gate for gate in self.gates if gate.until > now]
        for gate in self.gates:
            if (
                (gate.app, gate.service) == (app, service)
                and gate.operation in {None, operation}
                and (not gate.needles or any(needle in text for needle in gate.needles))
                and arrived > gate.closed_at
            ):
                return gate
        return None

    def charge(self, app: str, service: str, cost: int, now: datetime) -> Spent | None:
        """Charge a request; None when the service has no budget. A refused request is charged as well."""
        limit = self.per_minute.get(service)
        if limit is None:
            return None
        spent = self._window(app, service, now)
        spent.append((now, cost))
        used = sum(units for _, units in spent)
        return Spent(used <= limit, limit, max(0, limit - used), _until_room(spent, limit - cost, now))

    def announced(self, app: str, service: str, now: datetime) -> Spent | None:
        """The budget as headers announce it: from 80 % of it on, and None before that."""
        limit = self.per_minute.get(service)
        if limit is None:
            return None
        spent = self._window(app, service, now)
        used = sum(units for _, units in spent)
        if used < limit * ANNOUNCED_FROM:
            return None
        return Spent(used <= limit, limit, max(0, limit - used), _until_room(spent, 0, now))

    def _window(self, app: str, service: str, now: datetime) -> deque[tuple[datetime, int]]:
        spent = self._spent.setdefault((app, service), deque())
        while spent and spent[0][0] <= now - WINDOW:
            spent.popleft()
        return spent

    def forget(self) -> None:
        """Open every gate and empty every window; budgets stay."""
        self.gates.clear()
        self._spent.clear()


def _until_room(spent: deque[tuple[datetime, int]], room: int, now: datetime) -> int:
    """Whole seconds until no more than `room` units are left in the window; 0 when that is so already."""
    total = sum(units for _, units in spent)
    wait = 0
    for moment, units in spent:
        if total <= room:
            break
        total -= units
        wait = max(1, math.ceil((moment + WINDOW - now).total_seconds()))
    return wait


def is_early(gate: Gate, identity: str, arrived: datetime) -> bool:
    """Whether a request in front of a closed gate should not have come; adds it to what was refused."""
    again = identity in gate.refused
    gate.refused.add(identity)
    return again or arrived > gate.closed_at + ON_THE_WAY
