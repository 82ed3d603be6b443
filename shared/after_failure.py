"""What follows a failure: when it is tried again, or that it is not. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from shared.failures import Failure, FailureCode, FailureKind

FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=1)
FIRST_DELAY_WITHOUT_PROFILE = timedelta(minutes=30)
LONGEST_DELAY_WITHOUT_PROFILE = timedelta(hours=12)
"""SharePoint makes a new user's profile in its own time; asking every minute would be rude and useless."""
BULK_SPREAD = timedelta(minutes=10)
"""Bulk work that was told to wait comes back within so long. All at once it would stand on top of what is due by then,
be told to wait again, and spend the tenant's budget on that: requests that are refused count against it too."""


@dataclass(frozen=True)
class TryAgain:
    """Put the photo event back on the queue."""

    delay: timedelta
    attempts: int
    """Attempts that count so far."""


@dataclass(frozen=True)
class GiveUp:
    """Write it down as failed."""

    attempts: int


def after_failure(
    failure: Failure, attempts_before: int, max_attempts: int, jitter: float, *, bulk: bool = False
) -> TryAgain | GiveUp:
    """Whether and when to try again.

    Waiting because a service asked for it does not use up attempts, and is never shorter than asked. `jitter`, from 0
    to 1, spreads the retries of many users: up to a tenth on top of what was asked, or for `bulk` work up to
    `BULK_SPREAD`; up to half on top of our own.
    """
    if failure.code.kind is not FailureKind.WAIT:
        return GiveUp(attempts_before + 1)
    if failure.retry_after is not None:
        asked = max(1.0, failure.retry_after)
        most = BULK_SPREAD.total_seconds() if bulk else asked / 10
        return TryAgain(timedelta(seconds=asked + jitter * most + 1), attempts_before)
    attempts = attempts_before + 1
    if attempts >= max_attempts:
        return GiveUp(attempts)
    without_profile = failure.code is FailureCode.NO_TARGET_PROFILE
    first = FIRST_DELAY_WITHOUT_PROFILE if without_profile else FIRST_DELAY
    longest = LONGEST_DELAY_WITHOUT_PROFILE if without_profile else LONGEST_DELAY
    # The exponent is bounded so that no count, however absurd, overflows a timedelta.
    delay = min(first * 2 ** min(attempts - 1, 20), longest)
    return TryAgain(delay * (1 + jitter / 2), attempts)
