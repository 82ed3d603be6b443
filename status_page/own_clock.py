"""The app's clock against Storage's: leases, gates and tokens all go by the app's."""

from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from shared.services import Services
from shared.storage import Table

GOOD_FOR = timedelta(minutes=5)


class OwnClock:
    """How far this process's clock is off, asked of Storage now and then."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._off: timedelta | None = None
        self._asked_at: datetime | None = None

    def off(self) -> timedelta | None:
        """Our time minus Storage's, in whole seconds; None when Storage does not tell. Raises `AzureError`."""
        now = self._services.clock.now()
        if self._asked_at is None or now - self._asked_at > GOOD_FOR:
            self._asked_at, self._off = now, self._ask()
        return self._off

    def _ask(self) -> timedelta | None:
        dates: list[str] = []

        def remember(response: Any) -> None:
            dates.append(response.http_response.headers.get("Date", ""))

        before = self._services.clock.now()
        with suppress(ResourceNotFoundError):  # there is no such row; the answer's header is all that is wanted
            self._services.storage.table(Table.CONTROL).get_entity("control", "clock", raw_response_hook=remember)
        after = self._services.clock.now()
        return None if not dates else clock_off(before, after, dates[-1])


def clock_off(before: datetime, after: datetime, date: str) -> timedelta | None:
    """How far our clock is off a `Date` header that was written between the two moments. Pure.

    The header has no fractions of a second, so a difference that it cannot show counts as none.
    """
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    if before > theirs + timedelta(seconds=1):
        return timedelta(seconds=round((before - theirs).total_seconds() - 1))
    if after < theirs:
        return -timedelta(seconds=round((theirs - after).total_seconds()))
    return timedelta()
