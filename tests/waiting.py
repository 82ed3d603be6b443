"""Waiting in tests: for a condition, with a deadline, never for a time."""

import time
from collections.abc import Callable

_LOOK_AGAIN_SECONDS = 0.02


def eventually[T](condition: Callable[[], T], within: float = 10.0, *, what: str = "") -> T:
    """The first true value of `condition`; fails when none comes in time. An `AssertionError` in it means "not yet"."""
    deadline = time.monotonic() + within
    while True:
        reason = "it stayed false"
        try:
            value = condition()
            if value:
                return value
            reason = f"it stayed {value!r}"
        except AssertionError as error:
            reason = str(error) or "it stayed false"
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what or 'the condition'}: {reason}")
        time.sleep(_LOOK_AGAIN_SECONDS)  # the one place where tests may wait: between two looks
