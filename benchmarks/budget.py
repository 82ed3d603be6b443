"""A backfill under the tenant's budget, in virtual time: how much of it is used, and how often Microsoft says "wait".

Source of the budget: "Avoid getting throttled or blocked in SharePoint Online", app limits per minute.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from benchmarks.frame import Claim, Measurement, Plot, Series, Told, prose, table
from benchmarks.ground import ground
from shared.words import Outcome
from sync_trigger.sweep import sweep_when_due
from tests import pictures
from tests.draining import Drained

UNITS_A_MINUTE = 1250
"""Resource units for one app in a tenant of up to 1,000 licences."""
UNITS_A_REQUEST = 2
"""What the simulated tenant charges for a request to SharePoint, by Microsoft's rule of thumb."""
REQUESTS_OF_A_FIRST_COPY = 5
FITTING = int(0.97 * UNITS_A_MINUTE / UNITS_A_REQUEST / REQUESTS_OF_A_FIRST_COPY)
"""Copies a minute that use 97 % of the budget."""
DEFAULT = 60
TOO_FAST = 2 * FITTING
STALL = 3
"""Minutes."""


@dataclass(frozen=True)
class Backfill:
    """One pace."""

    copies_a_minute: int
    """PHOTOSYNC_BULK_COPIES_PER_MINUTE."""
    stall_minutes: int
    """So long nobody worked just when the first photo was due: then all that was due by then is done at once."""
    photos: int
    copied: int
    requests: int
    """To SharePoint."""
    throttled: int
    minutes: float
    """In virtual time, from the first request to SharePoint to the last."""
    early_retries: int
    units_by_minute: list[int]
    """Used in each minute; requests that were refused count too."""

    @property
    def used(self) -> float:
        """Share of the budget that was used by requests that did something."""
        return (self.requests - self.throttled) * UNITS_A_REQUEST / (UNITS_A_MINUTE * self.minutes)


@dataclass(frozen=True)
class Budget:
    """All paces."""

    units_a_minute: int
    backfills: list[Backfill]


def measure(photos: int = 5000, others: int = 600) -> Budget:
    """A backfill of so many photos at the fitting pace; of fewer at others, and after a stall."""
    backfills = [
        backfill(DEFAULT, others),
        backfill(FITTING, photos),
        backfill(FITTING, 2 * others, stall_minutes=STALL),
        backfill(TOO_FAST, others),
    ]
    return Budget(UNITS_A_MINUTE, backfills)


def backfill(pace: int, photos: int, stall_minutes: int = 0) -> Backfill:
    """So many first copies at one pace."""
    with ground(PHOTOSYNC_BULK_COPIES_PER_MINUTE=str(pace)) as on:
        drained, control = on.drained(), on.bench.control
        on.bench.clock.stand()  # how long this machine takes for anything must not count
        control.notifications("off")
        control.budget("sharepoint", UNITS_A_MINUTE)
        photo = pictures.jpeg(96, 96)
        for some in itertools.batched(range(photos), 200, strict=False):
            people = [{"userPrincipalName": f"person.{uuid4().hex[:12]}@contoso.com"} for _ in some]
            for user in control.add_users(people):
                control.put_photo(user, photo + uuid4().bytes)
        sweep_when_due(drained.services)
        drained.run(checks_only=True)
        on.bench.clock.sleep(60 * stall_minutes)
        drained.run()
        return _told(pace, stall_minutes, photos, drained)


def _told(pace: int, stall_minutes: int, photos: int, drained: Drained) -> Backfill:
    control = drained.bench.control
    served = control.requests(service="sharepoint", inner=False)
    moments = [datetime.fromisoformat(request["at"]) for request in served]
    minutes = (max(moments) - min(moments)).total_seconds() / 60
    return Backfill(
        copies_a_minute=pace,
        stall_minutes=stall_minutes,
        photos=photos,
        copied=drained.outcomes.count(Outcome.COPIED),
        requests=len(served),
        throttled=sum(request["throttled"] for request in served),
        minutes=minutes,
        early_retries=len(control.violations("early-retry")),
        units_by_minute=_by_minute(served, moments),
    )


