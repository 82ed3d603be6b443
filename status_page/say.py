"""How the page says times and numbers. Pure."""

from datetime import datetime, timedelta

_STEPS = (
    (timedelta(minutes=1), timedelta(seconds=1), "s"),
    (timedelta(hours=1), timedelta(minutes=1), "min"),
    (timedelta(days=1), timedelta(hours=1), "h"),
    (timedelta(days=14), timedelta(days=1), "days"),
)


def number(value: int) -> str:
    """1204 as `1,204`."""
    return f"{value:,}"


def counted(value: int, one: str, many: str) -> str:
    """A number with its noun: `1 person`, `1,204 people`."""
    return f"{number(value)} {one if value == 1 else many}"


def day(moment: datetime, now: datetime) -> str:
    """`14 Dec`, with the year when it is not this one."""
    short = f"{moment.day} {moment:%b}"
    return short if moment.year == now.year else f"{short} {moment.year}"


def lasts(span: timedelta) -> str:
    """A span in one unit, rounded down: `40 s`, `2 min`, `3 h`, `5 days`."""
    span = max(span, timedelta())
    for below, unit, word in _STEPS:
        if span < below:
            return "1 day" if (word, span // unit) == ("days", 1) else f"{span // unit} {word}"
    return f"{span.days:,} days"


def ago(moment: datetime, now: datetime) -> str:
    """`just now`, `2 min ago`, `5 days ago`, `14 Dec`; a moment to come is said as `until` says it."""
    passed = now - moment
    if passed < timedelta(seconds=-5):
        return until(moment, now)
    if passed < timedelta(seconds=5):
        return "just now"
    return f"{lasts(passed)} ago" if passed < timedelta(days=14) else day(moment, now)


def since(moment: datetime, now: datetime) -> str:
    """When something that lasts began: `10:02 UTC`, on another day `21 Nov, 10:02 UTC`."""
    clock = f"{moment:%H:%M} UTC"
    return clock if moment.date() == now.date() else f"{day(moment, now)}, {clock}"


def until(moment: datetime, now: datetime) -> str:
    """`in 40 min`, `any moment`, `14 Dec`."""
    left = moment - now
    if left < timedelta(seconds=1):
        return "any moment"
    return f"in {lasts(left)}" if left < timedelta(days=14) else day(moment, now)


def exactly(moment: datetime) -> str:
    """The moment in UTC, for who wants to know."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
