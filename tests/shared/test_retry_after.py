"""Reading how long a service asked us to wait."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from shared.retry_after import LONGEST, seconds_to_wait

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "31"}, 31.0),
        ({"retry-after": "0"}, 0.0),
        ({"Retry-After": "315"}, 315.0),
        ({"Retry-After": "Sun, 22 Nov 2026 10:02:00 GMT"}, 120.0),
        ({"Retry-After": "Sun, 22 Nov 2026 09:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "999999999999999999999"}, LONGEST),
        ({"Retry-After": "31", "RateLimit-Remaining": "0", "RateLimit-Reset": "45"}, 45.0),
        ({"Retry-After": "60", "RateLimit-Remaining": "0", "RateLimit-Reset": "45"}, 60.0),
        ({"RateLimit-Remaining": "12", "RateLimit-Reset": "45"}, None),
    ],
)
def test_the_greater_of_what_is_named_counts(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, dates, rate-limit headers, rubbish: the greater readable one, bounded; rubbish counts as absent."""
    assert seconds_to_wait(CaseInsensitiveDict(headers), NOW) == seconds


@given(st.text(max_size=60))
def test_no_header_raises(text: str) -> None:
    """Whatever a header holds, the answer is None or between zero and the bound."""
    wait = seconds_to_wait({"Retry-After": text}, NOW)
    assert wait is None or 0 <= wait <= LONGEST


@given(st.integers(0, 3000))
def test_a_date_is_never_read_as_earlier_than_it_is(ahead: int) -> None:
    """An HTTP date so many seconds ahead means a wait of that many seconds."""
    moment = NOW + timedelta(seconds=ahead)
    assert seconds_to_wait({"Retry-After": moment.strftime("%a, %d %b %Y %H:%M:%S GMT")}, NOW) == ahead
