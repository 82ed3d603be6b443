"""What the tenant writes down: every request with its outcome, and everything a caller did that it should not."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Entry:
    """One request received. Items of a batch have entries of their own, with `inner` set."""

    index: int
    at: datetime
    service: str
    operation: str
    """Name of the operation; `unknown` when no operation serves the path."""
    app: str | None
    """Client id by the token, or by the body of a token request."""
    method: str
    host: str
    path: str
    query: str
    user_agent: str
    inner: bool
    status: int = 0
    """0 while it is being served, or when the connection was reset instead."""
    milliseconds: float = 0.0
    fault: str | None = None
    """The scripted instruction that it used up."""
    throttled: bool = False
    """Answered by a budget or a closed gate, not by the operation."""
    request_id: str = ""
    sent: int = 0
    """Bytes of the body that came in."""

    def as_json(self) -> dict[str, Any]:
        """The entry as the control API shows it."""
        names = {"user_agent": "userAgent", "request_id": "requestId"}
        shown = {names.get(name, name): value for name, value in asdict(self).items()}
        return shown | {"at": self.at.isoformat(), "milliseconds": round(self.milliseconds, 1)}


@dataclass(frozen=True)
class Violation:
    """Something that a well-behaved client does not do."""

    at: datetime
    kind: str
    """One of `KINDS`."""
    app: str | None
    operation: str
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """The violation as the control API shows it."""
        return asdict(self) | {"at": self.at.isoformat()}


KINDS = {
    "early-retry": "a request before the time that Retry-After named",
    "user-agent": "no decorated User-Agent at SharePoint",
    "wrong-audience": "a token for another resource",
    "client-secret": "a token of a client secret at SharePoint",
    "unknown-path": "a path that the service does not have",
    "unknown-host": "a host that the tenant does not answer for",
    "plain-http": "http where https is due",
    "refused": "anything else that a service refused as wrong use",
}


@dataclass
class Journal:
    """Requests and violations since the start or the last clearing."""

    entries: list[Entry] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    next_index: int = 0

    def open_entry(self, **known: Any) -> Entry:
        """A new entry; its index never comes again, clearing or not."""
        entry = Entry(index=self.next_index, **known)
        self.next_index += 1
        self.entries.append(entry)
        return entry

    def violate(self, at: datetime, kind: str, app: str | None, operation: str, sentence: str) -> None:
        """Write down a violation."""
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of violation; add it to journal.KINDS")
        self.violations.append(Violation(at, kind, app, operation, sentence))

    def matching(
        self, *, since: int = 0, operation: str = "", service: str = "", app: str = "", inner: bool | None = None
    ) -> Iterator[Entry]:
        """Entries from index `since` on that fit every condition given; `operation` may end in `*`."""
        for entry in self.entries:
            if (
                entry.index >= since
                and (not service or entry.service == service)
                and (not app or entry.app == app)
                and (inner is None or entry.inner == inner)
                and (
                    not operation
                    or entry.operation == operation
                    or (operation.endswith("*") and entry.operation.startswith(operation[:-1]))
                )
            ):
                yield entry


def counts(entries: list[Entry]) -> dict[str, dict[str, int]]:
    """How often each operation was asked for and each status was answered."""
    return {
        "operations": dict(Counter(entry.operation for entry in entries)),
        "statuses": dict(Counter(str(entry.status) for entry in entries)),
        "services": dict(Counter(entry.service for entry in entries)),
    }
