"""What goes on the queue of checks: a page of users to list, up to 20 users to check, or many that Graph told of."""

import hashlib
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

from shared.correlation import traceparent
from shared.runs import RunKind
from shared.words import Action, ObjectId, Reason
from sync_trigger.notified_users import NotifiedMessage

CHUNK = 20
"""Users to a chunk: as many as Graph takes requests in one batch."""


class _Message(BaseModel):
    """What the messages have in common.

    Fields that a later version adds are ignored; a version that this code does not know is refused, so that it ends on
    the poison queue, readable, instead of being half understood.
    """

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore", hide_input_in_errors=True
    )

    v: Literal[1] = 1
    run_kind: RunKind
    run_id: str
    action: Action = Action.COPY
    attempt: Annotated[int, Field(ge=1)] = 1
    traceparent: str | None = Field(default_factory=traceparent)
    """Names the piece of work that it belongs to, as W3C Trace Context does; None: it has no name."""

    def to_message(self) -> str:
        """The message's text: JSON with the names of the wire."""
        return self.model_dump_json(by_alias=True)

    def at_attempt(self, attempt: int) -> Self:
        """The same for another attempt."""
        return self.model_copy(update={"attempt": attempt})


class ListMessage(_Message):
    """Says: list this page of the run's users.

    Where the page begins stands in the run's row, not here: so a message that comes twice begins no second listing.
    """

    kind: Literal["list"] = "list"
    page: Annotated[int, Field(ge=0)] = 0


class CheckedUser(BaseModel):
    """One user to check; as little as the check needs."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: ObjectId
    upn: str
    loc: str | None = None
    """The preferred data location."""
    name: str | None = None
    """The display name, for the row of somebody without a photo, whom no worker ever looks at."""


class CheckMessage(_Message):
    """Says: check the photos of these users."""

    kind: Literal["check"] = "check"
    chunk: Annotated[int, Field(ge=0)]
    """The chunk's number within the run."""
    round: Annotated[int, Field(ge=1)] = 1
    """Counts how often some of the chunk's users were put off."""
    reason: Reason
    users: Annotated[tuple[CheckedUser, ...], Field(min_length=1, max_length=CHUNK)]
    job_id: str | None = None
    force: bool = False
    or_clear: bool = False
    dry_run: bool = False
    ask: bool = True
    """Whether Graph is asked first who differs; otherwise every user is given to a worker."""

    @property
    def key(self) -> str:
        """Names this round of these very users of the run: what becomes of them is recorded under it, once."""
        ids = hashlib.sha256("".join(user.id for user in self.users).encode()).hexdigest()
        return f"{self.chunk:06d}-{self.round}-{ids[:8]}"

    def next_round(self, users: tuple[CheckedUser, ...], attempt: int) -> Self:
        """The same for those of the users who are put off."""
        return self.model_copy(update={"users": users, "attempt": attempt, "round": self.round + 1})


_ANY: TypeAdapter[ListMessage | CheckMessage | NotifiedMessage] = TypeAdapter(
    Annotated[ListMessage | CheckMessage | NotifiedMessage, Field(discriminator="kind")]
)
_USERS: TypeAdapter[tuple[CheckedUser, ...]] = TypeAdapter(tuple[CheckedUser, ...])


def read_message(text: str) -> ListMessage | CheckMessage | NotifiedMessage:
    """The message in a text; raises `ValueError` when it is none of ours."""
    return _ANY.validate_json(text)


def read_users(text: str) -> tuple[CheckedUser, ...]:
    """Users as `write_users` wrote them."""
    return _USERS.validate_json(text)


def write_users(users: tuple[CheckedUser, ...]) -> str:
    """Users as JSON."""
    return _USERS.dump_json(users, exclude_none=True).decode()
