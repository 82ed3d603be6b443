"""Starts the Functions host for an app folder as a process of its own, and asks it things."""

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from local_run.processes import ChildProcess

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class HostOptions:
    """How the host runs; see `python -m local_run.functions_host --help`."""

    port: int = 0
    function_key: str | None = None
    master_key: str | None = None
    message_lease_seconds: int | None = None
    drain_seconds: float | None = None
    settings: Path | None = None
    python: Path = Path(sys.executable)
    """The interpreter, and with it the packages that the app finds."""

    def arguments(self) -> list[str]:
        """As command-line arguments; what is None is left to the host's defaults."""
        given = {
            "--port": self.port,
            "--function-key": self.function_key,
            "--master-key": self.master_key,
            "--message-lease": self.message_lease_seconds,
            "--drain-limit": self.drain_seconds,
            "--settings": self.settings,
        }
        # One word each: a key may begin with a hyphen, which would be taken for the next argument.
        return [f"{name}={value}" for name, value in given.items() if value is not None]


class AppHost:
    """A running Functions host. Use as a context manager, or call `stop`; it also ends when this process does."""

    def __init__(self, process: ChildProcess, ready: Mapping[str, Any], log_file: Path) -> None:
        self.process = process
        self.log_file = log_file
        self.url: str = ready["url"]
        self.function_key: str = ready["functionKey"]
        self.master_key: str = ready["masterKey"]
        self.functions: list[dict[str, str]] = ready["functions"]

    @classmethod
    def start(
        cls, app: Path, environment: Mapping[str, str], *, logs: Path, options: HostOptions = HostOptions()
    ) -> "AppHost":
        """Start it and wait until it serves; raises `DidNotStart` with what it said when it does not.

        `environment`: the app's settings, on top of this process's environment. `logs`: the folder that gets
        `app.log` (appended, so that it tells of restarts too) and `app.out`.
        """
        process = ChildProcess(
            "The Functions host",
            [options.python, "-m", "local_run.functions_host", "--app", app, "--with-parent", *options.arguments()],
            out=logs / "app.out",
            err=logs / "app.log",
            environment={**os.environ, **environment},
            directory=_ROOT,
            own_group=True,
        )
        return cls(process, process.wait_until(lambda: _ready(process.printed()), within=30), process.err)

    def log(self) -> str:
        """What this run of the host and the app logged until now."""
        return self.process.logged()

    def call(
        self, method: str, path: str, *, key: str | None = None, timeout: float = 30.0, **more: Any
    ) -> requests.Response:
        """A request to the app with a function key (default: this host's); `path` begins with a slash."""
        headers = {"x-functions-key": self.function_key if key is None else key} | dict(more.pop("headers", {}))
        return _direct().request(method, self.url + path, headers=headers, timeout=timeout, **more)

    def run_function(self, name: str, given: str = "") -> None:
        """Run a queue or timer function now, through the administration; does not wait for it."""
        path = f"/admin/functions/{name}"
        self.call("POST", path, key=self.master_key, json={"input": given}).raise_for_status()

    def kill(self) -> None:
        """End it at once, as a crash would: nothing is settled, leases run on."""
        self.process.kill()

    def stop(self) -> int:
        """End it in order, letting what runs end; returns the exit code."""
        return self.process.stop(within=30)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.signal(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _direct() -> requests.Session:
    """A session that ignores the environment's proxies: the app is on this machine."""
    session = requests.Session()
    session.trust_env = False
    return session


def _ready(printed: str) -> Mapping[str, Any] | None:
    line, newline, _rest = printed.partition("\n")
    if not newline:
        return None
    ready: Mapping[str, Any] = json.loads(line)
    return ready
