"""The lease: the right to write one user's target, for a limited time.

It lives in the user's status row and is taken, kept and let go by compare-and-set. Who finds it taken marks the row
dirty and goes; the holder sees the mark before it lets go, and looks again. So at most one worker writes a user's
target, and no change that anybody was told of is left unlooked at, in whatever order messages come.

    free ──take──▶ held ──let_go──▶ free
                    │ ▲
       somebody else's take: dirty
                    │ │
                    └─┴─ let_go of a dirty row: stays held, mark cleared, look again
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from shared.status import RowChanged, Seen, StatusRow, StatusTable
from shared.words import UserState

LEASE = timedelta(minutes=5)
"""How long a crashed holder keeps others out."""
WRITING_TIME = timedelta(minutes=4)
"""How long a holder may take. It ends well before the lease does, so that a slow holder stops before another starts."""
_TRIES = 100
"""Compare-and-set is tried this often; each loss means that somebody else has won, so this many never happen."""


class LeaseLost(Exception):  # noqa: N818 - the house's word for it
    """The lease ran out and somebody else has the row now: what was written may lie over something newer."""


class Lease:
    """A held lease. `row` is the status row as last written."""

    def __init__(self, table: StatusTable, seen: Seen, owner: str) -> None:
        self._table = table
        self._seen = seen
        self._owner = owner
        self._noted: dict[str, Any] = {}

    @property
    def row(self) -> StatusRow:
        """The status row as last written or read, with what was noted since."""
        return replace(self._seen.row, **self._noted)

    def note(self, **changes: Any) -> None:
        """Change fields with the next write: for what nobody needs to know before."""
        self._noted |= changes

    def save(self, **changes: Any) -> None:
        """Write changes to the row and keep the lease; raises `LeaseLost`."""
        self._write(lambda row: replace(row, **changes))

    def let_go(self, now: datetime, *, look_again: bool = True, **changes: Any) -> bool:
        """Write the changes and give the lease up; False when the row was dirty: then it is still held.

        `look_again=False` gives it up in any case; for who has put the photo event back on the queue.
        Raises `LeaseLost`.
        """
        kept = False

        def last_word(row: StatusRow) -> StatusRow:
            nonlocal kept
            kept = row.dirty and look_again
            until = now + LEASE if kept else None
            owner = self._owner if kept else None
            return replace(row, **changes, dirty=False, lease_owner=owner, lease_until=until)

        self._write(last_word)
        return not kept

    def _write(self, change: Any) -> None:
        for _ in range(_TRIES):
            wanted = change(self.row)
            try:
                self._seen = self._table.replace(wanted, self._seen.etag)
            except RowChanged:
                if not self._read_again(wanted):
                    continue
            self._noted = {}
            return
        raise RowChanged

    def _read_again(self, wanted: StatusRow) -> bool:
        """Somebody wrote the row: a dirty mark, if we still hold the lease; ours are the other fields.

        True when that was our own write, whose answer was lost on its way.
        """
        seen = self._table.get(self.row.user_id)
        if seen is not None and seen.row == wanted:
            self._seen = seen
            return True
        if seen is None or seen.row.lease_owner != self._owner:
            raise LeaseLost
        self._seen = seen
        return False


def take(table: StatusTable, user_id: str, now: datetime, *, mark_dirty: bool) -> Lease | None:
    """The lease on this user; None when somebody holds it, who is then told by the dirty mark if `mark_dirty`.

    A lease that ran out is taken over. A row that does not exist yet is made.
    """
    owner = str(uuid4())
    for _ in range(_TRIES):
        seen = table.get(user_id)
        try:
            if seen is None:
                fresh = StatusRow(user_id, UserState.PENDING, lease_owner=owner, lease_until=now + LEASE)
                return Lease(table, table.insert(fresh), owner)
            if seen.row.lease_owner == owner:  # taken just now; only the answer was lost
                return Lease(table, seen, owner)
            if _is_free(seen.row, now):
                mine = replace(seen.row, lease_owner=owner, lease_until=now + LEASE, dirty=False)
                return Lease(table, table.replace(mine, seen.etag), owner)
            if mark_dirty and not seen.row.dirty:
                table.replace(replace(seen.row, dirty=True), seen.etag)
        except RowChanged:
            continue
        return None
    raise RowChanged


def _is_free(row: StatusRow, now: datetime) -> bool:
    return row.lease_owner is None or row.lease_until is None or row.lease_until <= now
