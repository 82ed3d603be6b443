"""Jobs and sweeps as the page tells of them: with progress and the end that can be expected.

The progress of a run is counted from as many rows as it has users, so it is not counted on each view: what has ended is
remembered, and what has not is counted again the more seldom, the longer that takes.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.estimated_end import estimated_end
from shared.runs import ItemRow, Progress, RunKind, RunRow, RunState, Users
from shared.services import Services

_REMEMBERED = 64
_COST_FACTOR = 10
_LEAST_AGE = timedelta(seconds=1)

_WHOM = {
    Users.NAMED: "named people",
    Users.ALL: "everybody",
    Users.GROUP: "a group",
    Users.FAILED: "everybody who failed",
    Users.UNSEEN: "people whom no sweep has seen lately",
}


@dataclass(frozen=True)
class RunTold:
    """One run, ready to be shown."""

    kind: RunKind
    run: RunRow
    word: str
    """`listing`, `running`, `done`, `cancelled`, `failed` or `abandoned`."""
    finished: int
    counts: dict[str, int]
    """By outcome, the most frequent first."""
    ends_at: datetime | None
    failures: tuple[ItemRow, ...] = ()
    would_copy: tuple[ItemRow, ...] = ()
    kept: tuple[ItemRow, ...] = ()

    @property
    def whom(self) -> str:
        """Whose photos it looks at."""
        return _WHOM[self.run.users]

    @property
    def goes_on(self) -> bool:
        """Whether it is not over."""
        return self.word in {RunState.LISTING, RunState.RUNNING}

    @property
    def may_be_cancelled(self) -> bool:
        """Only jobs are; a sweep is over soon."""
        return self.goes_on and self.kind is RunKind.JOB


@dataclass(frozen=True)
class _Remembered:
    told: RunTold
    at: datetime
    took: timedelta


class RunBook:
    """The runs as one process knows them; safe for its threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._lock = threading.Lock()

    def tell(self, kind: RunKind, run_id: str) -> RunTold | None:
        """How this run goes; None when there is no such run."""
        clock = self._services.clock
        began = clock.now()
        with self._lock:
            known = self._remembered.get(run_id)
        if known and (not known.told.goes_on or began - known.at < max(_LEAST_AGE, known.took * _COST_FACTOR)):
            return known.told
        progress = self._services.runs.progress(run_id, kind=kind)
        if progress is None:
            return None
        if kind is RunKind.JOB:
            told = told_job(progress, clock.now(), self._services.pace.interval)
        else:
            told = told_sweep(progress, self._services.checks.waiting())
        with self._lock:
            self._remembered[run_id] = _Remembered(told, began, clock.now() - began)
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return told


def told_job(progress: Progress, now: datetime, interval: timedelta) -> RunTold:
    """The job with these items. Pure."""
    run = progress.run
    return RunTold(
        RunKind.JOB,
        run,
        "done" if progress.is_done else str(run.state),
        progress.finished,
        {str(outcome): count for outcome, count in progress.counts.most_common() if count},
        estimated_end(progress, now, interval),
        tuple(progress.failures),
        tuple(progress.would_copy),
        tuple(progress.kept),
    )


def told_sweep(progress: Progress, waiting: int) -> RunTold:
    """The sweep with these items, while so many messages are on the queue of checks. Pure.

    Of users who need nothing a sweep keeps no record, so how far it has come is told by the queue.
    """
    run = progress.run
    left = min(1.0, waiting / run.chunks) if run.chunks else 0.0
    over = run.state is RunState.RUNNING and not waiting
    finished = run.total if over else round(run.total * (1 - left))
    given = {"to copy": progress.given} if progress.given else {}
    return RunTold(RunKind.SWEEP, run, "done" if over else str(run.state), finished, given, None)
