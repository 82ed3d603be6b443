"""PhotoStatus and PhotoHistory: where every user stands, and how they came there.

A status row says what was last *agreed* (the source's version that the target was made from), not what was last tried.
Every change to it is a compare-and-set on the row's ETag.
"""

import base64
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.newest_first import newest_first
from shared.rows import from_entity, to_entity
from shared.storage import Storage, Table, creating
from shared.words import Outcome, Reason, UserState

GONE_FOR_GOOD_AFTER = timedelta(hours=1)
"""So long after a photo was first seen missing a second look believes it: "no photo" can be a passing answer."""


class RowChanged(Exception):  # noqa: N818 - the house's word for it
    """Somebody else has written the row since it was read; read it again and decide again."""


@dataclass(frozen=True)
class StatusRow:
    """One user's row in PhotoStatus."""

    user_id: str
    state: UserState
    upn: str | None = None
    display_name: str | None = None
    source_etag: str | None = None
    """Media ETag last agreed. None: nothing agreed, because nothing was copied yet or a copy was broken off."""
    source_sha256: str | None = None
    seen_etag: str | None = None
    """Media ETag that the latest look found, whatever came of it. For a failed user: the version that failed."""
    recipe: str | None = None
    """What the agreed target was made by: sizes, names, properties. Another recipe means: copy again."""
    picture_url: str | None = None
    picture_timestamp: str | None = None
    """SPS-PictureTimestamp as last written: whole seconds since the year 1, as text."""
    copied_at: datetime | None = None
    checked_at: datetime | None = None
    attempts: int = 0
    """Attempts in a row that failed; waiting as asked does not count."""
    next_attempt_at: datetime | None = None
    error_code: str | None = None
    error_detail: str | None = None
    error_request_id: str | None = None
    refused_etag: str | None = None
    """Media ETag of a photo that cannot be used; it is not downloaded again until it changes."""
    no_photo_since: datetime | None = None
    """When the photo was first seen to be missing."""
    before_at: datetime | None = None
    """When the four below were read: before the app's first write. None beside a timestamp: nobody knows them."""
    before_host: str | None = None
    """The My Site host of the geography that they were read in."""
    before_picture_url: str | None = None
    before_placeholder_state: str | None = None
    before_timestamp: str | None = None
    before_exchange_sync_state: str | None = None
    exchange_sync_state: str | None = None
    """SPS-PictureExchangeSyncState as last written; None: the app never wrote it."""
    restored_at: datetime | None = None
    """When the four were put back; None once the app has written again."""
    left_alone: str | None = None
    """Why nothing is copied until a person asks for it, in words; None: it is copied."""
    wish_at: datetime | None = None
    """When a person asked for what was last restored or copied by name: an older wish no longer counts."""
    lease_owner: str | None = None
    lease_until: datetime | None = None
    dirty: bool = False
    """Somebody was told of a change while the lease was held; the holder looks again before it lets go."""


@dataclass(frozen=True)
class HistoryRow:
    """One attempt, in PhotoHistory."""

    user_id: str
    at: datetime
    reason: Reason
    outcome: Outcome
    milliseconds: int
    graph_requests: int
    sharepoint_requests: int
    noticed_at: datetime
    job_id: str | None = None
    source_etag: str | None = None
    error_code: str | None = None
    error_detail: str | None = None
    error_request_id: str | None = None
    before_picture_url: str | None = None
    """What was there before the app's first write, on the attempt that read it; as the three below."""
    before_placeholder_state: str | None = None
    before_timestamp: str | None = None
    before_exchange_sync_state: str | None = None
    correlation_id: str | None = None
    """Of the delivery, sweep, job or retry that this attempt belongs to; the log's lines carry the same."""


@dataclass(frozen=True)
class Seen:
    """A row together with the version it was read at."""

    row: StatusRow
    etag: str


@dataclass(frozen=True)
class Scanned:
    """What one request to the table found, perhaps nothing, and where the next one begins."""

    rows: list[StatusRow]
    resume: str | None
    """Opaque, for `StatusTable.scan`; None: the table was read to its end."""


