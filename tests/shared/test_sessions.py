"""The sessions that the app calls with."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Thread

import pytest

from shared.sessions import pooled_session


class _Server(ThreadingHTTPServer):
    """Counts connections, and keeps the headers of the last request."""

    daemon_threads = True

    def __init__(self, together: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.connections = 0
        self.headers: dict[str, str] = {}
        self.together = Barrier(together)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self.server.headers = dict(self.headers.items())
        self.server.together.wait(timeout=30)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("Set-Cookie", "remembered=no")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _serve(together: int) -> _Server:
    server = _Server(together)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_connections_are_kept_for_all_threads() -> None:
    """Sixteen threads call at the same moment, twice: sixteen connections are made, not one more."""
    server = _serve(16)
    try:
        session = pooled_session(16)
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        for _ in range(2):
            threads = [Thread(target=session.get, args=(url,), kwargs={"timeout": 30}) for _ in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert server.connections == 16
    finally:
        server.shutdown()
        server.server_close()


def test_neither_a_netrc_nor_a_cookie_changes_who_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.netrc` that names the host does not put its password in place of our token; cookies are not sent back."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = _serve(1)
    try:
        session = pooled_session(2)
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        for _ in range(2):
            session.get(url, headers={"Authorization": "Bearer ours"}, timeout=30)
            assert server.headers["Authorization"] == "Bearer ours"
            assert "Cookie" not in server.headers
    finally:
        server.shutdown()
        server.server_close()
