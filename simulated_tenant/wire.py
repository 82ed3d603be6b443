"""What passes between the wire and the services: requests in, answers out, and the table of named operations.

Services are plain functions from a `Received` and the tenant's state to an `Answer`; they open no socket, read no clock
but the tenant's, and know nothing of faults, latency or recording. `dispatch.py` puts those around them.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

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


class Refused(Exception):  # noqa: N818 - it is an answer, not a defect
    """Ends the handling of a request with the given answer; `violation` says what the caller did wrong, if anything."""

    def __init__(self, answer: Answer, violation: str | None = None) -> None:
        super().__init__(violation or f"HTTP {answer.status}")
        self.answer = answer
        self.violation = violation


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


class Operations:
    """The operations of one service, in order of declaration; the first that matches serves."""

    def __init__(self, host: str) -> None:
        """`host` is a regular expression for the host names that the service answers for."""
        self.host = re.compile(host, re.IGNORECASE)
        self.all: list[Operation] = []

    def add(self, name: str, method: str, path: str) -> Callable[[Handler], Handler]:
        """Declare the decorated handler as the operation `name`; `path` is a regular expression with named groups."""

        def declare(handler: Handler) -> Handler:
            self.all.append(Operation(name, method, self.host, re.compile(path, re.IGNORECASE), handler))
            return handler

        return declare

    def find(self, received: Received) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation that serves the request, with the groups of its path; None when there is none."""
        for operation in self.all:
            if operation.method == received.method and (match := operation.path.fullmatch(received.path)):
                return operation, {name: value for name, value in match.groupdict().items() if value is not None}
        return None
