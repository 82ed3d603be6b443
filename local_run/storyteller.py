"""Telling a story in the terminal: chapters, facts that are checked as they are told, progress."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence


class NotAsTold(Exception):  # noqa: N818 - the house's word for it
    """Something in the story was not true; the text says what."""


class Storyteller:
    """Prints the story. In a terminal a progress line is written over itself; elsewhere only its end is printed."""

    def __init__(self) -> None:
        self._chapter = 0
        self._live = sys.stdout.isatty()

    def chapter(self, title: str) -> None:
        """Begin the next part."""
        self._chapter += 1
        print(f"\n{self._chapter}. {title}", flush=True)

    def say(self, text: str) -> None:
        """One line of the story."""
        print(f"   {text}", flush=True)

    def check(self, true: bool, text: str) -> None:
        """A fact: told with a tick when it is true; the story ends when it is not."""
        if not true:
            raise NotAsTold(text)
        print(f"   ✓ {text}", flush=True)

    def wait[Value](self, what: str, look: Callable[[], tuple[int, int, Value]], within: float) -> Value:
        """Show progress until it is complete; `look` gives how many of how many, and a value that is returned then."""
        started = time.monotonic()
        while True:
            done, total, value = look()
            seconds = time.monotonic() - started
            line = f"   {_bar(done, total)} {done}/{total} {what}, {seconds:.1f} s"
            if self._live:
                print(f"\r\033[K{line}", end="", flush=True)
            if done >= total:
                print("" if self._live else line, flush=True)
                return value
            if seconds > within:
                print(flush=True)
                raise NotAsTold(f"{what}: only {done} of {total} within {within:g} s")
            time.sleep(0.1)


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as aligned columns under their names, indented like the story; empty without rows."""
    if not rows:
        return ""
    columns = {name: max(len(name), *(_width(row[name]) for row in rows)) for name in rows[0]}
    lines = ["  ".join(name.ljust(width) for name, width in columns.items())]
    lines += [
        "  ".join(row[name] + " " * (width - _width(row[name])) for name, width in columns.items()) for row in rows
    ]
    return "\n".join(f"   {line.rstrip()}" for line in lines)


def _bar(done: int, total: int, width: int = 24) -> str:
    filled = width if total == 0 else width * done // total
    return "█" * filled + "░" * (width - filled)


def _width(text: str) -> int:
    """Columns that a terminal gives the text: two for East Asian wide characters, none for combining marks."""
    import unicodedata

    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
