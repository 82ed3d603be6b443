"""NCRONTAB schedules: six fields, `{second} {minute} {hour} {day} {month} {day-of-week}`, in UTC.

A field is a list of parts, joined by commas: `*`, `5`, `1-5`, each with an optional step (`*/15`, `1-30/2`, and `5/10`
for "from 5 on, every 10"). Months and days of the week have English names too; Sunday is 0. Unlike in Unix cron, a
day must satisfy both the day field and the day-of-week field.
"""

import calendar
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

MONTHS = tuple(name.upper() for name in calendar.month_name)[1:]
DAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
_LONGEST_SEARCH = timedelta(days=366 * 41)
"""A 29 February on a given day of the week comes back after 40 years at the latest (across 2100, 2200 …)."""


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def parse(self, text: str) -> tuple[int, ...]:
        return tuple(sorted({value for part in text.split(",") for value in self._part(part)}))

    def _part(self, part: str) -> Iterator[int]:
        span, slash, step_text = part.partition("/")
        step = self._number(step_text, part) if slash else 1
        if step < 1:
            raise ValueError(f"{self.name}: the step of {part!r} must be 1 or more")
        if span == "*":
            first, last = self.low, self.high
        elif "-" in span:
            first, last = (self._value(end) for end in span.split("-", 1))
        else:
            first = self._value(span)
            last = self.high if slash else first
        if first > last:
            raise ValueError(f"{self.name}: {part!r} runs backwards")
        return iter(range(first, last + 1, step))

    def _value(self, text: str) -> int:
        upper = text.upper()
        if self.names and len(upper) >= 3 and upper.isalpha():
            for position, name in enumerate(self.names):
                if upper in {name, name[:3]}:
                    return position + self.low
        value = self._number(text, text)
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.name}: {text!r} is not between {self.low} and {self.high}")
        return value

    def _number(self, text: str, part: str) -> int:
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"{self.name}: {part!r} is not understood")
        return int(text)


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of the week", 0, 6, DAYS),
)


@dataclass(frozen=True)
class Schedule:
    """The allowed values of each field, ascending."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Raises `ValueError` saying which field is wrong, also for a schedule that never comes (30 February)."""
        parts = text.split()
        if len(parts) != len(_FIELDS):
            raise ValueError(
                f"{text!r} has {len(parts)} fields; six are needed: second minute hour day month day-of-week"
            )
        schedule = cls(*(kind.parse(part) for kind, part in zip(_FIELDS, parts, strict=True)))
        schedule.next_after(datetime(2000, 1, 1, tzinfo=UTC))
        return schedule

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence later than `moment` (aware); raises `ValueError` when there is none in forty years."""
        start = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        last_day = start.date() + _LONGEST_SEARCH
        day = start.date()
        earliest: tuple[int, int, int] | None = (start.hour, start.minute, start.second)
        while day <= last_day:
            if day.month not in self.months:
                day, earliest = _first_of_next_month(day), None
                continue
            if day.day in self.days and day.isoweekday() % 7 in self.weekdays:
                time = self._time_from(earliest or (0, 0, 0))
                if time is not None:
                    return datetime(day.year, day.month, day.day, *time, tzinfo=UTC)
            day, earliest = day + timedelta(days=1), None
        raise ValueError("the schedule never comes: no such day exists")

    def _time_from(self, earliest: tuple[int, int, int]) -> tuple[int, int, int] | None:
        """The first allowed time of a day that is not before `earliest`."""
        hour, minute, second = earliest
        if hour in self.hours:
            if minute in self.minutes and (found := _at_least(self.seconds, second)) is not None:
                return hour, minute, found
            if (later := _at_least(self.minutes, minute + 1)) is not None:
                return hour, later, self.seconds[0]
        if (later := _at_least(self.hours, hour + 1)) is not None:
            return later, self.minutes[0], self.seconds[0]
        return None


def _at_least(values: tuple[int, ...], bound: int) -> int | None:
    position = bisect_left(values, bound)
    return values[position] if position < len(values) else None


def _first_of_next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
