"""How times and numbers are said."""

from datetime import UTC, datetime, timedelta

import pytest

from status_page import say

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (4, "just now"),
        (5, "5 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 day ago"),
        (2 * 86_400, "2 days ago"),
        (14 * 86_400, "8 Nov"),
        (400 * 86_400, "18 Oct 2025"),
        (-90, "in 1 min"),
    ],
)
def test_the_past_is_said_in_one_unit(seconds: int, words: str) -> None:
    """Seconds, minutes, hours, days, then the date; the year when it is another."""
    assert say.ago(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "any moment"), (0, "any moment"), (9, "in 9 s"), (7200, "in 2 h"), (86_400 * 22, "14 Dec")],
)
def test_the_future_too(seconds: int, words: str) -> None:
    """What is due or overdue comes any moment."""
    assert say.until(NOW + timedelta(seconds=seconds), NOW) == words


def test_numbers_have_their_nouns() -> None:
    """One person, two people, thousands with a comma."""
    assert [say.counted(n, "person", "people") for n in (0, 1, 1204)] == ["0 people", "1 person", "1,204 people"]
    assert say.exactly(NOW) == "2026-11-22 18:00:00 UTC"
