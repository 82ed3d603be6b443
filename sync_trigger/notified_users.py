"""What the webhook puts on the queue of checks when a POST tells of many users at once.

Importing this is part of the webhook's cold start.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.correlation import traceparent
from shared.words import ObjectId

FEW = 3
"""Up to so many users of a POST get a photo event each, at once; more are bulk, and are checked twenty a request."""
USERS_A_MESSAGE = 200
"""With 39 characters for each, a message stays far below the 48 KiB that fit on a queue."""


class NotifiedMessage(BaseModel):
    """Says: Graph told of these users; look whose photo is another one.

    Fields that a later version adds are ignored; a version that this code does not know is refused.
    """

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore", hide_input_in_errors=True
    )

    v: Literal[1] = 1
    kind: Literal["notified"] = "notified"
    users: Annotated[tuple[ObjectId, ...], Field(min_length=1, max_length=USERS_A_MESSAGE)]
    attempt: Annotated[int, Field(ge=1)] = 1
    noticed_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    """When we heard of it (UTC); a message that is put back keeps it, and so do the photo events that come of it."""
    traceparent: str | None = Field(default_factory=traceparent)
    """Which piece of work it belongs to."""

    def to_message(self) -> str:
        """The message's text: JSON with the names of the wire."""
        return self.model_dump_json(by_alias=True)

    def rest(self, users: Sequence[str], attempt: int) -> Self:
        """The same for those of the users who are still to be checked."""
        return self.model_copy(update={"users": tuple(users), "attempt": attempt})


def notified(users: Sequence[str]) -> list[NotifiedMessage]:
    """As few messages as hold all users."""
    return [
        NotifiedMessage(users=tuple(users[start : start + USERS_A_MESSAGE]))
        for start in range(0, len(users), USERS_A_MESSAGE)
    ]
