"""What passes between the wire and the services: requests in, answers out, and the table of named operations.

Services are plain functions from a `Received` and the tenant's state to an `Answer`; they open no socket, read no clock
but the tenant's, and know nothing of faults, latency or recording. `dispatch.py` puts those around them.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from simulated_tenant.state import Tenant


@dataclass(frozen=True)
class Received:
    """One HTTP request as it arrived."""

    method: str
    host: str
    """Lower case, without port."""
    path: str
    """Percent-encoded, as sent, without the query."""
    query: Mapping[str, str]
    """Decoded; the last value of a name that comes twice."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: datetime
    """The tenant's time (UTC, aware)."""
    inner: bool = False
    """An item of a Graph `$batch`, not a request of its own."""
    request_id: str = field(default_factory=lambda: str(uuid4()))
    """What the service calls this request in its answer, in errors and in its own records."""

    @property
    def identity(self) -> str:
        """What the same request has again: method, path, query and body. Many calls about many users share a path."""
        whole = repr((self.method, self.path, sorted(self.query.items()), self.body))
        return hashlib.sha256(whole.encode()).hexdigest()

    def json(self) -> Any:
        """The body as JSON; raises `ValueError` when it is none."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, status: int, value: Any, headers: Mapping[str, str] | None = None, kind: str = "") -> "Answer":
        """An answer whose body is `value` as JSON; `kind` overrides the content type."""
        content_type = {"content-type": kind or "application/json;charset=utf-8"}
        return cls(status, json.dumps(value, ensure_ascii=False).encode(), content_type | dict(headers or {}))


def _never() -> Awaitable[Answer]:
    raise NotImplementedError("a Pending answer says how it is finished")


@dataclass(frozen=True)
class Pending(Answer):
    """An answer that takes waiting, for example for a handshake with somebody else's server; `finish` gets it."""

    status: int = 0
    finish: Callable[[], Awaitable[Answer]] = _never


class Manner(StrEnum):
    """What happens to an answer on its way to the caller."""

    WHOLE = "whole"
    CUT = "cut"
    """The headers promise the whole body, half of it comes, the connection closes."""
    STALL = "stall"
    """The headers come, then nothing for a while, then the connection closes."""
    RESET = "reset"
    """Nothing comes: connection reset by peer."""


@dataclass(frozen=True)
class Reply:
    """An answer with the manner in which it is to be sent."""

    answer: Answer
    manner: Manner = Manner.WHOLE
    stall_seconds: float = 0.0


class Refused(Exception):  # noqa: N818 - it is an answer, not a defect
    """Ends the handling of a request with the given answer.

    `violation` says what the caller did wrong, if anything; `kind` is its kind, one of `journal.KINDS`.
    """

    def __init__(self, answer: Answer, violation: str | None = None, kind: str = "refused") -> None:
        super().__init__(violation or f"HTTP {answer.status}")
        self.answer = answer
        self.violation = violation
        self.kind = kind


Handler = Callable[["Tenant", Received, Mapping[str, str]], Answer]


@dataclass(frozen=True)
class Operation:
    """A named operation: faults hang on its name, and the record of requests carries it."""

    name: str
    """`service.noun.verb`, for example `graph.photo.metadata`."""
    method: str
    host: re.Pattern[str]
    path: re.Pattern[str]
    """Matched whole, against the percent-encoded path, without regard to case."""
    handle: Handler
    cost: int | None = None
    """Resource units against the budget; None: what the service usually charges."""


class Operations:
    """The operations of one service, in order of declaration; the first that matches serves."""

    def __init__(self, host: str) -> None:
        """`host` is a regular expression for the host names that the service answers for."""
        self.host = re.compile(host, re.IGNORECASE)
        self.all: list[Operation] = []

    def add(self, name: str, method: str, path: str, cost: int | None = None) -> Callable[[Handler], Handler]:
        """Declare the decorated handler as the operation `name`; `path` is a regular expression with named groups."""

        def declare(handler: Handler) -> Handler:
            self.all.append(Operation(name, method, self.host, re.compile(path, re.IGNORECASE), handler, cost))
            return handler

        return declare

    def include(self, other: "Operations") -> None:
        """Add the operations of `other`, after those declared so far."""
        self.all.extend(other.all)

    def knows_path(self, path: str) -> bool:
        """Whether some operation serves the path, if with another method."""
        return any(operation.path.fullmatch(path) for operation in self.all)

    def find(self, received: Received) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation that serves the request, with the groups of its path; None when there is none."""
        for operation in self.all:
            if operation.method == received.method and (match := operation.path.fullmatch(received.path)):
                return operation, {name: value for name, value in match.groupdict().items() if value is not None}
        return None
