"""The tenant as a process: quick to start, real on the wire, gone when it should be."""

import contextlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from simulated_tenant.client import Control, ControlError, RunningTenant, start, start_tenant, stop
from tests.pictures import jpeg

GRAPH = "https://graph.microsoft.com/v1.0"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tenant() -> Iterator[RunningTenant]:
    with start_tenant() as running:
        yield running


@pytest.fixture
def fresh(tenant: RunningTenant) -> RunningTenant:
    """The tenant on its first day."""
    tenant.control.reset()
    return tenant


@pytest.fixture
def session(fresh: RunningTenant) -> Iterator[requests.Session]:
    """A client with a token for Graph."""
    app = fresh.control.add_app(secret="s", graph=["User.Read.All"])
    with fresh.session() as session:
        form = {
            "client_id": app["clientId"],
            "client_secret": "s",
            "grant_type": "client_credentials",
            "scope": "https://graph.microsoft.com/.default",
        }
        url = f"https://login.microsoftonline.com/{fresh.tenant_id}/oauth2/v2.0/token"
        token = session.post(url, data=form, timeout=10).json()["access_token"]
        session.headers["authorization"] = f"Bearer {token}"
        yield session


def test_it_is_ready_at_once_and_says_where() -> None:
    """One line of JSON says every address, at once (0.4 s; the bound is for a busy machine); SIGTERM ends it."""
    begun = time.monotonic()
    running = start("--tenant-id", "11111111-2222-4333-8444-555555555555", "--domain", "fabrikam.com")
    took = time.monotonic() - begun
    try:
        assert took < 4
        assert running.tenant_id == "11111111-2222-4333-8444-555555555555"
        assert running.domain == "fabrikam.com"
        assert running.ca.read_text().startswith("-----BEGIN CERTIFICATE-----")
    finally:
        assert stop(running) == 0
    assert not running.ca.exists()


@pytest.mark.parametrize("how", ["interrupt", "parent"])
def test_it_ends_on_interrupt_and_with_its_parent(how: str, tmp_path: Path) -> None:
    """SIGINT ends it, and so does the end of whoever started it; the certificate stays where it was asked for."""
    running = start("--directory", str(tmp_path))
    process = running.process
    assert process.stdin is not None
    if how == "interrupt":
        process.send_signal(signal.SIGINT)
    else:
        process.stdin.close()
    assert process.wait(10) == 0
    assert (tmp_path / "ca.pem").exists()
    stop(running)


