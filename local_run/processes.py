"""Child processes that end with their parent: each is told by its standard input, which closes when the parent is gone.

The children are started so that they watch it: the Functions host and the simulated tenant with `--with-parent`,
Azurite with a small preloaded script.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_LOOK_AGAIN_SECONDS = 0.02


class DidNotStart(Exception):  # noqa: N818 - it reads as the sentence it is printed in
    """A child process ended before it was ready, or was not ready in time; the text says what it printed."""


class ChildProcess:
    """A running child. What it prints goes to two files."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        out: Path,
        err: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        own_group: bool = False,
    ) -> None:
        """`environment`: the child's whole environment; None: ours.

        `own_group`: the terminal's Ctrl-C does not reach the child; its parent ends it in its own order.
        """
        self.name = name
        self.out = out
        self.err = err
        with _private(out, os.O_TRUNC) as out_file, _private(err, os.O_APPEND) as err_file:
            self._err_begins = err_file.tell()
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=out_file,
                stderr=err_file,
                env=None if environment is None else dict(environment),
                cwd=directory,
                process_group=0 if own_group else None,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def printed(self) -> str:
        """What it printed to its standard output until now."""
        return self.out.read_text(encoding="utf-8", errors="replace")

    def logged(self) -> str:
        """What it printed to its standard error until now."""
        with self.err.open("rb") as file:
            file.seek(self._err_begins)
            return file.read().decode("utf-8", errors="replace")

    def wait_until[T](self, ready: Callable[[], T | None], within: float) -> T:
        """The first value of `ready` that is not None; raises `DidNotStart` when it never comes."""
        deadline = time.monotonic() + within
        while True:
            value = ready()
            if value is not None:
                return value
            if self.exit_code is not None:
                code = self.exit_code
                self._close()
                raise DidNotStart(f"{self.name} ended with {code}: {self._last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise DidNotStart(f"{self.name} was not ready within {within:.0f} s: {self._last_words()}")
            time.sleep(_LOOK_AGAIN_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        if self.exit_code is None:
            os.kill(self.pid, number)

    def wait(self, within: float) -> int:
        """The exit code; raises `subprocess.TimeoutExpired` when it does not end in time."""
        code = self._process.wait(within)
        self._close()
        return code

    def stop(self, within: float = 15.0) -> int:
        """Ask it to end (SIGTERM), and insist when it does not; returns the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(within)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it at once (SIGKILL); returns the exit code."""
        self.signal(signal.SIGKILL)
        return self.wait(10)

    def _close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _last_words(self) -> str:
        return (self.logged() or self.printed()).strip()[-2000:] or "it printed nothing"


def _private(path: Path, mode: int) -> IO[bytes]:
    """A file to write to, for the owner's eyes only: what a host prints when it is ready holds its keys."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | mode, 0o600), "ab" if mode == os.O_APPEND else "wb")
