"""The local stack: Azurite, the simulated tenant and the app's host, wired together.

>>> with Stack.start(Path(".local")) as stack:
...     stack.host.call("GET", "/api/health")
...     stack.tenant.control.put_photo("maria.petrova@contoso.com", photo)

With `app=None` there is storage and tenant only; `stack.environment()` then gives a test everything that the product's
code needs in its own process. Every part ends with the process that started it, however that ends.
"""

import json
import random
import secrets
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from local_run import client_certificate
from local_run.app_host import AppHost, HostOptions
from local_run.azurite import Azurite
from local_run.azurite import Ports as StoragePorts
from simulated_tenant import client
from simulated_tenant.client import RunningTenant

ROOT = Path(__file__).parent.parent
PUBLIC_URL = "https://photosync.contoso.example"
GRAPH_ROLES = ("ProfilePhoto.Read.All", "User.Read.All", "GroupMember.Read.All")
SHAREPOINT_ROLES = ("User.ReadWrite.All", "Sites.ReadWrite.All")


@dataclass(frozen=True)
class StackPorts:
    """Where the parts listen on 127.0.0.1; 0: any free port."""

    app: int = 0
    proxy: int = 0
    tls: int = 0
    control: int = 0
    blob: int = 0
    queue: int = 0
    table: int = 0