class StatusTable:
    """The table PhotoStatus."""

    def __init__(self, storage: Storage) -> None:
        self._client: TableClient = storage.table(Table.PHOTO_STATUS)

    def get(self, user_id: str) -> Seen | None:
        """The user's row; None when there is none."""
        try:
            entity = self._client.get_entity(user_id[:2], user_id)
        except ResourceNotFoundError:
            return None
        return Seen(from_entity(StatusRow, entity), str(entity.metadata["etag"]))

    def insert(self, row: StatusRow) -> Seen:
        """Write a row that is not there yet; raises `RowChanged` when it is."""
        entity = to_entity(row, row.user_id[:2], row.user_id)
        try:
            written = creating(self._client, lambda: self._client.create_entity(entity))
        except ResourceExistsError:
            raise RowChanged from None
        return Seen(row, written["etag"])

    def replace(self, row: StatusRow, etag: str) -> Seen:
        """Write the row over the version `etag`; raises `RowChanged` when that is no longer the present one."""
        entity = to_entity(row, row.user_id[:2], row.user_id)
        try:
            written = self._client.update_entity(
                entity, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            raise RowChanged from None
        return Seen(row, written["etag"])

    def page(self, state: UserState | None, after: str | None, size: int) -> list[StatusRow]:
        """Up to `size` rows in the order of object ids, those after `after`, of one state or of all."""
        terms = ["state eq @state"] if state else []
        return self._rows(terms, {"state": str(state)}, after, size)

    def unseen(self, since: datetime, after: str | None, size: int) -> list[StatusRow]:
        """The same of rows that nobody has vouched for since then, those that are out of scope aside."""
        terms = ["checkedAt lt @since", "state ne @out"]
        return self._rows(terms, {"since": since, "out": str(UserState.OUT_OF_SCOPE)}, after, size)

    def scan(
        self, state: UserState | None, after: str | None, size: int, fields: Sequence[str] = ()
    ) -> Iterator[Scanned]:
        """The table in the order of object ids, request by request, so that the caller may stop whenever it likes.

        `after`: an object id, or what a `Scanned` said. `size`: rows a request, 1000 at most. `fields`: properties to
        read, all when empty; `userId` and `state` are needed. Raises `ValueError` when `after` is neither of the two.
        """
        last, token = ("", _resume_token(after)) if after and after.startswith(_RESUME) else (after or "", None)
        terms = ["PartitionKey ge @partition", "RowKey gt @last", *(["state eq @state"] if state else [])]
        pages = self._client.query_entities(
            " and ".join(terms),
            parameters={"partition": last[:2], "last": last, "state": str(state)},
            results_per_page=size,
            select=list(fields) or None,
        ).by_page(token)  # type: ignore[arg-type] # it takes the token that it gave, which is no text
        try:
            for page in pages:
                rows = [from_entity(StatusRow, entity) for entity in page]
                yield Scanned(rows, _resume_text(pages.continuation_token))  # type: ignore[attr-defined] # it has one
        except ResourceNotFoundError:
            yield Scanned([], None)
        except HttpResponseError as error:
            if token is not None and error.status_code == HTTPStatus.BAD_REQUEST:
                raise ValueError(_NO_PLACE) from None
            raise

    def properties(self, names: Sequence[str], first: str, end: str) -> Iterator[Mapping[str, Any]]:
        """Some properties of every user whose object id is between the two, `end` not included; as they are stored.

        For who counts a hundred thousand rows and keeps none of them.
        """
        query = self._client.query_entities(
            "PartitionKey ge @first and PartitionKey lt @end",
            parameters={"first": first, "end": end},
            select=list(names),
        )
        try:
            yield from query
        except ResourceNotFoundError:
            return

    def _rows(self, terms: list[str], values: dict[str, Any], after: str | None, size: int) -> list[StatusRow]:
        # The partition is the beginning of the row key, so the order of keys is the order of object ids.
        last = after or ""
        query = self._client.query_entities(
            " and ".join(["PartitionKey ge @partition", "RowKey gt @last", *terms]),
            parameters={"partition": last[:2], "last": last, **values},
            results_per_page=size,
        )
        try:
            return [from_entity(StatusRow, entity) for entity in itertools.islice(query, size)]
        except ResourceNotFoundError:
            return []


_RESUME = "~"
"""What tells a place in a scan from an object id."""


_NO_PLACE = "not a place in the list: take it from the answer before"


def _resume_text(token: Any) -> str | None:
    if not token:
        return None
    return _RESUME + base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")


def _resume_token(text: str) -> dict[str, str]:
    """What the library wants to have back; raises `ValueError` when the text is not one of ours."""
    try:
        token = json.loads(base64.urlsafe_b64decode(text.removeprefix(_RESUME) + "=="))
    except (ValueError, RecursionError):
        token = None
    ours = isinstance(token, dict) and token.get("PartitionKey") and token.keys() <= {"PartitionKey", "RowKey"}
    if not ours or not all(isinstance(value, str | None) for value in token.values()):
        raise ValueError(_NO_PLACE)
    return dict(token)


class HistoryTable:
    """The table PhotoHistory: a partition per user, newest first."""

    def __init__(self, storage: Storage) -> None:
        self._client: TableClient = storage.table(Table.PHOTO_HISTORY)

    def add(self, row: HistoryRow) -> None:
        """Write one attempt down."""
        entity = to_entity(row, row.user_id, newest_first(row.at))
        creating(self._client, lambda: self._client.create_entity(entity))

    def of(self, user_id: str, most: int = 50) -> list[HistoryRow]:
        """The user's latest attempts, newest first."""
        query = self._client.query_entities(
            "PartitionKey eq @user", parameters={"user": user_id}, results_per_page=most
        )
        try:
            page = next(query.by_page(), iter(()))
            return [from_entity(HistoryRow, entity) for entity in page]
        except ResourceNotFoundError:
            return []
