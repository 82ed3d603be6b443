"""Starting a simulated tenant from another program, and speaking to its control API.

>>> with start_tenant() as tenant:
...     tenant.control.add_app("graph-reader", secret="s", graph=["User.Read.All"])
...     requests.get("https://graph.microsoft.com/v1.0/users", proxies=tenant.proxies, verify=str(tenant.ca))
"""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import requests

_ROOT = Path(__file__).resolve().parent.parent


class ControlError(Exception):
    """The control API refused; the text is its own, and says what to do."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Control:
    """The control API of one running tenant. Names and shapes are those of its README."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # it is on this machine, whatever proxy the environment names

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def call(
        self,
        method: str,
        path: str,
        value: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Any call: JSON in, JSON out, bytes when the answer is none. Raises `ControlError`."""
        answer = self._session.request(
            method, self.url + path, params=query, json=value, data=data, headers=headers, timeout=30
        )
        if answer.status_code >= 400:
            raise ControlError(answer.status_code, answer.text)
        kind = answer.headers.get("content-type", "")
        return answer.json() if kind.startswith("application/json") else answer.content

    def add_app(
        self,
        client_id: str | None = None,
        *,
        certificate: str | None = None,
        secret: str | None = None,
        graph: Sequence[str] = (),
        sharepoint: Sequence[str] = (),
        managed_identity: bool = False,
        federated: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Register an app; the answer has `clientId` and `objectId`. `certificate` is PEM, public part only."""
        asked = {
            "clientId": client_id,
            "certificate": certificate,
            "secret": secret,
            "roles": {"graph": list(graph), "sharepoint": list(sharepoint)},
            "managedIdentity": managed_identity,
            "federated": dict(federated) if federated else None,
        }
        return dict(self.call("POST", "/apps", asked))

    def change_app(self, client_id: str, **fields: Any) -> dict[str, Any]:
        """PATCH an app: `roles={"graph": [...]}`, `certificate=`, `certificates=[]`."""
        return dict(self.call("PATCH", f"/apps/{client_id}", fields))

    def add_user(self, upn: str, photo: bytes | None = None, **fields: Any) -> str:
        """Add a user; gives the object id. `fields` as in the README, such as `accountEnabled=False`."""
        asked = fields | {"userPrincipalName": upn}
        if photo is not None:
            asked["photo"] = base64.b64encode(photo).decode()
        return str(self.call("POST", "/users", asked)["id"])

    def add_users(self, users: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add many users at once; gives their object ids in order."""
        return [user["id"] for user in self.call("POST", "/users", list(users))]

    def users(self) -> list[dict[str, Any]]:
        """All users that are not deleted."""
        return list(self.call("GET", "/users"))

    def user(self, user: str) -> dict[str, Any]:
        """One user, by id or UPN."""
        return dict(self.call("GET", f"/users/{quote(user)}"))

    def change_user(self, user: str, **fields: Any) -> dict[str, Any]:
        """Change fields of a user."""
        return dict(self.call("PATCH", f"/users/{quote(user)}", fields))

    def delete_user(self, user: str, *, permanent: bool = False) -> None:
        """Delete a user, softly unless `permanent`."""
        self.call("DELETE", f"/users/{quote(user)}", query={"permanent": str(permanent).lower()})

    def put_photo(self, user: str, content: bytes, content_type: str = "image/jpeg") -> dict[str, Any]:
        """Give the user a photo, as these very bytes; the answer has `mediaEtag`."""
        path = f"/users/{quote(user)}/photo"
        return dict(self.call("PUT", path, data=content, headers={"Content-Type": content_type}))

    def photo(self, user: str) -> bytes:
        """The photo's bytes as they were put."""
        return bytes(self.call("GET", f"/users/{quote(user)}/photo"))

    def delete_photo(self, user: str) -> None:
        """Take the photo away."""
        self.call("DELETE", f"/users/{quote(user)}/photo")

    def change_etag(self, user: str) -> dict[str, Any]:
        """New ETags for the same bytes, silently."""
        return dict(self.call("POST", f"/users/{quote(user)}/photo/etag"))

    def target(self, user: str) -> dict[str, Any]:
        """What SharePoint shows of the user."""
        return dict(self.call("GET", f"/users/{quote(user)}/target"))

    def target_file(self, user: str, size: str) -> bytes | None:
        """The bytes of the S, M or L picture that SharePoint shows of the user; None when there is none."""
        try:
            return bytes(self.call("GET", f"/users/{quote(user)}/target/{size}"))
        except ControlError as refused:
            if refused.status != 404:
                raise
            return None

    def picture(self, user: str) -> bytes:
        """The user's thumbnails as one PNG."""
        return bytes(self.call("GET", "/picture", query={"user": user}))

    def put_group(self, members: Sequence[str], group: str | None = None) -> str:
        """Make a group, or replace its members; gives its id."""
        return str(self.call("POST", "/groups", {"id": group, "members": list(members)})["id"])

    def fault(
        self,
        operation: str,
        *script: str,
        user: str | None = None,
        match: str | None = None,
        app: str | None = None,
    ) -> dict[str, Any]:
        """Script the next calls of an operation; one instruction for each."""
        asked = {"operation": operation, "script": list(script), "user": user, "match": match, "app": app}
        return dict(self.call("POST", "/faults", asked))

    def faults(self) -> dict[str, Any]:
        """`completed`, and each script with what was met and what is left."""
        return dict(self.call("GET", "/faults"))

    def clear_faults(self) -> None:
        """Drop every script, and open the gates."""
        self.call("DELETE", "/faults")

    def latency(self, milliseconds: Mapping[str, float]) -> None:
        """Milliseconds before every answer of a service or an operation."""
        self.call("POST", "/latency", dict(milliseconds))

    def budget(self, service: str, per_minute: int | None) -> None:
        """Resource units a minute for each app at a service; None lifts the limit."""
        self.call("POST", "/budget", {"service": service, "perMinute": per_minute})

    def advance(self, seconds: float) -> str:
        """Move the tenant's clock forward; gives its time."""
        return str(self.call("POST", "/clock", {"advanceSeconds": seconds})["now"])

    def let_clock_stand(self) -> None:
        """From now on the tenant's time passes only by `advance`."""
        self.call("POST", "/clock", {"stands": True})

    def requests(self, **filters: Any) -> list[dict[str, Any]]:
        """The requests received; filters `since`, `operation`, `service`, `app`, `inner`."""
        return list(self.requests_and_counts(**filters)["requests"])

    def requests_and_counts(self, **filters: Any) -> dict[str, Any]:
        """The same with `next` (for `since`), `total` and `counts`."""
        return dict(self.call("GET", "/requests", query=filters))

    def violations(self, kind: str | None = None) -> list[dict[str, Any]]:
        """What callers did that they should not."""
        return list(self.call("GET", "/violations", query={"kind": kind} if kind else None))

    def clear_records(self) -> None:
        """Forget requests and violations."""
        self.call("DELETE", "/requests")
        self.call("DELETE", "/violations")

    def notifications(self, mode: str | None = None, **settings: Any) -> dict[str, Any]:
        """Set how notifications are sent (`on`, `off`, `duplicate`, `delay`, `reorder`), or just look."""
        if mode is None and not settings:
            return dict(self.call("GET", "/notifications"))
        return dict(self.call("POST", "/notifications", ({"mode": mode} if mode else {}) | settings))

    def lifecycle(self, event: str, subscription: str | None = None) -> None:
        """Send a lifecycle notification to one subscription, or to all."""
        self.call("POST", "/notifications/lifecycle", {"event": event, "subscription": subscription})

    def deliveries(self, since: int = 0) -> list[dict[str, Any]]:
        """Every POST that the tenant sent to somebody's endpoint."""
        return list(self.call("GET", "/deliveries", query={"since": since}))

    def route(self, origin: str, target: str) -> None:
        """Let the public https origin lead to a server on this machine."""
        self.call("POST", "/routes", {"origin": origin, "target": target})

    def reset(self) -> None:
        """Start over."""
        self.call("POST", "/reset")

    def wait_until(self, true: Callable[[Self], Any], seconds: float = 10.0, what: str = "the condition") -> Any:
        """Ask again until `true(self)` is; gives its value. Raises `TimeoutError`."""
        end = time.monotonic() + seconds
        while not (value := true(self)):
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come true within {seconds} s")
            time.sleep(0.02)
        return value


@dataclass(frozen=True)
class RunningTenant:
    """The addresses of a running tenant, and its control API."""

    proxy: str
    tls: str
    ca: Path
    identity: str
    identity_header: str
    tenant_id: str
    domain: str
    control: Control
    process: subprocess.Popen[str]

    @property
    def proxies(self) -> dict[str, str]:
        """For `requests`: everything with https goes through the tenant."""
        return {"https": self.proxy}

    @property
    def environment(self) -> dict[str, str]:
        """What a client process needs to reach this tenant by Microsoft's host names, and to trust it."""
        names = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        trust = dict.fromkeys(names, str(self.ca))
        direct = "127.0.0.1,localhost"
        return trust | {"HTTPS_PROXY": self.proxy, "https_proxy": self.proxy, "NO_PROXY": direct, "no_proxy": direct}

    def session(self) -> requests.Session:
        """A `requests` session that reaches the tenant, whatever the environment says."""
        session = requests.Session()
        session.trust_env = False
        session.proxies.update(self.proxies)
        session.verify = str(self.ca)
        return session


def start(*options: str, errors: int | None = None) -> RunningTenant:
    """Start a tenant as a process of its own and wait until it is ready; `stop` ends it.

    `options` as on the command line. It ends by itself when this process does.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "simulated_tenant", "--with-parent", *options],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        process_group=0,  # Ctrl-C in a terminal is for who started it, who then ends it in order
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    line = process.stdout.readline()
    if not line:
        _close(process)
        raise RuntimeError(f"The simulated tenant ended with {process.wait()} before it was ready; see its stderr.")
    told = json.loads(line)
    return RunningTenant(
        proxy=told["proxy"],
        tls=told["tls"],
        ca=Path(told["ca"]),
        identity=told["identity"],
        identity_header=told["identityHeader"],
        tenant_id=told["tenantId"],
        domain=told["domain"],
        control=Control(told["control"]),
        process=process,
    )


def stop(tenant: RunningTenant) -> int:
    """End the tenant; gives its exit code."""
    tenant.control.close()
    tenant.process.terminate()
    try:
        return tenant.process.wait(10)
    except subprocess.TimeoutExpired:
        tenant.process.kill()
        return tenant.process.wait()
    finally:
        _close(tenant.process)


def _close(process: subprocess.Popen[str]) -> None:
    """Let go of the pipes."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


@contextmanager
def start_tenant(*options: str) -> Iterator[RunningTenant]:
    """A running tenant for the length of the context."""
    tenant = start(*options)
    try:
        yield tenant
    finally:
        stop(tenant)