class Stack:
    """The running parts. Use as a context manager, or call `stop`."""

    def __init__(self, directory: Path, azurite: Azurite, tenant: RunningTenant, parts: ExitStack) -> None:
        self.directory = directory
        self.azurite = azurite
        self.tenant = tenant
        self._parts = parts
        self._hosts: list[AppHost] = []
        self._app: Path | None = None
        self._options = HostOptions()
        self._settings: dict[str, str] = {}

    @classmethod
    def start(
        cls,
        directory: Path,
        *,
        app: Path | None = ROOT,
        environment: Mapping[str, str] | None = None,
        ports: StackPorts = StackPorts(),
        options: HostOptions | None = None,
        tenant_options: tuple[str, ...] = (),
    ) -> Self:
        """Start everything, in order; raises what the part that did not start raises, and leaves nothing running.

        `directory` gets certificates, logs and `stack.json`. `environment`: more settings of the app, before ours.
        `app`: the app's folder; None: no app. `options`: of its host, without the port. `tenant_options`: as on the
        command line of `python -m simulated_tenant`.
        """
        directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as parts:
            azurite, tenant = _start_services(directory, ports, tenant_options, parts)
            stack = cls(directory, azurite, tenant, parts)
            stack._settings = {**stack._own_settings(), **(environment or {})}
            stack._app = app
            stack._options = replace(options or HostOptions(), port=ports.app or free_port())
            parts.callback(stack._stop_hosts)
            if app is not None:
                stack.start_app()
            parts.callback(stack.state_file.unlink, missing_ok=True)
            stack.write_state()
            stack._parts = parts.pop_all()
        return stack

    @property
    def host(self) -> AppHost:
        """The app's host: the first one, when there are several. Raises `LookupError` when the app does not run."""
        if not self._hosts:
            raise LookupError("the app does not run in this stack: call start_app()")
        return self._hosts[0]

    def environment(self) -> dict[str, str]:
        """The app's settings, with what it needs to reach and trust the tenant."""
        return dict(self._settings)

    def start_app(self, *, environment: Mapping[str, str] | None = None, **changed: Any) -> AppHost:
        """Start a host for the app, on the same storage; a second one while the first runs gets a port of its own.

        `changed`: fields of `HostOptions` that differ from those that the stack was started with. After `kill_app` or
        `stop_app` this is the restart: same port, same keys.
        """
        if self._app is None:
            raise LookupError("this stack has no app folder")
        options = replace(self._options, **changed)
        if self._hosts:
            options = replace(options, port=changed.get("port", 0))
        settings = {**self._settings, **(environment or {})}
        host = AppHost.start(self._app, settings, logs=self._logs_of_next_host(), options=options)
        self.adopt(host)
        return host

    def adopt(self, host: AppHost) -> None:
        """Take a host into the stack: it ends with it, and if it is the first, the public address leads to it."""
        self._hosts.append(host)
        if len(self._hosts) == 1:
            # The restart comes up where the first start was, so that whoever read stack.json finds it again.
            self._options = replace(
                self._options,
                port=urlsplit(host.url).port or 0,
                function_key=host.function_key or None,
                master_key=host.master_key or None,
            )
            self.tenant.control.route(PUBLIC_URL, host.url)

    def kill_app(self, host: AppHost | None = None) -> None:
        """End a host (the first) by SIGKILL, as a crash would."""
        dying = host or self.host
        dying.kill()
        self._hosts.remove(dying)

    def stop_app(self, host: AppHost | None = None) -> int:
        """End a host (the first) in order; returns its exit code."""
        ending = host or self.host
        self._hosts.remove(ending)
        return ending.stop()

    @property
    def state_file(self) -> Path:
        """Where other programs read the stack's addresses."""
        return self.directory / "stack.json"

    def state(self) -> dict[str, str | None]:
        """What `stack.json` holds; `app` and `functionKey` are None without an app."""
        host = self._hosts[0] if self._hosts else None
        ca = self.tenant.ca.resolve()
        return {
            "app": host.url if host else None,
            "proxy": self.tenant.proxy,
            "tls": self.tenant.tls,
            "ca": str(ca.relative_to(ROOT) if ca.is_relative_to(ROOT) else ca),
            "control": self.tenant.control.url,
            "functionKey": host.function_key if host else None,
            "storage": self.azurite.connection_string,
        }

    def write_state(self) -> None:
        """Write `stack.json`, for the owner's eyes only: it holds a key."""
        client_certificate.write_private(self.state_file, json.dumps(self.state(), indent=2).encode() + b"\n")

    def stop(self) -> None:
        """End everything: the app first, so that it can finish what it does, then the tenant, then storage."""
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _own_settings(self) -> dict[str, str]:
        """Register the app in the tenant and make the settings that fit."""
        certificate = self.directory / "client.pem"
        app = self.tenant.control.add_app(
            certificate=client_certificate.make(certificate, "photosync-local"),
            graph=GRAPH_ROLES,
            sharepoint=SHAREPOINT_ROLES,
        )
        return {
            "AzureWebJobsStorage": self.azurite.connection_string,
            "PHOTOSYNC_TENANT_ID": self.tenant.tenant_id,
            "PHOTOSYNC_SHAREPOINT_NAME": "contoso",
            "PHOTOSYNC_CREDENTIAL": "certificate",
            "PHOTOSYNC_CLIENT_ID": app["clientId"],
            "PHOTOSYNC_CERTIFICATE_FILE": str(certificate.resolve()),
            "PHOTOSYNC_PUBLIC_URL": PUBLIC_URL,
            "PHOTOSYNC_CLIENT_STATE": secrets.token_hex(32),
            "PHOTOSYNC_COMPANY": "Contoso",
            **self.tenant.environment,
        }

    def _logs_of_next_host(self) -> Path:
        """The first host's log is `app.log`, over restarts; others have folders of their own."""
        logs = self.directory if not self._hosts else self.directory / f"host-{len(self._hosts) + 1}"
        logs.mkdir(exist_ok=True)
        return logs

    def _stop_hosts(self) -> None:
        while self._hosts:
            host = self._hosts.pop()
            if host.process.exit_code is None:
                host.stop()


def free_port() -> int:
    """A free port that stays free while its server restarts: the system hands none of this range to outgoing calls."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                attempt.bind(("127.0.0.1", port))
                return port


def _start_services(
    directory: Path, ports: StackPorts, tenant_options: tuple[str, ...], parts: ExitStack
) -> tuple[Azurite, RunningTenant]:
    """Storage and tenant at the same time, each ended with `parts`, the tenant first."""
    log = parts.enter_context((directory / "tenant.log").open("ab"))
    with ThreadPoolExecutor(2) as threads:
        storage = threads.submit(
            Azurite.start, ports=StoragePorts(ports.blob, ports.queue, ports.table), logs=directory
        )
        tenant = threads.submit(
            client.start,
            *("--directory", str(directory.resolve())),
            *("--proxy-port", str(ports.proxy), "--tls-port", str(ports.tls), "--control-port", str(ports.control)),
            *tenant_options,
            errors=log.fileno(),
        )
    # Both have ended one way or the other: what did start is taken into `parts` before anything is raised.
    if storage.exception() is None:
        parts.callback(storage.result().stop)
    if tenant.exception() is None:
        parts.callback(client.stop, tenant.result())
    return storage.result(), tenant.result()
