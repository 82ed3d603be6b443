"""What a measurement is, and what it has to say."""

import statistics
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Claim:
    """One sentence that the measurement must bear out."""

    text: str
    measured: str
    """The number that was found, in words."""
    held: bool


@dataclass(frozen=True)
class Series:
    """One line of a plot."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Plot:
    """A quantity that grows, over what it grows with."""

    name: str
    """Of the file: docs/bench-<name>.svg."""
    title: str
    x: str
    y: str
    series: Sequence[Series]
    log_x: bool = False
    log_y: bool = False
    limit: tuple[str, float] | None = None
    """A line across: what it is, and where."""


@dataclass(frozen=True)
class Told:
    """A result for people: what is claimed, a few lines of Markdown, plots."""

    claims: Sequence[Claim]
    lines: Sequence[str]
    plots: Sequence[Plot] = ()


@dataclass(frozen=True)
class Measurement:
    """A module that measures."""

    name: str
    """For `make bench ONLY=name`."""
    title: str
    kind: type
    """The result's dataclass."""
    measure: Callable[[], Any]
    """The full measurement, for a quiet machine."""
    tell: Callable[[Any], Told]


@dataclass(frozen=True)
class Spread:
    """Several observations of one quantity."""

    median: float
    least: float
    most: float
    count: int
    p99: float = field(default=0.0)

    @classmethod
    def of(cls, observed: Sequence[float]) -> Self:
        """What the observations come to; raises `ValueError` when there is none."""
        if not observed:
            raise ValueError("nothing was observed")
        return cls(statistics.median(observed), min(observed), max(observed), len(observed), percentile(observed, 99))

    def told(self, unit: str, digits: int = 0) -> str:
        """`12 ms (10 to 15, of 20)`."""
        median, least, most = (f"{value:,.{digits}f}" for value in (self.median, self.least, self.most))
        return f"{median} {unit} ({least} to {most}, of {self.count})"


def percentile(observed: Sequence[float], percent: float) -> float:
    """The smallest observation that so many percent do not exceed (nearest rank)."""
    ranked = sorted(observed)
    return ranked[max(0, -(-len(ranked) * percent // 100).__int__() - 1)]


def prose(text: str) -> list[str]:
    """A paragraph as lines of Markdown."""
    return textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table: first column left, the others right."""
    rule = "|---|" + "---:|" * (len(head) - 1)
    return [f"| {' | '.join(head)} |", rule, *(f"| {' | '.join(map(str, row))} |" for row in rows)]
