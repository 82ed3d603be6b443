"""Pruning: what is older than the settings say goes, a bounded piece at a time.

A timer calls `prune` every hour. Each table gets a share of requests and seconds, so that no run is long; what it does
not manage, the next run does. Of tables whose partitions are days or runs the old part is one range of keys. Of
PhotoHistory, a partition per user, all keys are read, a thousand a request, once a day; Control says where to go on.

Kept whatever their age: each user's latest attempt, runs that are not over, the present sweep. Where a user stands is
kept as long as the user exists, and so long after that as everything else.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.actions import PARTITION as ACTIONS_PARTITION
from shared.failures import FailureCode
from shared.logs import Happened, tell
from shared.newest_first import newest_first
from shared.photo_queue import KEPT_FOR
from shared.removing import Removing
from shared.runs import RunKind, RunState
from shared.services import Services
from shared.storage import Table
from shared.words import UserState

DAY_TABLES = (Table.DELIVERIES, Table.MEASURES)
"""Tables whose partitions are days (UTC), as `2026-11-22`."""
REQUESTS = 2000
"""For each table in one run: at some ten milliseconds each, well within the seconds."""
SECONDS = 45.0
PASS_EVERY = timedelta(days=1)
ROW = "prune"
_OVER = {RunState.CANCELLED, RunState.FAILED, RunState.ABANDONED}
_log = logging.getLogger("photosync.prune")


@dataclass
class Pruned:
    """What one run removed, by table."""

    removed: Counter[str] = field(default_factory=Counter)
    unfinished: list[str] = field(default_factory=list)
    """Tables with more to look at or to remove; the next run goes on."""


def prune(services: Services, *, requests: int = REQUESTS, timer: Callable[[], float] = time.monotonic) -> Pruned:
    """One run. Raises `AzureError` when Storage does not answer: the next run goes on from where this one was."""
    limit = services.clock.now() - timedelta(days=services.settings.keep_days)
    pruned = Pruned()

    def step(name: str, do: Callable[[Removing], bool]) -> None:
        removing = Removing(requests, timer() + SECONDS, timer)
        try:
            finished = do(removing)
        finally:
            pruned.removed.update(removing.removed)
        if not finished:
            pruned.unfinished.append(name)

    for table in DAY_TABLES:
        step(table, lambda removing, table=table: _days(services, table, limit, removing))  # type: ignore[misc] # bound now
    step(Table.ACTIONS, lambda removing: _actions(services, limit, removing))
    step(Table.SYNC_RUNS, lambda removing: _runs(services, limit, removing))
    step(Table.PHOTO_STATUS, lambda removing: _daily(services, "gone", removing, _GoneUsers(services, limit)))
    step(Table.PHOTO_HISTORY, lambda removing: _daily(services, "history", removing, _OldAttempts(services, limit)))
    if pruned.removed or pruned.unfinished:
        told = ", ".join(f"{count} of {table}" for table, count in sorted(pruned.removed.items())) or "nothing yet"
        tell(_log, Happened.PRUNED, days=services.settings.keep_days, removed=told)
    return pruned


def _days(services: Services, table: str, limit: datetime, removing: Removing) -> bool:
    """Days that ended before the limit; gives whether that was all, as all steps do."""
    client = services.storage.table(table)
    ended = f"{limit:%Y-%m-%d}"
    query = removing.keys(client, "PartitionKey ge '1' and PartitionKey lt @day", {"day": ended})
    return removing.all_of(client, query, unless=lambda key: not _is_day(key.partition))


def _is_day(partition: str) -> bool:
    """Whether it looks like `2026-11-22`."""
    return len(partition) == 10 and partition[4] == partition[7] == "-" and partition.replace("-", "").isdecimal()


def _actions(services: Services, limit: datetime, removing: Removing) -> bool:
    """Who did what before the limit."""
    client = services.storage.table(Table.ACTIONS)
    older = {"partition": ACTIONS_PARTITION, "key": older_than(limit)}
    return removing.all_of(client, removing.keys(client, "PartitionKey eq @partition and RowKey gt @key", older))


def _runs(services: Services, limit: datetime, removing: Removing) -> bool:
    """Runs that were asked for before the limit, and are over: their items first, so that none is left without a run.

    A run's id is the key of the moment at which it was asked for.
    """
    runs, items = services.storage.table(Table.SYNC_RUNS), services.storage.table(Table.SYNC_RUN_ITEMS)
    older = older_than(limit)
    kept = {services.control.get("sweep").get("runId"), *_jobs_at_work(services, limit, removing)}
    query = removing.keys(items, "PartitionKey gt @key", {"key": older})
    if not removing.all_of(items, query, unless=lambda key: key.partition in kept):
        return False
    for kind in RunKind:
        query = removing.keys(runs, "PartitionKey eq @kind and RowKey gt @key", {"kind": str(kind), "key": older})
        if not removing.all_of(runs, query, unless=lambda key: key.row in kept):
            return False
    return True


def _jobs_at_work(services: Services, limit: datetime, removing: Removing) -> Iterator[str]:
    """Jobs asked for before the limit that are not over. Of one older than any message can live, nothing is left.

    Of sweeps only the present one counts: checks of an earlier one that still wait would find the same users.
    """
    terms = "PartitionKey eq @kind and RowKey gt @newest and RowKey lt @oldest"
    values = {"kind": str(RunKind.JOB), "newest": older_than(limit), "oldest": older_than(limit - KEPT_FOR)}
    for page in removing.keys(services.storage.table(Table.SYNC_RUNS), terms, values):
        for key in page:
            progress = services.runs.progress(key.row, show=0)
            if progress is not None and progress.run.state not in _OVER and not progress.is_done:
                yield key.row


def older_than(moment: datetime) -> str:
    """Keys of `newest_first` above this one are of earlier moments. Pure."""
    return newest_first(moment).partition("-")[0] + "-~"


def _daily(services: Services, name: str, removing: Removing, walk: Callable[[dict[str, Any], Removing], Any]) -> bool:
    """Go on with the walk through a table where it was; begin anew a day after the last beginning."""
    now = services.clock.now()
    row = services.control.get(ROW)
    place = {key.removeprefix(name): value for key, value in row.items() if key.startswith(name)}
    if "Place" not in place:
        if "Began" in place and now - place["Began"] < PASS_EVERY:
            return True
        place = {"Began": now}
    reached = walk(place, removing)
    others = {key: value for key, value in row.items() if not key.startswith(name)}
    found = {"Began": place["Began"], **(reached or {})}
    services.control.put(ROW, others | {name + key: value for key, value in found.items()})
    return reached is None


class _OldAttempts:
    """The walk through PhotoHistory: everything before the limit but the latest attempt of each user."""

    def __init__(self, services: Services, limit: datetime) -> None:
        self._client = services.storage.table(Table.PHOTO_HISTORY)
        self._older = older_than(limit)

    def __call__(self, place: dict[str, Any], removing: Removing) -> dict[str, Any] | None:
        """How far it came; None: to the end."""
        user = place.get("User", "")
        pages = removing.keys(self._client, "PartitionKey ge @first", {"first": "0"}, place.get("Place"))
        for page in pages:
            old = []
            for key in page:
                if key.partition == user and key.row > self._older:
                    old.append(key)
                user = key.partition  # the first row of a partition is the latest attempt
            # A page is removed whole, or the place stays before it.
            removing.these(self._client, old)
            if removing.is_spent and pages.place is not None:
                return {"Place": pages.place, "User": user}
        return None


class _GoneUsers:
    """The walk through PhotoStatus: users who were found deleted before the limit, with all their attempts."""

    def __init__(self, services: Services, limit: datetime) -> None:
        self._services = services
        self._gone = {"out": str(UserState.OUT_OF_SCOPE), "gone": str(FailureCode.USER_NOT_FOUND), "limit": limit}

    def __call__(self, place: dict[str, Any], removing: Removing) -> dict[str, Any] | None:
        """How far it came; None: to the end."""
        status = self._services.storage.table(Table.PHOTO_STATUS)
        history = self._services.storage.table(Table.PHOTO_HISTORY)
        terms = "PartitionKey ge '' and state eq @out and errorCode eq @gone and checkedAt lt @limit"
        pages = removing.keys(status, terms, self._gone, place.get("Place"))
        for page in pages:
            for key in page:
                attempts = removing.keys(history, "PartitionKey eq @user", {"user": key.row})
                for some in attempts:
                    removing.these(history, some)
                removing.as_seen(status, key)
            if removing.is_spent and pages.place is not None:
                return {"Place": pages.place}
        return None
