"""The app's public address, on this machine: the product's own webhook behind a small HTTP server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from shared.services import Services
from sync_trigger.receive_notification import Endpoint, Webhook


@dataclass
class PublicEndpoint:
    """A running endpoint."""

    url: str
    webhook: Webhook
    cold: bool = False
    """Not ready yet: every request is answered with 503, as by a platform whose app is just starting."""
    handshakes: list[str] = field(default_factory=list)
    """Which endpoints were validated, in order."""

    def restarted(self, services: Services) -> None:
        """The app behind it was restarted, with other settings."""
        self.webhook = Webhook(services)


@contextmanager
def public_endpoint(services: Services) -> Iterator[PublicEndpoint]:
    """Serve `/api/notifications` and `/api/lifecycle` for the length of the context."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if endpoint.cold:
                self._answer(503, "text/plain", b"starting")
                return
            which = Endpoint(parts.path.removeprefix("/api/"))
            tokens = parse_qs(parts.query).get("validationToken")
            if tokens:
                endpoint.handshakes.append(str(which))
            answer = endpoint.webhook.receive(which, tokens[0] if tokens else None, body)
            self._answer(answer.status_code, answer.mimetype, answer.get_body())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint = PublicEndpoint(f"http://127.0.0.1:{server.server_port}", Webhook(services))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()
