"""The picture that a profile had before the app first wrote it: when it is read, what is kept, how it is known again.

It is read once in a person's life, by a request of its own before the first upload, and kept in the status row before
anything is written. One ProcessQuery could read and write together and so spare that request; but its answer comes
after the write, and a process that dies before it has kept the answer has lost the earlier values for good. The request
costs one PeopleManager call beside the three that a write is counted as, once; at the pace of bulk work (60 people a
minute by default) that is 1,200 calls in five minutes, where the smallest tenant may make 3,000.

After a restore the next copy reads anew, since the person may have set another picture in between. What is read and
turns out to be the app's own is never kept as earlier.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from shared.picture_names import LIBRARY, Hosts, file_names
from shared.status import StatusRow

URL, STATE = "PictureURL", "SPS-PicturePlaceholderState"
TIMESTAMP, EXCHANGE = "SPS-PictureTimestamp", "SPS-PictureExchangeSyncState"


@dataclass(frozen=True)
class Picture:
    """The four properties of a profile's picture, as text; an empty one and a missing one are the same."""

    url: str = ""
    state: str = ""
    timestamp: str = ""
    exchange: str = ""

    @classmethod
    def of(cls, properties: Mapping[str, str]) -> "Picture":
        """Those among all of a profile's properties."""
        return cls(*(properties.get(name, "") for name in (URL, STATE, TIMESTAMP, EXCHANGE)))

    @classmethod
    def before(cls, row: StatusRow) -> "Picture | None":
        """What was there before the app's first write; None when nobody knows."""
        if row.before_at is None:
            return None
        return cls(
            row.before_picture_url or "",
            row.before_placeholder_state or "",
            row.before_timestamp or "",
            row.before_exchange_sync_state or "",
        )

    @property
    def as_before(self) -> dict[str, str]:
        """The row's fields that keep it, in the status table and in the history."""
        return {
            "before_picture_url": self.url,
            "before_placeholder_state": self.state,
            "before_timestamp": self.timestamp,
            "before_exchange_sync_state": self.exchange,
        }


@dataclass(frozen=True)
class OwnNames:
    """Where the app puts this person's pictures."""

    hosts: Hosts
    base: str
    """What the files' names begin with."""

    def spell(self, url: str) -> bool:
        """Whether this is an address as the app spells it, in whichever folder."""
        begins, ends = f"https://{self.hosts.my}{quote(LIBRARY)}/", f"/{quote(file_names(self.base)[1])}"
        return url.lower().startswith(begins.lower()) and url.lower().endswith(ends.lower())


NO_PICTURE = Picture(state="1")
"""What a restore puts where nobody knows what was there: SharePoint's placeholder."""


def must_read(row: StatusRow, hosts: Hosts) -> bool:
    """Whether the earlier values are to be read before this write."""
    if row.before_at is not None:
        return row.restored_at is not None or row.before_host != hosts.my
    return row.picture_timestamp is None or row.restored_at is not None


def keep(row: StatusRow, present: Picture, own: OwnNames, now: datetime) -> dict[str, Any]:
    """What the row says from before the first write on, given what SharePoint shows now."""
    if is_written_by_us(present, row, own):
        # In a geography that the person has moved to, or where a write went astray: what is known stays true.
        return {"before_host": own.hosts.my} if row.before_at is not None else {}
    return {"before_at": now, "before_host": own.hosts.my, **present.as_before}


def is_written_by_us(picture: Picture, row: StatusRow, own: OwnNames) -> bool:
    """Whether the app wrote this picture's URL.

    SharePoint's own service gives its files the same names, but spells the host with its port. So an address with a
    port is ours only when the timestamp beside it is the one that we wrote last.
    """
    exact = picture.url != "" and (picture.url == row.picture_url or own.spell(picture.url))
    stamped = row.picture_timestamp is not None and picture.timestamp == row.picture_timestamp
    if row.picture_url is None:
        return exact or (stamped and picture.url == "")
    return exact or (stamped and leads_to_same_file(picture.url, row.picture_url))


def leads_to_same_file(url: str, other: str) -> bool:
    """Whether two addresses of pictures mean the same file, however they are spelled."""
    return url != "" and _place(url) == _place(other)


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), unquote(parts.path).lower()
