"""The chart of the last 24 hours and 7 days: copies, failures, requests to wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.measures import WRITE_AFTER, Measure, MeasuredHour, Measures
from status_page.answer_shapes import HourTold

DAY = 24
WEEK = 7 * DAY
HEIGHT = 40
"""Of the drawing, in its own units; a bar is 10 of them wide, with 2 between."""
_STEP, _WIDE, _LEAST = 12, 10, 2
_SHOWN = {
    Measure.COPIED: "Copied",
    Measure.FAILED: "Failed",
    Measure.THROTTLED: "Asked to wait",
}


@dataclass(frozen=True)
class Bar:
    """One bar, in the drawing's units."""

    x: int
    y: float
    height: float
    count: int
    begins: datetime


@dataclass(frozen=True)
class Strip:
    """Bars side by side, oldest first; the highest takes the whole height."""

    bars: list[Bar]

    @property
    def total(self) -> int:
        """All of them together."""
        return sum(bar.count for bar in self.bars)

    @property
    def highest(self) -> Bar:
        """The first of the highest."""
        return max(self.bars, key=lambda bar: bar.count)

    @property
    def width(self) -> int:
        """Of the drawing."""
        return len(self.bars) * _STEP - (_STEP - _WIDE)


@dataclass(frozen=True)
class Series:
    """One measure."""

    measure: Measure
    label: str
    hours: Strip
    """The last 24."""
    days: Strip
    """The last 7 times 24 hours."""


@dataclass(frozen=True)
class Chart:
    """What the page draws."""

    series: list[Series]
    loss: int = round(WRITE_AFTER)
    """Seconds of counts that a killed process takes with it."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened in 7 days."""
        return not any(series.days.total for series in self.series)


def chart_of(hours: Mapping[datetime, MeasuredHour]) -> Chart:
    """The chart of 168 hours, oldest first, the present one included."""
    moments = list(hours)
    series = []
    for measure, label in _SHOWN.items():
        counts = [hours[moment].of(measure) for moment in moments]
        days = [sum(counts[start : start + DAY]) for start in range(0, len(counts), DAY)]
        series.append(
            Series(measure, label, strip_of(moments[-DAY:], counts[-DAY:]), strip_of(moments[::DAY], days)),
        )
    return Chart(series)


def strip_of(begins: list[datetime], counts: list[int]) -> Strip:
    """Bars in proportion to their counts; what is not nothing can be seen."""
    most = max(counts, default=0)
    bars = []
    for place, (moment, count) in enumerate(zip(begins, counts, strict=True)):
        height = max(_LEAST, round(HEIGHT * count / most, 1)) if count else 0
        bars.append(Bar(place * _STEP, HEIGHT - height, height, count, moment))
    return Strip(bars)


def told_hours(hours: Mapping[datetime, MeasuredHour]) -> list[HourTold]:
    """The same numbers as JSON: the hours in which anything happened, oldest first."""
    return [
        {
            "hour": moment.isoformat(),
            "copied": counted.copied,
            "failed": counted.failed,
            "deferred": counted.deferred,
            "throttled": counted.throttled,
        }
        for moment, counted in hours.items()
        if counted != MeasuredHour()
    ]


class LastHours:
    """The last 168 hours as one process knows them: read again when they may have changed, not on each view."""

    def __init__(self, measures: Measures, clock: Clock) -> None:
        self._measures = measures
        self._clock = clock
        self._known: tuple[datetime, dict[datetime, MeasuredHour]] | None = None

    def get(self) -> dict[datetime, MeasuredHour]:
        """By the hour's beginning, oldest first. Raises `AzureError`."""
        now = self._clock.now()
        known = self._known
        if known is not None and timedelta(0) <= now - known[0] < timedelta(seconds=WRITE_AFTER):
            return known[1]
        hours = self._measures.hours(now, WEEK)
        self._known = (now, hours)
        return hours
