"""Throw-away apps: written into a folder by a test, served by a real host on real storage."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient

from local_run.app_host import AppHost, HostOptions
from local_run.azurite import Azurite

PRELUDE = '''
import json, logging, os, time, typing
from pathlib import Path
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

def tell(**fact):
    """Write down what happened, for the test to read."""
    with open(os.environ["TOLD"], "a") as file:
        file.write(json.dumps(fact) + "\\n")

def wait_for(name):
    """Run on until the test opens a gate."""
    while not Path(os.environ["GATES"], name).exists():
        time.sleep(0.01)
'''

FAST_QUEUES = {"maxPollingInterval": "00:00:00.100"}


class ThrowAwayApp:
    """An app folder with its host processes, queues of its own, and a notebook that the app writes in."""

    def __init__(self, folder: Path, azurite: Azurite, stack: ExitStack) -> None:
        self.folder = folder / "app"
        self.logs = folder
        self.folder.mkdir()
        self._azurite = azurite
        self._stack = stack
        self._mark = uuid4().hex[:12]
        self.environment = {
            "AzureWebJobsStorage": azurite.connection_string,
            "TOLD": str(folder / "told"),
            "GATES": str(folder),
            "MARK": self._mark,
        }

    def write(self, source: str, **host: Any) -> None:
        """Write `function_app.py` (after the prelude) and `host.json`; `queues` are entries of `extensions.queues`."""
        (self.folder / "function_app.py").write_text(PRELUDE + source)
        queues = {**FAST_QUEUES, **host.pop("queues", {})}
        document = {"version": "2.0", "extensions": {"queues": queues, **host.pop("extensions", {})}, **host}
        (self.folder / "host.json").write_text(json.dumps(document))

    def start(self, *, environment: dict[str, str] | None = None, **options: Any) -> AppHost:
        """Start one more host for the app; it is ended with the test."""
        logs = self.logs / uuid4().hex[:6]
        logs.mkdir()
        host = AppHost.start(
            self.folder, self.environment | (environment or {}), logs=logs, options=HostOptions(**options)
        )
        # Killing is quicker than an orderly end, of which there are tests enough; nothing of the app's is shared.
        self._stack.callback(host.kill)
        return host

    def use(self, azurite: Azurite) -> None:
        """Take another storage from now on."""
        self._azurite = azurite

    def whole_environment(self) -> dict[str, str]:
        """This process's environment with the app's settings."""
        return {**os.environ, **self.environment}

    def queue(self, name: str) -> QueueClient:
        """A client for the app's own queue of that name (`name-MARK`), as the app calls it; made if missing."""
        client = self.client(name)
        with suppress(ResourceExistsError):  # the app may have been quicker
            client.create_queue()
        return client

    def client(self, name: str) -> QueueClient:
        """A client for a queue that may not exist."""
        suffix = "-poison" if name.endswith("-poison") else ""
        name = f"{name.removesuffix('-poison')}-{self._mark}{suffix}"
        client = QueueClient.from_connection_string(self._azurite.connection_string, name)
        self._stack.callback(client.close)
        return client

    def told(self, **having: Any) -> list[dict[str, Any]]:
        """What the app wrote down, in order; only entries with these values."""
        file = Path(self.environment["TOLD"])
        lines = file.read_text().splitlines() if file.exists() else []
        facts: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [fact for fact in facts if having.items() <= fact.items()]

    def open_gate(self, name: str) -> None:
        """Let a waiting function go on."""
        (self.logs / name).touch()


@contextmanager
def throw_away_app(folder: Path, azurite: Azurite) -> Iterator[ThrowAwayApp]:
    """An app folder whose hosts end with the block."""
    with ExitStack() as stack:
        yield ThrowAwayApp(folder, azurite, stack)


def encoded(text: str) -> str:
    """A message as a queue trigger expects it."""
    return base64.b64encode(text.encode()).decode()


def texts(queue: QueueClient) -> list[str]:
    """The decoded messages that are on a queue now, seen without taking them; none when there is no such queue."""
    try:
        return [base64.b64decode(message.content).decode() for message in queue.peek_messages(32)]
    except ResourceNotFoundError:
        return []


def count(queue: QueueClient) -> int:
    """How many messages a queue holds, the invisible ones too."""
    return queue.get_queue_properties().approximate_message_count or 0
