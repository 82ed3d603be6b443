"""How the tenant reaches other people's servers: an internet of its own, whose https origins lead to this machine."""

import asyncio
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools


@dataclass(frozen=True)
class Sent:
    """How a POST went."""

    status: int | None
    """None when no answer came."""
    body: str
    content_type: str
    milliseconds: float
    failure: str | None = None
    """Why no answer came: `unreachable`, `timeout` or `broken`."""


class _Response:
    """Collects a response for the parser."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.content_type = ""
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type":
            self.content_type = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


@dataclass
class Internet:
    """Origins (`https://app.example`) to local servers (`http://127.0.0.1:7071`). Nothing else can be reached."""

    routes: dict[str, str] = field(default_factory=dict)

    async def post(self, url: str, body: bytes, content_type: str, seconds: float) -> Sent:
        """POST and wait at most `seconds` for the whole answer."""
        started = time.perf_counter()

        def result(failure: str | None, status: int | None = None, response: _Response | None = None) -> Sent:
            spent = (time.perf_counter() - started) * 1000
            text = response.body.decode("utf-8", errors="replace") if response else ""
            return Sent(status, text, response.content_type if response else "", spent, failure)

        parts = urlsplit(url)
        target = self.routes.get(f"{parts.scheme}://{parts.netloc}".lower())
        if target is None:
            return result("unreachable")
        try:
            async with asyncio.timeout(seconds):
                status, response = await _exchange(target, parts.netloc, _path(url), body, content_type)
        except TimeoutError:
            return result("timeout")
        except OSError:
            return result("unreachable")
        except (httptools.HttpParserError, EOFError):
            return result("broken")
        return result(None, status, response)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


async def _exchange(target: str, host: str, path: str, body: bytes, content_type: str) -> tuple[int, _Response]:
    address = urlsplit(target)
    reader, writer = await asyncio.open_connection(address.hostname, address.port or 80)
    try:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: https\r\nUser-Agent: Microsoft Graph\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        response = _Response()
        parser = httptools.HttpResponseParser(response)
        while not response.complete:
            chunk = await reader.read(65536)
            if not chunk:
                raise EOFError
            parser.feed_data(chunk)
        return parser.get_status_code(), response
    finally:
        writer.close()
