"""The JSON that this blueprint's routes answer, as types.

mypy holds the handlers to them, and the API's description is made of them.
"""

from typing import Annotated, Literal, TypedDict

from pydantic import WithJsonSchema

from shared.failures import FailureCode
from shared.runs import RunState, Users
from shared.wire import Count, Moment
from shared.words import Action, Outcome

JobState = Annotated[str, WithJsonSchema({"type": "string", "enum": [*map(str, RunState), "done"]})]
SweepState = Annotated[str, WithJsonSchema({"type": "string", "enum": [*map(str, RunState)]})]


class Told(TypedDict, total=False):
    """What went wrong, when something did."""

    error: FailureCode
    means: str
    """What that code means."""
    remedy: str
    """What to do about it."""
    detail: str | None
    """Microsoft's own code and words."""


class RunTrouble(Told, total=False):
    """What keeps a run from going on, or kept some of its users from being checked."""

    requestId: str | None
    """Microsoft's, for its support."""


class Item(Told):
    """One user of a job."""

    userId: str
    user: str | None
    """User principal name, or what was asked for."""


class JobAnswer(RunTrouble):
    """How a job goes."""

    jobId: str
    correlationId: str | None
    """Of everything that the job does: the log's lines and the attempts carry the same."""
    state: JobState
    """`listing` its users, `running`, or at its end."""
    requestedAt: Moment
    requestedBy: str
    users: Users
    group: str | None
    action: Action
    force: bool
    dryRun: bool
    total: Count
    """Users; as many as are listed so far."""
    finished: Count
    """Users whose look has ended for good."""
    counts: dict[Outcome, Count]
    """Users by outcome."""
    estimatedEnd: Moment | None
    failures: list[Item]
    """The first twenty."""
    wouldCopy: list[Item]
    """With `dryRun`: the first twenty with whom something would be done."""
    kept: list[Item]
    """A restore: the first twenty whom it left as they are, with the reason."""


class JobAccepted(TypedDict):
    """A job has begun."""

    jobId: str
    total: Count
    """Users; 0 while they are yet to be listed."""
    status: str
    """Where to ask how it goes: the same as the header `Location`."""
    correlationId: str | None


class PutBack(TypedDict):
    """Messages that nobody could read are on their queues again."""

    putBack: Count


class SweepAccepted(TypedDict):
    """A sweep has begun."""

    runId: str
    status: str
    """Where to ask how it goes: the same as the header `Location`."""
    safetyStopLifted: bool


class SweepAnswer(RunTrouble):
    """How a sweep goes. Whom it gave to a worker, their own status tells."""

    runId: str
    correlationId: str | None
    state: SweepState
    """`listing` its users, `running` once all are listed, or why it did not come so far."""
    why: str | None
    requestedBy: str
    startedAt: Moment
    listedAt: Moment | None
    """When all users were listed."""
    users: Count
    """As many as are listed so far."""
    chunks: Count
    """Messages of up to 20 users each."""
    different: Count
    """Users whose photo is not the one in SharePoint; they were given to a worker."""


class Paused(TypedDict):
    """The app is paused."""

    paused: Literal[True]
    since: Moment
    by: str
    """Who paused it."""
    reason: str | None


class Resumed(TypedDict):
    """The app is not paused."""

    paused: Literal[False]
    wasPausedSince: Moment | None
    """Null when it was not paused before either."""
