"""Finding users: by state and text, sorted where that is possible, and never with an endless search.

Table storage gives rows in the order of their keys, a thousand at a time, and knows no "contains". So: what fits one
such answer can be sorted; more is listed in the order of object ids, page by page. A search reads on until it has a
page of matches or its time is up, and says where it stopped.
"""

import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from shared.status import StatusRow, StatusTable
from shared.words import UserState, object_id

SORTABLE = 1000
"""Rows of one answer of Table storage."""
FEW = 100
"""So many matches are read once more, one by one; reading all properties of all rows would take five times as long."""
SEARCH_SECONDS = 4.0
_SEARCHED = ("userId", "state", "upn", "displayName")
LISTED = (
    "userId",
    "state",
    "upn",
    "displayName",
    "copiedAt",
    "checkedAt",
    "attempts",
    "nextAttemptAt",
    "errorCode",
    "errorDetail",
    "errorRequestId",
)
"""Properties that lists show."""


class Sort(StrEnum):
    """The order of a list."""

    NAME = "name"
    STATE = "state"
    COPIED = "copied"
    NEXT = "next"


@dataclass(frozen=True)
class Asked:
    """What is looked for."""

    state: UserState | None = None
    text: str = ""
    """Part of the name or UPN, in any case, with or without accents."""
    after: str | None = None
    """Where the answer before ended."""
    size: int = 100


@dataclass(frozen=True)
class Found:
    """What was found."""

    rows: list[StatusRow]
    after: str | None = None
    """Where to go on; None: that was all."""
    looked_at: int = 0
    """Rows read."""
    stopped: bool = False
    """Whether the search ended because its time was up, with rows still unread."""


def folded(text: str) -> str:
    """A text as it is compared: without case, accents and outer space. Pure."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).strip()


def matches(row: StatusRow, wanted: str) -> bool:
    """Whether the folded text is in the name, the UPN, or begins the object id. Pure."""
    names = f"{row.display_name or ''}\n{row.upn or ''}"
    return wanted in folded(names) or row.user_id.startswith(wanted)


def find_users(
    table: StatusTable,
    asked: Asked,
    *,
    fields: tuple[str, ...] = LISTED,
    seconds: float = SEARCH_SECONDS,
    timer: Callable[[], float] = time.monotonic,
) -> Found:
    """A page of users in the order of their object ids. Raises `ValueError` when `after` is no place in the list."""
    deadline = timer() + seconds
    wanted = folded(asked.text)
    if asked.after is None and (user := _named_by_id(table, asked, wanted)) is not None:
        return user
    rows: list[StatusRow] = []
    looked_at = 0
    # Whoever searches reads as much as comes; whoever lists wants one page.
    request = SORTABLE if wanted else min(asked.size, SORTABLE)
    few = bool(wanted) and asked.size <= FEW
    for answer in table.scan(asked.state, asked.after, request, _SEARCHED if few else fields):
        for row in answer.rows:
            looked_at += 1
            if wanted and not matches(row, wanted):
                continue
            rows.append(row)
            if len(rows) == asked.size:
                ended = answer.resume is None and row is answer.rows[-1]
                return Found(_whole(table, rows, few), None if ended else row.user_id, looked_at)
        if answer.resume is not None and timer() >= deadline:
            return Found(_whole(table, rows, few), answer.resume, looked_at, stopped=True)
    return Found(_whole(table, rows, few), None, looked_at)


def _named_by_id(table: StatusTable, asked: Asked, wanted: str) -> Found | None:
    """What is found when the text is a whole object id, which costs one small request; None for any other text."""
    try:
        seen = table.get(object_id(wanted))
    except ValueError:
        return None
    fits = seen is not None and asked.state in {None, seen.row.state}
    return Found([seen.row] if seen is not None and fits else [], looked_at=1)


def _whole(table: StatusTable, rows: list[StatusRow], few: bool) -> list[StatusRow]:
    """The rows with all their properties, if they were read without."""
    if not few or not rows:
        return rows
    with ThreadPoolExecutor(8, thread_name_prefix="matches") as threads:
        seen = threads.map(lambda row: table.get(row.user_id), rows)
        return [found.row for found in seen if found is not None]


def in_order(rows: list[StatusRow], sort: Sort) -> list[StatusRow]:
    """The rows sorted, by name where they are alike. Pure."""
    return sorted(rows, key=_ORDER[sort])


_NEVER = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_WORST_FIRST = [
    UserState.FAILED,
    UserState.DEFERRED,
    UserState.COPYING,
    UserState.PENDING,
    UserState.NO_PHOTO,
    UserState.OUT_OF_SCOPE,
    UserState.IN_STEP,
]


def _name(row: StatusRow) -> str:
    return folded(row.display_name or row.upn or row.user_id)


_ORDER: dict[Sort, Callable[[StatusRow], Any]] = {
    Sort.NAME: _name,
    Sort.STATE: lambda row: (_WORST_FIRST.index(row.state), _name(row)),
    Sort.COPIED: lambda row: (-(row.copied_at or _NEVER).timestamp() if row.copied_at else float("inf"), _name(row)),
    Sort.NEXT: lambda row: (row.next_attempt_at or _LAST, _name(row)),
}
