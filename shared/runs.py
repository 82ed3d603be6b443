"""SyncRuns and SyncRunItems: what was asked for at once, and how each user of it ended.

A run is a sweep or a job. While its users are being listed, its row holds how far the listing has come. Progress is
counted from items, one row per user that was given to a worker and one row per chunk of users that needed nothing, each
written over when a message comes twice. So the numbers are right whatever is redelivered, and many workers never fight
for one counter.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.correlation import correlation_id
from shared.newest_first import newest_first
from shared.rows import from_entity, to_entity
from shared.status import RowChanged
from shared.storage import Storage, Table, creating
from shared.words import Action, Outcome


class RunKind(StrEnum):
    """The partition of a run."""

    JOB = "job"
    """A manual sync or a retry."""
    SWEEP = "sweep"


class RunState(StrEnum):
    """Where a run stands."""

    LISTING = "listing"
    """Its users are being listed; the total still grows."""
    RUNNING = "running"
    """All users are listed; the last of them may not have been looked at yet."""
    CANCELLED = "cancelled"
    """An administrator stopped it."""
    FAILED = "failed"
    """Its users could not be listed; the error says why."""
    ABANDONED = "abandoned"
    """A sweep that made no progress; another was begun in its place."""


class Users(StrEnum):
    """Whose photos a run looks at."""

    NAMED = "named"
    ALL = "all"
    """Everybody in scope."""
    GROUP = "group"
    """The members of a group, as far as they are in scope."""
    FAILED = "failed"
    """Everybody whose state is `failed`."""
    UNSEEN = "unseen"
    """Everybody whom no sweep has seen for days: deleted, or out of scope by now."""


@dataclass(frozen=True)
class RunRow:
    """One sweep or one job."""

    run_id: str
    requested_at: datetime
    requested_by: str
    total: int = 0
    """Users; as many as are listed so far."""
    action: Action = Action.COPY
    force: bool = False
    or_clear: bool = False
    """A restore clears the picture where nobody knows what was there before."""
    dry_run: bool = False
    state: RunState = RunState.RUNNING
    users: Users = Users.NAMED
    group: str | None = None
    why: str | None = None
    """In words, for the administrator."""
    page: int = 0
    """Pages listed so far, which is the number of the page to list next."""
    continued: int = 0
    """The latest page whose message is known to be on the queue, or was."""
    link: str | None = None
    """Where the next page begins; None: at the beginning."""
    carry: str = "[]"
    """JSON: users of the page before that made no full chunk."""
    chunks: int = 0
    """Chunks of up to 20 users put on the queue so far."""
    listed_at: datetime | None = None
    progress_at: datetime | None = None
    """When the listing last came on, or when it will be tried again."""
    error_code: str | None = None
    error_detail: str | None = None
    error_request_id: str | None = None
    correlation_id: str | None = None
    """What the log's lines and the users' attempts that belong to this run carry."""


@dataclass(frozen=True)
class SeenRun:
    """A run together with the version it was read at."""

    row: RunRow
    etag: str


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
class ChunkRow:
    """One chunk of a run: how many of its users needed nothing, and what became of the others."""

    key: str
    counts: str = "{}"
    """JSON: outcome to number of users for whom the check was all."""
    given: int = 0
    """Users that were given to a worker, whose own rows tell the outcome."""
    last_due: datetime | None = None
    """When the last of them is to be looked at."""
    plan: str | None = None
    """JSON, the check's own: whom it gave to a worker and whom it put off, so that a second delivery does the same."""
    error_code: str | None = None

    @classmethod
    def of(cls, key: str, settled: Counter[Outcome], **fields: Any) -> "ChunkRow":
        """The row of a chunk with these outcomes."""
        return cls(key, json.dumps({str(outcome): number for outcome, number in sorted(settled.items())}), **fields)

    @property
    def settled(self) -> Counter[Outcome]:
        """Users for whom the check was all."""
        return Counter({Outcome(outcome): number for outcome, number in json.loads(self.counts).items()})


_RUN_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_CHUNK = "chunk-"


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    run: RunRow
    counts: Counter[Outcome] = field(default_factory=Counter)
    failures: list[ItemRow] = field(default_factory=list)
    would_copy: list[ItemRow] = field(default_factory=list)
    kept: list[ItemRow] = field(default_factory=list)
    """Whom a restore left as somebody else has set them."""
    chunks: list[ChunkRow] = field(default_factory=list)

    @property
    def finished(self) -> int:
        """Users whose look has ended for good."""
        return sum(count for outcome, count in self.counts.items() if outcome.is_final)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.run.state is RunState.RUNNING and self.finished >= self.run.total

    @property
    def finished_by_workers(self) -> int:
        """Those of them who have a row of their own."""
        return self.finished - sum(chunk.settled.total() for chunk in self.chunks)

    @property
    def given(self) -> int:
        """Users that checks gave to a worker."""
        return sum(chunk.given for chunk in self.chunks)

    @property
    def checked(self) -> int:
        """Users that checks have decided on."""
        return self.given + sum(chunk.settled.total() for chunk in self.chunks)

    @property
    def last_due(self) -> datetime | None:
        """When the last user given to a worker so far is to be looked at."""
        return max((chunk.last_due for chunk in self.chunks if chunk.last_due), default=None)


