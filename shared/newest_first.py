"""Row keys that sort the newest row first: Table storage lists rows by key, ascending, and in no other order."""

import secrets
from datetime import UTC, datetime

_END = datetime(9999, 12, 31, tzinfo=UTC)


def newest_first(moment: datetime) -> str:
    """A key for `moment`: microseconds until the year 9999, and a random part so that two rows never share one."""
    left = _END - moment
    return f"{(left.days * 86_400 + left.seconds) * 1_000_000 + left.microseconds:018d}-{secrets.token_hex(4)}"
