"""The id that a piece of work carries from what began it (a delivery, a job, a sweep, a retry) to the last copy.

It is the trace id of W3C Trace Context, so the page, the log, the history and Application Insights' `operation_Id` all
name the same thing. On the queue it travels as a `traceparent`. Within a process it is a context variable: whoever
makes a message or writes a log line says nothing of it. A thread that is started carries none.
Source: W3C, "Trace Context", section 3.2 "Traceparent Header".
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")


@dataclass(frozen=True)
class Place:
    """Where the running code stands: in which piece of work, and in which step of it."""

    trace_id: str
    """32 hexadecimal digits: the correlation id."""
    span_id: str
    """16 hexadecimal digits: the present step."""

    @classmethod
    def new(cls) -> "Place":
        """The beginning of a piece of work."""
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    @classmethod
    def read(cls, traceparent: str | None) -> "Place | None":
        """The place that a message names; None when it names none that can be read: that is no reason to refuse it."""
        match = _TRACEPARENT.fullmatch(traceparent or "")
        return cls(match[1], match[2]) if match else None

    @classmethod
    def within(cls, trace_id: str | None) -> "Place":
        """A step of the piece of work that has this id; the beginning of a new one when it has none."""
        return cls(trace_id or secrets.token_hex(16), secrets.token_hex(8))

    def step(self) -> "Place":
        """A step within this one."""
        return Place(self.trace_id, secrets.token_hex(8))

    @property
    def traceparent(self) -> str:
        """As a message carries it."""
        return f"00-{self.trace_id}-{self.span_id}-01"


_present: ContextVar[Place | None] = ContextVar("correlation", default=None)


def present() -> Place | None:
    """Where the running code stands; None outside of any piece of work."""
    return _present.get()


def correlation_id() -> str | None:
    """The id of the present piece of work."""
    place = _present.get()
    return place.trace_id if place else None


def traceparent() -> str | None:
    """What a message gives along, so that the work that follows carries the same id."""
    place = _present.get()
    return place.traceparent if place else None


@contextmanager
def standing_at(place: Place) -> Iterator[Place]:
    """Let the code within stand there."""
    token = _present.set(place)
    try:
        yield place
    finally:
        _present.reset(token)
