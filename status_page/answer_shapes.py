"""The JSON that this blueprint's routes answer, as types.

mypy holds the handlers to them, and the API's description is made of them.
"""

from typing import Annotated, TypedDict

from pydantic import WithJsonSchema

from shared.gates import Service
from shared.wire import Count, Moment
from shared.words import UserState
from status_page.health.findings import Verdict
from status_page.health_line import Level

LevelWord = Annotated[
    str,
    WithJsonSchema({"type": "string", "enum": [level.name.lower() for level in Level], "description": Level.__doc__}),
]


class FindingTold(TypedDict):
    """Something worth saying."""

    kind: str
    """Names the rule, for programs."""
    level: LevelWord
    """`stopped`: nothing goes on without a person. `to_do`: something needs one. `waiting`, `well`: nothing does."""
    line: str
    whatToDo: str | None


class SubscriptionTold(TypedDict):
    """Graph's subscription."""

    health: str
    means: str
    validUntil: Moment | None
    nextRenewal: Moment | None
    checkedAt: Moment | None
    error: str | None
    """A failure's code."""


class SweepTold(TypedDict):
    """The latest sweep."""

    lastBegan: Moment | None
    nextDue: Moment | None
    users: Count | None
    error: str | None
    """A failure's code."""


class BreakerTold(TypedDict):
    """A circuit breaker that is open."""

    since: Moment | None
    error: str | None
    """A failure's code."""


class StopTold(TypedDict):
    """The safety stop, in force."""

    since: Moment | None
    wouldRemove: Count
    """Pictures that would have been cleared."""


class PauseTold(TypedDict):
    """Somebody has paused the app."""

    since: Moment | None
    by: str
    reason: str | None


class ActionTold(TypedDict):
    """Something that somebody asked for."""

    at: Moment | None
    who: str
    what: str
    request: str
    """Method and path."""
    status: int
    """What was answered."""


class HourTold(TypedDict):
    """What was counted in one hour."""

    hour: Moment
    """Its beginning."""
    copied: Count
    failed: Count
    deferred: Count
    throttled: Count
    """How often a service asked the app to wait."""


class Overview(FindingTold):
    """Whether all is well, and the facts behind it. The first finding is told beside them."""

    healthy: bool
    """Whether nothing needs a person."""
    alsoFound: list[FindingTold]
    users: dict[UserState, Count]
    failures: dict[str, Count]
    """Failed users by the code of their failure."""
    countedAt: Moment | None
    stillCounting: bool
    """Whether this is the very first count, under way: the numbers are of those counted so far."""
    lastCopiedAt: Moment | None
    subscription: SubscriptionTold
    sweep: SweepTold
    closedGates: dict[Service, Moment | None]
    """Services that asked for a pause, and until when."""
    openBreakers: dict[Service, BreakerTold]
    """Services that refuse nearly everything."""
    safetyStop: StopTold | None
    unreadableMessages: Count
    paused: PauseTold | None
    lastHours: list[HourTold]
    """The hours of the last seven days in which anything happened, oldest first."""
    latestActions: list[ActionTold]


class CheckTold(TypedDict):
    """One check, and what it found."""

    id: str
    """Names the check, for programs."""
    section: str
    title: str
    verdict: Verdict
    milliseconds: Count
    found: str
    remedy: str | None
    """What to do, when there is something to do."""
    requestId: str | None
    """Microsoft's, for its support."""
    verifies: list[str]
    """Open questions of the documentation that this check answers in a live tenant."""


class HealthAnswer(TypedDict):
    """What came of checking everything that the app depends on."""

    verdict: Verdict
    """The worst of all."""
    checkedAt: Moment
    version: str
    tenantId: str
    counts: dict[Verdict, Count]
    """Checks by verdict."""
    checks: list[CheckTold]
