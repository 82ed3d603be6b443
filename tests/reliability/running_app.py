"""The whole app as processes behind a Storage proxy, to be killed: what tests of it need from outside."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import uuid4

import requests
from azure.core.exceptions import ResourceNotFoundError

from local_run.app_host import HostOptions
from local_run.azurite import Ports
from local_run.stack import Stack, StackPorts, free_port
from photo_worker.make_thumbnails import make_thumbnails
from shared.status import HistoryTable, StatusRow, StatusTable
from shared.storage import Storage
from shared.words import QUEUE_OF_CHANGES, Outcome
from tests import pictures
from tests.storage_proxy import StorageProxy
from tests.waiting import eventually

WORKERS = 8
"""Threads of the app's process."""
MOST_AT_WORK = 20
"""Messages that a process holds by host.json: at work, fetched ahead, or done and not yet deleted."""
_QUIET = ("keep_subscription", "begin_sweep")
"""Timers that these tests do without: nothing but notifications brings a look."""


@cache
def photo(seed: int) -> bytes:
    """One of many small photos."""
    return pictures.jpeg(96, 96, seed=seed)


@cache
def medium_of(seed: int) -> str:
    """The hash of the medium picture that the app makes of this photo."""
    return hashlib.sha256(make_thumbnails(photo(seed), 300).medium).hexdigest()


class RunningApp:
    """The stack, its storage as an observer sees it, and Graph's part: sending notifications."""

    def __init__(self, stack: Stack, proxy: StorageProxy) -> None:
        self.stack = stack
        self.proxy = proxy
        self.control = stack.tenant.control
        storage = Storage({"AzureWebJobsStorage": stack.azurite.connection_string})
        self.status = StatusTable(storage)
        self.history = HistoryTable(storage)
        self._queue = storage.queue(QUEUE_OF_CHANGES)
        self._client_state = stack.environment()["PHOTOSYNC_CLIENT_STATE"]

    def people(self, count: int, seed: int | None = None) -> list[str]:
        """New users, with a photo if a seed is given."""
        ids = self.control.add_users([{"userPrincipalName": _new_name()} for _ in range(count)])
        if seed is not None:
            for user in ids:
                self.control.put_photo(user, photo(seed))
        return ids

    def notify(self, users: Sequence[str], session: requests.Session | None = None) -> int:
        """Send one POST as Graph does; the status of the answer, 0 when there is none."""
        elements = [
            {"clientState": self._client_state, "changeType": "updated", "resource": f"Users/{user}"} for user in users
        ]
        url = f"{self.stack.host.url}/api/notifications"
        with requests.Session() as own:
            own.trust_env = False
            try:
                body = json.dumps({"value": elements})
                return (session or own).post(url, data=body, timeout=10).status_code
            except requests.RequestException:
                return 0

    def tell(self, users: Sequence[str]) -> None:
        """Send a POST, and as Graph does again, until it is taken."""
        eventually(lambda: self.notify(users) == 202, within=20, what="202")

    def tell_of_each(self, users: Sequence[str]) -> None:
        """One POST for each, so that each has a photo event at once; many in one would first be checked together."""
        for user in users:
            self.tell([user])

    def waiting(self) -> int:
        """Messages on the queue, visible or not, those at work included."""
        try:
            return self._queue.get_queue_properties().approximate_message_count or 0
        except ResourceNotFoundError:
            return 0

    def can_be_taken(self) -> bool:
        """Whether a message waits to be taken; those at work, and those put back for later, do not."""
        try:
            return bool(self._queue.peek_messages())
        except ResourceNotFoundError:
            return False

    def rob(self) -> None:
        """Take every message away, those at work included."""
        self._queue.clear_messages()

    def row(self, user: str) -> StatusRow | None:
        """The user's status row."""
        seen = self.status.get(user)
        return None if seen is None else seen.row

    def shows(self, user: str) -> str | None:
        """The hash of the medium picture in SharePoint, when the profile points at it."""
        target = self.control.target(user)
        if target["properties"].get("SPS-PicturePlaceholderState") != "0":
            return None
        shown = {size: (target["files"].get(size) or {}).get("sha256") for size in "SML"}
        return shown["M"] if all(shown.values()) else None

    def in_step_with(self, user: str, seed: int) -> bool:
        """Whether SharePoint shows this photo, all three pictures of it, and the row says so, with nobody at work."""
        row = self.row(user)
        settled = row is not None and row.state == "in_step" and row.lease_owner is None and not row.dirty
        thumbnails = make_thumbnails(photo(seed), 300)
        files = self.control.target(user)["files"]
        return settled and all(
            (files.get(size) or {}).get("sha256") == hashlib.sha256(content).hexdigest()
            for size, content in (("S", thumbnails.small), ("M", thumbnails.medium), ("L", thumbnails.large))
        )

    def copies_recorded(self, user: str) -> int:
        """Versions of the photo that were copied to the end and recorded."""
        return len({row.source_etag for row in self.history.of(user, most=1000) if row.outcome is Outcome.COPIED})

    def kill(self) -> None:
        """SIGKILL; then the time passes in which the dead worker's leases end, as it does before its messages return.

        In Azure a message of a dead host stays hidden for ten minutes, and a lease ends after five. Here the message
        returns after seconds, so the leases are ended by hand.
        """
        self.stack.kill_app()
        for row in self.status.page(None, None, 100_000):
            if row.lease_owner is not None:
                seen = self.status.get(row.user_id)
                assert seen is not None
                self.status.replace(replace(seen.row, lease_until=datetime.now(UTC)), seen.etag)

    def start(self) -> None:
        """Start the app again."""
        self.stack.start_app()


@contextmanager
def running_app(directory: Path) -> Iterator[RunningApp]:
    """The app as processes for the length of the context; messages of a dead host return after two seconds."""
    ports = StackPorts(blob=free_port(), queue=free_port(), table=free_port())
    with StorageProxy.start(Ports(ports.blob, ports.queue, ports.table)) as proxy:
        environment = {
            "AzureWebJobsStorage": proxy.connection_string,
            "PYTHON_THREADPOOL_THREAD_COUNT": str(WORKERS),
            "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
            **{f"AzureWebJobs.{function}.Disabled": "true" for function in _QUIET},
        }
        options = HostOptions(message_lease_seconds=2, drain_seconds=2)
        with Stack.start(directory, environment=environment, ports=ports, options=options) as stack:
            stack.tenant.control.notifications("off")
            try:
                yield RunningApp(stack, proxy)
            finally:
                proxy.clear_faults()


def _new_name() -> str:
    return f"person.{uuid4().hex[:12]}@contoso.com"