class Runs:
    """The tables SyncRuns and SyncRunItems."""

    def __init__(self, storage: Storage) -> None:
        self._runs: TableClient = storage.table(Table.SYNC_RUNS)
        self._items: TableClient = storage.table(Table.SYNC_RUN_ITEMS)

    def start(self, *, now: datetime, requested_by: str, kind: RunKind = RunKind.JOB, **fields: Any) -> RunRow:
        """Write a new run down; `fields` are those of `RunRow`."""
        run_id = fields.pop("run_id", None) or newest_first(now)
        run = RunRow(run_id, now, requested_by, correlation_id=correlation_id(), **fields)
        entity = to_entity(run, kind, run.run_id)
        creating(self._runs, lambda: self._runs.create_entity(entity))
        return run

    def seen(self, kind: RunKind, run_id: str) -> SeenRun | None:
        """A run and its version; None when there is no such run."""
        if not _RUN_ID.fullmatch(run_id):  # from a caller, and perhaps with what no key may hold
            return None
        try:
            entity = self._runs.get_entity(kind, run_id)
        except ResourceNotFoundError:
            return None
        return SeenRun(from_entity(RunRow, entity), str(entity.metadata["etag"]))

    def replace(self, kind: RunKind, run: RunRow, etag: str) -> None:
        """Write the run over the version `etag`; raises `RowChanged` when that is no longer the present one."""
        try:
            self._runs.update_entity(
                to_entity(run, kind, run.run_id),
                mode=UpdateMode.REPLACE,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            raise RowChanged from None

    def change(self, kind: RunKind, run_id: str, decide: Callable[[RunRow], RunRow | None]) -> RunRow | None:
        """Let `decide` say what the run's row should hold, and write that, by compare-and-set.

        None from `decide` leaves the row as it is. Gives what was written; None when nothing was.
        """
        while True:
            seen = self.seen(kind, run_id)
            wanted = decide(seen.row) if seen else None
            if seen is None or wanted is None:
                return None
            try:
                self.replace(kind, wanted, seen.etag)
            except RowChanged:
                continue
            return wanted

    def job(self, job_id: str) -> RunRow | None:
        """A job; None when there is none of this id."""
        seen = self.seen(RunKind.JOB, job_id)
        return seen.row if seen else None

    def is_cancelled(self, job_id: str) -> bool:
        """Whether an administrator has stopped the job."""
        job = self.job(job_id)
        return job is not None and job.state is RunState.CANCELLED

    def newest(self, kind: RunKind, most: int) -> list[RunRow]:
        """The latest runs, newest first."""
        query = self._runs.query_entities(
            "PartitionKey eq @kind", parameters={"kind": str(kind)}, results_per_page=most
        )
        try:
            return [from_entity(RunRow, entity) for entity in next(query.by_page(), iter(()))]
        except ResourceNotFoundError:
            return []

    def record(self, run_id: str, item: ItemRow) -> None:
        """Write down how one user's look ended; the latest counts."""
        self._put(to_entity(item, run_id, item.user_id))

    def record_chunk(self, run_id: str, chunk: ChunkRow) -> None:
        """Write down what became of one chunk."""
        self._put(to_entity(chunk, run_id, _CHUNK + chunk.key))

    def chunk(self, run_id: str, key: str) -> ChunkRow | None:
        """What became of a chunk; None when nobody has decided yet."""
        try:
            return from_entity(ChunkRow, self._items.get_entity(run_id, _CHUNK + key))
        except ResourceNotFoundError:
            return None

    def progress(self, run_id: str, show: int = 20, kind: RunKind = RunKind.JOB) -> Progress | None:
        """Where the run stands, with up to `show` failures and would-be copies; None when there is no such run."""
        seen = self.seen(kind, run_id)
        if seen is None:
            return None
        progress = Progress(seen.row)
        try:
            for entity in self._items.query_entities("PartitionKey eq @run", parameters={"run": run_id}):
                if entity["RowKey"].startswith(_CHUNK):
                    chunk = from_entity(ChunkRow, entity)
                    progress.chunks.append(chunk)
                    progress.counts.update(chunk.settled)
                    continue
                item = from_entity(ItemRow, entity)
                progress.counts[item.outcome] += 1
                for outcome, shown in (
                    (Outcome.FAILED, progress.failures),
                    (Outcome.WOULD_COPY, progress.would_copy),
                    (Outcome.KEPT, progress.kept),
                ):
                    if item.outcome is outcome and len(shown) < show:
                        shown.append(item)
        except ResourceNotFoundError:
            pass  # no item yet, so no table either
        return progress

    def _put(self, entity: dict[str, Any]) -> None:
        creating(self._items, lambda: self._items.upsert_entity(entity, mode=UpdateMode.REPLACE))
