"""What is said of one route in the API's description, beyond what the route says of itself.

Each blueprint package has a module `describe` that says this of its routes; `openapi` puts them together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel

from shared.failures import FailureCode, FailureKind
from shared.told import Told
from shared.who_gets_in import Refusal

type Schema = Mapping[str, Any]
"""A JSON Schema, draft 2020-12."""
JSON = "application/json"


class Tag(Told):
    """Groups of routes, in the order in which they are shown."""

    STATUS = "Status", "Where users stand, and whether all is well."
    SYNC = "Sync", "Asking for work by hand: jobs, sweeps, retries."
    GRAPH = (
        "Graph",
        "Called by Microsoft Graph alone. What does not carry the app's client state is counted and ignored.",
    )
    PAGE = "Page", "The administrator's page and what its script asks for. They change with the page: no script should."


class Header(StrEnum):
    """Headers of answers that mean something to the caller."""

    LOCATION = "Location"
    LINK = "Link"
    RETRY_AFTER = "Retry-After"
    WWW_AUTHENTICATE = "WWW-Authenticate"


@dataclass(frozen=True)
class Parameter:
    """One value in the path, the query or a header."""

    name: str
    description: str
    schema: Schema
    example: str | int
    place: Literal["path", "query", "header"] = "query"
    required: bool = False


@dataclass(frozen=True)
class Body:
    """What a route takes."""

    shape: type[BaseModel] | Schema
    examples: Mapping[str, Any]
    """By a line that says what each asks for."""
    required: bool = False
    """Whether an empty body is refused."""
    rules: Schema = field(default_factory=dict)
    """What the model checks in code: added to its schema."""


@dataclass(frozen=True)
class Answer:
    """One way to succeed."""

    status: int
    description: str
    shape: type | Schema | None = None
    """A type of which the schema is made, or the schema; None: the answer has no body."""
    media: Sequence[str] = (JSON,)
    headers: Sequence[Header] = ()
    """Those that are always there."""
    may_have: Sequence[Header] = ()


@dataclass(frozen=True)
class Problem:
    """One kind of problem details."""

    status: int
    code: str
    title: str
    headers: Sequence[Header] = ()

    @classmethod
    def of(cls, refusal: Refusal) -> "Problem":
        """What the front door answers."""
        return cls(refusal.status, refusal.code, refusal.title, tuple(map(Header, refusal.headers)))


@dataclass(frozen=True)
class Operation:
    """One route."""

    tag: Tag
    description: str
    """More than the route's own line says."""
    answers: Sequence[Answer]
    parameters: Sequence[Parameter] = ()
    body: Body | None = None
    problems: Sequence[Problem] = ()
    """Those that the route itself answers; what the front door answers is added."""
    may_act: bool = False
    """Whether a looking route does something when asked to, and then needs the right to act."""


STORAGE_AWAY = Problem(503, "storage-away", "The app's storage account does not answer.", (Header.RETRY_AFTER,))
NOT_STORED = (Header.RETRY_AFTER,)

FAILURES = tuple(
    Problem(503, str(code), code.sentence, (Header.RETRY_AFTER,))
    if code.kind is FailureKind.WAIT
    else Problem(502, str(code), code.sentence)
    for code in FailureCode
)
"""What comes of asking Graph or SharePoint while the caller waits."""


def text(description: str = "", **more: Any) -> Schema:
    """The schema of a text."""
    return {"type": "string", **({"description": description} if description else {}), **more}
