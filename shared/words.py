"""The words that the queue, the tables, the page and the log share: states, reasons, outcomes, the photo event."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from shared.correlation import traceparent
from shared.told import Told

QUEUE_OF_CHANGES = "photo-changes"
"""One user a message."""
QUEUE_OF_CHECKS = "photo-checks"
"""Bulk work: a page of users to list, up to 20 users to check, or up to 200 that Graph told of at once, a message."""


class UserState(Told):
    """Where a user stands, in the table's and the page's own word."""

    PENDING = "pending", "A photo event is on the queue; nobody has looked at the photo yet."
    COPYING = "copying", "A worker is writing the picture to SharePoint right now."
    IN_STEP = "in_step", "SharePoint has the picture made from the photo's present version."
    NO_PHOTO = "no_photo", "The person has no photo, so there is nothing to copy."
    DEFERRED = "deferred", "A Microsoft service asked us to wait or did not answer; it is tried again by itself."
    FAILED = "failed", "It could not be done; the error says why and what to do."
    OUT_OF_SCOPE = "out_of_scope", "The app leaves this user alone: by the settings, or since a person had it undone."


class Reason(StrEnum):
    """Why a photo is looked at."""

    NOTIFICATION = "notification"
    SWEEP = "sweep"
    MANUAL = "manual"


class Action(StrEnum):
    """What a photo event asks for."""

    COPY = "copy"
    """Bring the target in step."""
    RESTORE = "restore"
    """Undo: put back the picture properties that were there before the app first wrote them."""


class Outcome(StrEnum):
    """How one look at one photo ended."""

    COPIED = "copied"
    """The three pictures and the properties were written."""
    UNCHANGED = "unchanged"
    """The photo's version is the one last agreed: one request to Graph, nothing else."""
    SAME_BYTES = "same_bytes"
    """A new version with the bytes last agreed: recorded, nothing written to SharePoint."""
    NO_PHOTO = "no_photo"
    CLEARED = "cleared"
    """The photo is gone, seen twice; the picture in SharePoint was cleared."""
    WOULD_COPY = "would_copy"
    """A dry run found a version that is not in SharePoint."""
    RESTORED = "restored"
    """SharePoint has the picture properties that were there before the app first wrote them."""
    WOULD_RESTORE = "would_restore"
    """A dry run of it."""
    KEPT = "kept"
    """A restore left what is there: somebody else has set it since, or a person has asked for a copy since."""
    NEVER_WRITTEN = "never_written"
    """There is nothing to put back: the app never wrote this person's picture."""
    DEFERRED = "deferred"
    FAILED = "failed"
    OUT_OF_SCOPE = "out_of_scope"
    CANCELLED = "cancelled"
    """The job was cancelled before anybody looked."""
    LEFT_TO_HOLDER = "left_to_holder"
    """Another worker holds the user's lease and will look again before it lets go."""

    @property
    def is_final(self) -> bool:
        """Whether this ends what the photo event asked for; a deferred one comes again."""
        return self not in {Outcome.DEFERRED, Outcome.LEFT_TO_HOLDER}


_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def object_id(text: str) -> str:
    """The object id in its one form: lower case with hyphens; raises `ValueError` when `text` is none."""
    if not _GUID.fullmatch(text):
        raise ValueError("not an object id: expected 8-4-4-4-12 hexadecimal digits")
    return str(UUID(text))


ObjectId = Annotated[
    str,
    AfterValidator(object_id),
    WithJsonSchema({"type": "string", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}),
]


class PhotoEvent(BaseModel):
    """One message on the queue: "look at this user's photo".

    Fields that a later version adds are ignored; a version that this code does not know is refused, so that it ends on
    the poison queue, readable, instead of being half understood.
    """

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore", hide_input_in_errors=True
    )

    v: Literal[1] = 1
    user_id: ObjectId
    reason: Reason
    action: Action = Action.COPY
    force: bool = False
    lift: bool = False
    """A copy that an administrator wants of this very person, even if the app was told to leave them alone before."""
    or_clear: bool = False
    """A restore clears the picture where nobody knows what was there before."""
    dry_run: bool = False
    bulk: bool = False
    """It has stood in the line of bulk work, so nobody waits for it in particular."""
    job_id: str | None = None
    attempt: Annotated[int, Field(ge=1)] = 1
    noticed_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    """When we first heard of it (UTC); a message that is put back keeps it."""
    traceparent: str | None = Field(default_factory=traceparent)
    """Names the piece of work that it belongs to, as W3C Trace Context does; None: it has no name."""

    def to_message(self) -> str:
        """The message's text: JSON with the names of the wire."""
        return self.model_dump_json(by_alias=True)

    @classmethod
    def from_message(cls, text: str) -> Self:
        """The event in a message's text; raises `ValueError` when it is none of ours."""
        return cls.model_validate_json(text)

    def again(self) -> Self:
        """The same event for the next attempt."""
        return self.model_copy(update={"attempt": self.attempt + 1})
