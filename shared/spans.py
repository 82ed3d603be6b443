"""Spans: how long a piece of work and its steps took, kept only where somebody can read them.

The outermost span of a call is one piece of work: a delivery, a sweep's beginning, one look at one photo. It continues
the trace that its message names, or begins one. With nobody to send to, a span is no more than the correlation id.
What only found that there is nothing to do is not sent: such looks are counted, and of those there are a thousand for
each copy. A span holds no name, address or object id of a person.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from shared import correlation, telemetry
from shared.correlation import Place
from shared.logs import Happened, tell
from shared.unexpected import kind_and_places

_log = logging.getLogger("photosync")

type Value = str | int | float | bool


@dataclass
class Span:
    """One span; times in nanoseconds since 1970, as OpenTelemetry has them."""

    name: str
    place: Place
    parent: Place | None
    is_call: bool = False
    """Whether it is a request to another service."""
    attributes: dict[str, Value] = field(default_factory=dict)
    failed: bool = False
    started: int = field(default_factory=time.time_ns)
    ended: int = 0


@dataclass
class _Work:
    """The spans of one piece of work that have ended."""

    spans: list[Span] = field(default_factory=list)
    worth_sending: bool = False


_work: ContextVar[_Work | None] = ContextVar("work", default=None)


@contextmanager
def span(name: str, traceparent: str | None = None, *, is_call: bool = False) -> Iterator[Span]:
    """A span around the code within; it has failed when that raises.

    `traceparent`: what the message says that the work came with; of interest to the outermost span only.
    """
    outer = _work.get()
    parent = correlation.present() if outer is not None else (Place.read(traceparent) or correlation.present())
    made = Span(name, parent.step() if parent else Place.new(), parent, is_call)
    work = outer if outer is not None else _Work()
    token = _work.set(work)
    try:
        with correlation.standing_at(made.place):
            yield made
    except BaseException as error:
        made.failed = True
        work.worth_sending = True
        if outer is None and isinstance(error, Exception):
            with correlation.standing_at(made.place):
                tell(_log, Happened.UNEXPECTED, work=name, error=kind_and_places(error))
        raise
    finally:
        _work.reset(token)
        made.ended = time.time_ns()
        work.spans.append(made)
        if outer is None and work.worth_sending:
            telemetry.send(work.spans)


def worth_sending() -> None:
    """Say that the present piece of work has changed something, or gone wrong."""
    if (work := _work.get()) is not None:
        work.worth_sending = True
