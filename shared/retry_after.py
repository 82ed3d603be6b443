"""How long a service asked us to wait, read from its answer's headers."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 3600.0
"""Seconds. A longer wait is cut to this: an absurd header must not stop the app for days, and asking once an hour is
no burden to anybody."""


def seconds_to_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that `Retry-After` (seconds or HTTP date) and `RateLimit-Reset` name: the greater, or None.

    A header that cannot be read counts as absent. Header names are expected to be matched without regard to case by
    `headers`, as those of `requests` are.
    Source: RFC 9110 §10.2.3; sp-dev-docs, "Avoid getting throttled …" (RateLimit headers).
    """
    named = [_retry_after(headers.get("Retry-After", ""), now)]
    if headers.get("RateLimit-Remaining", "").strip() == "0":
        named.append(_digits(headers.get("RateLimit-Reset", "")))
    waits = [wait for wait in named if wait is not None]
    return min(max(waits), LONGEST) if waits else None


def _digits(text: str) -> float | None:
    return float(text.strip()[:12]) if re.fullmatch(r"\s*[0-9]+(\.[0-9]+)?\s*", text) else None


def _retry_after(text: str, now: datetime) -> float | None:
    if (seconds := _digits(text)) is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