def test_without_with_parent_it_outlives_standard_input(tmp_path: Path) -> None:
    """Started by hand or in the background, it does not mind that nobody writes to it."""
    command = [sys.executable, "-m", "simulated_tenant", "--directory", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        with Control(json.loads(process.stdout.readline())["control"]) as control:
            assert control.call("GET", "/clock")["now"]
    finally:
        process.terminate()
        assert process.wait(10) == 0
        if process.stdout is not None:
            process.stdout.close()


def test_bad_options_are_refused() -> None:
    """A tenant id that is no GUID is refused before anything starts."""
    with pytest.raises(RuntimeError, match="before it was ready"):
        start("--tenant-id", "7", errors=subprocess.DEVNULL)


def test_both_ways_lead_to_the_same_tenant(fresh: RunningTenant) -> None:
    """Through CONNECT, or straight to the TLS port with the name in SNI and Host, the certificate is valid."""
    path = f"/{fresh.tenant_id}/v2.0/.well-known/openid-configuration"
    with fresh.session() as session:
        by_proxy = session.get(f"https://login.microsoftonline.com{path}", timeout=10).json()
    address = urlsplit(fresh.tls)
    context = ssl.create_default_context(cafile=str(fresh.ca))
    with (
        socket.create_connection((address.hostname, address.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="login.microsoftonline.com") as secured,
    ):
        secured.sendall(f"GET {path} HTTP/1.1\r\nHost: login.microsoftonline.com\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: secured.recv(65536), b""))
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == by_proxy


def test_other_hosts_are_refused_and_recorded(fresh: RunningTenant) -> None:
    """Unknown hosts do not get through the proxy, nor does plain http; both are violations."""
    with fresh.session() as session:
        with pytest.raises(requests.exceptions.ProxyError):
            session.get("https://example.com/", timeout=10)
        session.proxies["http"] = fresh.proxy
        assert session.get("http://graph.microsoft.com/v1.0/users", timeout=10).status_code == 403
        wrong = session.get("https://graph.microsoft.com/v1.0/users", headers={"Host": "example.com"}, timeout=10)
        assert wrong.status_code == 421
    assert [one["kind"] for one in fresh.control.violations()] == ["unknown-host", "plain-http", "unknown-host"]


def test_hundreds_of_connections_at_once(fresh: RunningTenant) -> None:
    """Two hundred connections are served together."""
    fresh.control.latency({"entra": 200})

    def connect(_: int) -> int:
        with fresh.session() as session:
            return session.get("https://login.microsoftonline.com/common/discovery/keys", timeout=20).status_code

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(connect, range(200))) == [200] * 200


def test_posts_through_the_proxy_are_not_held_up(fresh: RunningTenant, session: requests.Session) -> None:
    """A POST needs a few milliseconds, not the 40 of a delayed acknowledgement: ten thousand users are 500 batches."""
    user = fresh.control.add_user("a@contoso.com")
    body = {"requests": [{"id": "1", "method": "GET", "url": f"/users/{user}"}]}
    took = [session.post(f"{GRAPH}/$batch", json=body, timeout=10).elapsed.total_seconds() for _ in range(10)]
    assert min(took) < 0.03


def test_connection_is_kept_and_pipelines_of_requests_work(fresh: RunningTenant) -> None:
    """Several requests on one connection are answered in order, and Expect: 100-continue is honoured."""
    address = urlsplit(fresh.control.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(b"GET /clock HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while received.count(b"HTTP/1.1 ") < 2:
            received += connection.recv(65536)
        assert received.index(b"200 OK") < received.index(b"404 Not Found")
        head = b"POST /clock HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"{}")
        assert b"400 Bad Request" in connection.recv(65536)
        connection.sendall(b"this is not HTTP\r\n\r\n")
        assert b"400 Bad Request" in connection.recv(65536)
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("reset", requests.exceptions.ConnectionError),
        ("lost", requests.exceptions.ConnectionError),
        ("cut", requests.exceptions.ChunkedEncodingError),
        ("stall:0.2", requests.exceptions.ChunkedEncodingError),
        ("stall:20", requests.exceptions.ConnectionError),
    ],
)
def test_faults_of_the_wire_reach_a_real_client(
    fresh: RunningTenant, session: requests.Session, fault: str, error: type[Exception]
) -> None:
    """A client sees a reset as a reset, a cut body as one, a stall as silence; the next request is served."""
    user = fresh.control.add_user("a@contoso.com", jpeg(240, 240))
    fresh.control.fault("graph.photo.value", fault)
    with pytest.raises(error):
        session.get(f"{GRAPH}/users/{user}/photo/$value", timeout=1)
    assert fresh.control.faults()["completed"]
    assert session.get(f"{GRAPH}/users/{user}/photo/$value", timeout=10).content == fresh.control.photo(user)


class Receiver(BaseHTTPRequestHandler):
    """Somebody's webhook: echoes the validation token, keeps what comes."""

    protocol_version = "HTTP/1.1"
    got: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Answer a handshake or a notification."""
        token = parse_qs(urlsplit(self.path).query).get("validationToken")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not token:
            type(self).got += json.loads(body)["value"]
        content = token[0].encode() if token else b""
        self.send_response(200 if token else 202)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Silence."""


@contextlib.contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A running webhook: its address, and what it got."""
    Receiver.got = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", Receiver.got
        finally:
            server.shutdown()
            thread.join()


def test_a_photo_change_reaches_a_webhook(fresh: RunningTenant, session: requests.Session) -> None:
    """From handshake to notification over real HTTP: routed origins are reached, others are unreachable."""
    user = fresh.control.add_user("a@contoso.com")
    wanted = {
        "changeType": "updated",
        "notificationUrl": "https://app.example/api/notifications?code=key",
        "resource": "users",
        "expirationDateTime": (datetime.now(UTC) + timedelta(days=20)).isoformat(),
        "clientState": "secret",
    }
    refused = session.post(f"{GRAPH}/subscriptions", json=wanted, timeout=20)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "ValidationError")
    with receiver() as (address, got):
        fresh.control.route("https://app.example", address)
        assert session.post(f"{GRAPH}/subscriptions", json=wanted, timeout=20).status_code == 201
        fresh.control.put_photo(user, jpeg())
        fresh.control.wait_until(lambda _: got, what="a notification")
    assert got[0]["resourceData"]["id"] == user
    assert got[0]["clientState"] == "secret"
    deliveries = fresh.control.deliveries()
    assert [(one["kind"], one["failure"], one["status"]) for one in deliveries] == [
        ("validation", "unreachable", None),
        ("validation", None, 200),
        ("change", None, 202),
    ]
    assert all("code=key" not in one["url"] for one in deliveries)


def test_control_client_raises_what_the_tenant_says(fresh: RunningTenant) -> None:
    """A refusal of the control API arrives as an error with its sentence."""
    with pytest.raises(ControlError, match="Known: entra") as refused:
        fresh.control.fault("graph.photo.get", "503")
    assert refused.value.status == 400
    with pytest.raises(TimeoutError, match="the moon"):
        fresh.control.wait_until(lambda _: False, seconds=0.05, what="the moon")
