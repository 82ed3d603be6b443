"""What is told of an error that nobody expected: its kind and the places in the code, no values.

The host writes the text of whatever a function raises, and of its causes, into the log. Those texts hold addresses of
rows, so object ids, and whatever else a library finds worth telling.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_PLACES = 8


class Unexpected(Exception):  # noqa: N818 - the house's word for it
    """Something that this code did not foresee, or Storage away for longer than it waits; the host tries again."""


def kind_and_places(error: BaseException) -> str:
    """Such as `ServiceRequestError at shared/status.py:129 < photo_worker/lease.py:104`: the innermost place first."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(ROOT)]
    ours = [Path(frame.filename).relative_to(ROOT).as_posix() for frame in frames]
    places = [
        f"{name}:{frame.lineno}"
        for name, frame in zip(ours, frames, strict=True)
        if not name.startswith(".") and name != "shared/unexpected.py"
    ]
    return " < ".join([f"{type(error).__name__} at", *reversed(places[-MOST_PLACES:])]).replace(" at < ", " at ", 1)


@contextmanager
def values_left_out() -> Iterator[None]:
    """Let what is raised within be raised as `Unexpected`, with kind and places only."""
    try:
        yield
    except Unexpected:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its text is not for the log
        raise Unexpected(kind_and_places(error)) from None
