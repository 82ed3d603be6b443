"""SyncRuns and SyncRunItems: what was asked for at once, and how each user of it ended.

A job's progress is counted from its items, one row per user, written over when a message comes twice. So the numbers
are right whatever is redelivered, and many workers never fight for one counter.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.newest_first import newest_first
from shared.rows import from_entity, to_entity
from shared.storage import Storage, creating
from shared.words import Outcome

JOBS = "job"
"""The partition of manual syncs."""


@dataclass(frozen=True)
class RunRow:
    """One job."""

    run_id: str
    requested_at: datetime
    requested_by: str
    total: int
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class ItemRow:
    """One user of a job, and how the latest look ended."""

    user_id: str
    outcome: Outcome
    at: datetime
    upn: str | None = None
    error_code: str | None = None
    error_detail: str | None = None


@dataclass(frozen=True)
class Progress:
    """Where a job stands."""

    run: RunRow
    counts: Counter[Outcome] = field(default_factory=Counter)
    failures: list[ItemRow] = field(default_factory=list)
    would_copy: list[ItemRow] = field(default_factory=list)

    @property
    def finished(self) -> int:
        """Users whose look has ended for good."""
        return sum(count for outcome, count in self.counts.items() if outcome.is_final)


class Runs:
    """The tables SyncRuns and SyncRunItems."""

    def __init__(self, storage: Storage) -> None:
        self._runs: TableClient = storage.table("SyncRuns")
        self._items: TableClient = storage.table("SyncRunItems")

    def start(self, *, now: datetime, requested_by: str, total: int, force: bool, dry_run: bool) -> RunRow:
        """Write a new job down."""
        run = RunRow(newest_first(now), now, requested_by, total, force, dry_run)
        entity = to_entity(run, JOBS, run.run_id)
        creating(self._runs, lambda: self._runs.create_entity(entity))
        return run

    def record(self, run_id: str, item: ItemRow) -> None:
        """Write down how one user's look ended; the latest counts."""
        entity = to_entity(item, run_id, item.user_id)
        creating(self._items, lambda: self._items.upsert_entity(entity, mode=UpdateMode.REPLACE))

    def progress(self, run_id: str, show: int = 20) -> Progress | None:
        """Where the job stands, with up to `show` failures and would-be copies; None when there is no such job."""
        try:
            run = from_entity(RunRow, self._runs.get_entity(JOBS, run_id))
        except ResourceNotFoundError:
            return None
        progress = Progress(run)
        try:
            for entity in self._items.query_entities("PartitionKey eq @run", parameters={"run": run_id}):
                item = from_entity(ItemRow, entity)
                progress.counts[item.outcome] += 1
                for outcome, shown in (
                    (Outcome.FAILED, progress.failures),
                    (Outcome.WOULD_COPY, progress.would_copy),
                ):
                    if item.outcome is outcome and len(shown) < show:
                        shown.append(item)
        except ResourceNotFoundError:
            pass  # no item yet, so no table either
        return progress
