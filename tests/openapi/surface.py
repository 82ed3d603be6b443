"""The app as processes, with people, a job and a sweep in it, and its own description of its API."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from local_run.stack import Stack, StackPorts
from tests import pictures
from tests.waiting import eventually

PEOPLE = 5
_QUIET = ("begin_sweep", "keep_subscription")
"""Timers that these tests do without, so that every sweep is one that was asked for."""


@dataclass
class Surface:
    """The running app, seen from outside."""

    stack: Stack
    session: requests.Session
    """Sends the function key; not for the environment's proxies."""
    document: dict[str, Any]
    known: Mapping[str, Sequence[str]]
    """Values of the paths' parameters that lead to something, by the parameter's name."""

    @property
    def url(self) -> str:
        """Where the app is."""
        return self.stack.host.url

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """One request, with the key unless `headers` have another."""
        return self.session.request(method, self.url + path, timeout=60, **more)

    def is_paused(self) -> bool:
        """Whether somebody has paused the app."""
        return self.call("GET", "/api/overview").json()["paused"] is not None


@contextmanager
def running_surface(
    directory: Path, environment: Mapping[str, str] | None = None, ports: StackPorts | None = None
) -> Iterator[Surface]:
    """The app, for the length of the context; at its end nothing may have failed inside, nor the tenant complain."""
    environment = {f"AzureWebJobs.{timer}.Disabled": "true" for timer in _QUIET} | dict(environment or {})
    environment["PHOTOSYNC_TEST_USER"] = "person.0@contoso.com"
    with (
        Stack.start(directory, environment=environment, ports=ports or StackPorts()) as stack,
        requests.Session() as session,
    ):
        control, host = stack.tenant.control, stack.host
        control.notifications("off")
        session.trust_env = False
        session.headers["x-functions-key"] = host.function_key
        photo = pictures.jpeg(60, 60, seed=1)
        ids = [control.add_user(f"person.{number}@contoso.com", photo) for number in range(PEOPLE)]
        job = host.call("POST", "/api/sync", json={"users": ids}).json()["jobId"]
        eventually(lambda: host.call("GET", f"/api/sync/{job}").json()["state"] == "done", within=30, what="the job")
        sweep = host.call("POST", "/api/sweep").json()["runId"]
        eventually(lambda: host.call("GET", f"/api/sweep/{sweep}").json()["state"] == "running", what="all listed")
        known = {
            "jobId": [job],
            "runId": [sweep],
            "user": [ids[0], "person.1@contoso.com"],
            "name": ["page.css", "page.js", "icon.svg"],
        }
        surface = Surface(stack, session, host.call("GET", "/api/openapi.json", key="").json(), known)
        yield surface
        # Messages may fail when Storage was spoiled under them, and come again; requests never do.
        routes = [function["name"] for function in host.functions if function["type"] == "httpTrigger"]
        assert len(routes) == sum(len(path) for path in surface.document["paths"].values())
        failed = [name for name in routes if f"Executed 'Functions.{name}' (Failed" in host.log()]
        assert failed == [], host.log()[-4000:]
        assert control.violations() == []