def _by_minute(served: Sequence[Mapping[str, Any]], moments: Sequence[datetime]) -> list[int]:
    first = min(moments)
    units = [0] * (int((max(moments) - first).total_seconds() // 60) + 1)
    for _, moment in zip(served, moments, strict=True):
        units[int((moment - first).total_seconds() // 60)] += UNITS_A_REQUEST
    return units


def tell(result: Budget) -> Told:
    """The fitting pace must use the budget; every pace must be polite."""
    fitting = next(one for one in result.backfills if (one.copies_a_minute, one.stall_minutes) == (FITTING, 0))
    claims = [
        Claim(
            f"at a pace that fits the tenant, a backfill of {fitting.photos:,} photos uses at least 95 % of the budget",
            f"{fitting.used:.1%} at {fitting.copies_a_minute} copies a minute",
            fitting.used >= 0.95 and fitting.copied == fitting.photos,
        ),
        Claim(
            "and under 1 % of its requests are throttled",
            f"{fitting.throttled} of {fitting.requests:,}",
            fitting.throttled < fitting.requests / 100,
        ),
        Claim(
            "neither a wrong pace nor a stall makes a request before Retry-After has passed; all photos are copied",
            f"{sum(one.early_retries for one in result.backfills)} early retries;"
            f" {sum(one.photos - one.copied for one in result.backfills)} photos not copied",
            all(one.early_retries == 0 and one.copied == one.photos for one in result.backfills),
        ),
    ]
    rows = [
        (
            _named(one),
            f"{one.photos:,}",
            f"{one.minutes:.0f} min",
            f"{one.used:.1%}",
            f"{one.throttled} of {one.requests:,} ({one.throttled / one.requests:.2%})",
            one.early_retries,
        )
        for one in result.backfills
    ]
    head = ["copies a minute", "photos", "takes", "of the budget", "throttled", "early retries"]
    lines = [
        *prose(
            f"The tenant allows {result.units_a_minute:,} resource units a minute, as Microsoft does to an app in a"
            f" tenant of up to 1,000 licences, and charges {UNITS_A_REQUEST} for each request to SharePoint. In virtual"
            " time; nobody had been copied before, so that each photo costs five requests (later copies four)."
            " Microsoft publishes no cost for these requests, so the default pace"
            " (`PHOTOSYNC_BULK_COPIES_PER_MINUTE`) stays far below; who knows that the tenant allows more may raise it."
        ),
        "",
        *table(head, rows),
        "",
        *prose(
            "What was changed for it: after a stall all that has fallen due comes at once, and at a pace without slack"
            " nothing worked that off. What was refused came back together, on top of what was due by then, and was"
            " refused again: 5 % of all requests, for as long as it was watched. Now bulk copies begin only as fast as"
            " the announced budget comes back (`RateLimit-Remaining`), and those that are refused all the same come"
            " back over ten minutes, which is the thin end of the last two rows."
        ),
    ]
    series = [Series(_named(one), list(enumerate(one.units_by_minute[:30], start=1))) for one in result.backfills]
    title = "Resource units used in each minute of a backfill"
    limit = ("the budget", float(result.units_a_minute))
    return Told(claims, lines, [Plot("budget", title, "minute", "units", series, limit=limit)])


def _named(one: Backfill) -> str:
    remark = " (the default)" if one.copies_a_minute == DEFAULT else ""
    stall = f", after {one.stall_minutes} minutes in which nothing ran" if one.stall_minutes else ""
    return f"{one.copies_a_minute}{remark}{stall}"


MEASUREMENT = Measurement("budget", "A backfill under the tenant's budget", Budget, measure, tell)
