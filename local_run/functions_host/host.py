"""The host's life: read the app, serve it, end well."""

import asyncio
import hashlib
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from local_run.functions_host import app_settings, functions, host_json, http_listener, worker
from local_run.functions_host.admin import Administration
from local_run.functions_host.drain import Drain
from local_run.functions_host.errors import StartFailed
from local_run.functions_host.functions import Function, QueueTrigger, TimerTrigger
from local_run.functions_host.host_json import HostSettings
from local_run.functions_host.http_listener import HttpListener
from local_run.functions_host.invoking import Invoker
from local_run.functions_host.keys import Keys
from local_run.functions_host.queue_listener import QueueListener
from local_run.functions_host.queue_output import QueueOutputs
from local_run.functions_host.queues import Queue
from local_run.functions_host.storage_account import ConnectionString, StorageAccount
from local_run.functions_host.timer_listener import TimerListener

log = logging.getLogger("host")


@dataclass(frozen=True)
class Options:
    """How the host was asked to run."""

    app: Path
    port: int = 7071
    settings: Path | None = None
    keys: Keys = field(default_factory=Keys)
    message_lease_seconds: int = 600
    drain_seconds: float = 10.0
    with_parent: bool = False


class Host:
    """One app, served."""

    def __init__(self, options: Options, table: list[Function], settings: HostSettings) -> None:
        self._options = options
        self._table = table
        self._settings = settings
        self._accounts: dict[ConnectionString, StorageAccount] = {}
        self._drain = Drain()
        self._outputs = QueueOutputs(self._queue, settings.queues.encoding)
        self._invoker = Invoker(self._outputs.send, settings.function_seconds)
        self._host_id = hashlib.sha256(str(options.app).encode()).hexdigest()[:32]
        admin = Administration(table, self._invoker, self._drain, self._host_id)
        self._http = HttpListener(table, self._invoker, options.keys, admin)
        self._listening: list[asyncio.Task[None]] = []

    async def start(self, listener: socket.socket) -> None:
        """Begin to serve: HTTP first, then queues and timers."""
        listeners = [run for function in self._table if not function.disabled for run in self._listener(function)]
        for function in self._table:
            for output in function.outputs:  # a missing setting is told now, not at the first message
                self._queue(output.connection, output.queue)
        await self._http.start(listener)
        self._listening = [asyncio.create_task(run()) for run in listeners]

    async def stop(self) -> bool:
        """Take nothing new, let what runs end; whether all of it ended within the limit."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._options.drain_seconds
        self._drain.finish()
        log.info("Ending: %d invocations run.", len(self._invoker.running))
        ends = [asyncio.create_task(self._http.stop(self._options.drain_seconds)), *self._listening]
        _done, late = await asyncio.wait(ends, timeout=self._options.drain_seconds)
        try:
            async with asyncio.timeout_at(deadline):
                await self._invoker.idle()
        except TimeoutError:
            pass
        for invocation_id, name in self._invoker.running.items():
            log.error("Still running after %.0f s, cut off: %s (%s)", self._options.drain_seconds, name, invocation_id)
        return not late and not self._invoker.running

    def close(self) -> None:
        """Let go of threads and connections; nothing may run any more."""
        worker.stop()
        for account in self._accounts.values():
            account.close()

    def _queue(self, connection: str, name: str) -> Queue:
        return Queue(self._account(connection), name)

    def _account(self, connection: str) -> StorageAccount:
        parsed = app_settings.connection_string(connection, os.environ)
        if parsed not in self._accounts:
            self._accounts[parsed] = StorageAccount(parsed)
        return self._accounts[parsed]

    def _listener(self, function: Function) -> list[Callable[[], Any]]:
        match function.trigger:
            case QueueTrigger(queue=name, connection=connection):
                queue = self._queue(connection, name)
                serving = QueueListener(
                    function,
                    queue,
                    rules=self._settings.queues,
                    invoker=self._invoker,
                    drain=self._drain,
                    lease_seconds=self._options.message_lease_seconds,
                )
                self._outputs.nudges = {**self._outputs.nudges, name: serving.nudge}
                return [serving.run]
            case TimerTrigger() as trigger:
                timer = TimerListener(
                    function,
                    trigger,
                    account=self._account(""),
                    host_id=self._host_id,
                    invoker=self._invoker,
                    drain=self._drain,
                )
                return [timer.run]
            case _:
                return []


async def serve(options: Options, stdout: IO[str]) -> int:
    """Serve an app until a signal ends it; returns the exit code. Raises `StartFailed` when it cannot be served.

    Prints one line of JSON on `stdout` when ready. A second signal ends the process at once, with 130.
    """
    if not (options.app / "function_app.py").is_file():
        raise StartFailed(f"There is no function_app.py in {options.app}; an app of the v2 model needs one.")
    if options.settings is not None:
        app_settings.load_local_settings(options.settings, os.environ)
    settings = host_json.read(options.app, os.environ)
    with http_listener.bind(options.port) as listener:
        _enter(options.app)
        metadata = await worker.start(options.app)
        if not metadata:
            raise StartFailed(f"No functions were found in {options.app / 'function_app.py'}.")
        table = functions.read(metadata, settings.route_prefix, os.environ)
        host = Host(options, table, settings)
        ended = _end_on_signals(options)
        await host.start(listener)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        _tell_ready(url, table, options.keys, stdout)
        await ended.wait()
        if not await host.stop():
            # Threads cannot be stopped, and the interpreter would wait for them for ever.
            sys.stderr.flush()
            os._exit(1)
        host.close()
    log.info("Ended.")
    return 0


def _enter(app: Path) -> None:
    """The app folder comes first on the import path and is the working directory; the launcher's folder is neither."""
    started_in = str(Path.cwd())
    os.chdir(app)
    sys.path[:] = [str(app), *(entry for entry in sys.path if entry not in {"", started_in, str(app)})]


def _tell_ready(url: str, table: list[Function], keys: Keys, stdout: IO[str]) -> None:
    serving = [function for function in table if not function.disabled]
    for function in table:
        kind = function.described()
        rest = kind.get("route") or kind.get("queue") or kind.get("schedule")
        log.info("%s: %s %s%s", function.name, kind["type"], rest, " (disabled)" if function.disabled else "")
    log.info("Serving %d functions at %s", len(serving), url)
    ready = {
        "url": url,
        "functions": [function.described() for function in serving],
        "functionKey": keys.function,
        "masterKey": keys.master,
    }
    print(json.dumps(ready), file=stdout, flush=True)


def _end_on_signals(options: Options) -> asyncio.Event:
    """An event that SIGTERM, SIGINT and, if so asked, the end of stdin set; the second one ends the process.

    A function that blocks the loop for good cannot keep the process alive either.
    """
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    told = False

    def end(*_: Any) -> None:
        # Plain signal handlers, not the loop's: they work even while a function blocks the loop.
        nonlocal told
        if told:
            os._exit(130)
        told = True  # a plain flag: the second signal may come in the midst of the first, where a lock would hang
        last_resort = threading.Timer(options.drain_seconds + 5, os._exit, (1,))
        last_resort.daemon = True
        last_resort.start()
        loop.call_soon_threadsafe(ended.set)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    if options.with_parent:
        threading.Thread(target=_wait_for_end_of_input, args=(end,), daemon=True).start()
    return ended


def _wait_for_end_of_input(end: Callable[[], None]) -> None:
    while os.read(0, 4096):
        pass
    end()
