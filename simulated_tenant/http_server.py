"""A small HTTP/1.1 server that has the wire in its own hands.

Faults such as a reset or a body cut short happen below HTTP, where a framework's server does not let one reach.
"""

import asyncio
import socket
import ssl
import struct
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

import httptools

from simulated_tenant.wire import Answer, Manner, Reply


@dataclass(frozen=True)
class Request:
    """One HTTP request, complete."""

    method: str
    target: str
    """As sent: path and query, percent-encoded."""
    headers: dict[str, str]
    """Names in lower case; of a name that comes twice the values are joined by a comma."""
    body: bytes


Serve = Callable[[Request], Awaitable[Reply]]


def reset(transport: asyncio.BaseTransport) -> None:
    """Close the connection so that the other side sees a reset, not an end."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # Lingering for zero seconds makes the kernel send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    cast("asyncio.WriteTransport", transport).abort()


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"


class _Connection(asyncio.Protocol):
    """One connection: requests are parsed as they come and answered in order."""

    def __init__(self, serve: Serve, open_connections: "set[_Connection]") -> None:
        self._serve = serve
        self._open = open_connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._open.discard(self)
        # The caller is gone, but what it asked for is done all the same, as at a real service.

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._write(Answer(400, b"This is no HTTP/1.1 request.", {"content-type": "text/plain"}), keep_alive=False)
            self._transport.close()

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._target, self._headers, self._body = b"", {}, bytearray()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode("latin-1").upper()
        request = Request(method, self._target.decode("latin-1"), self._headers, bytes(self._body))
        self._waiting.append((request, self._parser.should_keep_alive()))
        if self._answering is None:
            self._answering = asyncio.get_running_loop().create_task(self._answer_all())

    # Answers.

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                request, keep_alive = self._waiting.popleft()
                reply = await self._serve(request)
                await self._send(reply, bodiless=request.method == "HEAD", keep_alive=keep_alive)
                if not keep_alive:
                    self._transport.close()
        except Exception:  # noqa: BLE001 - a defect must show, and must not leave the caller waiting
            traceback.print_exc()
            self._transport.abort()
        finally:
            self._answering = None

    async def _send(self, reply: Reply, *, bodiless: bool, keep_alive: bool) -> None:
        if self._transport.is_closing():
            return
        match reply.manner:
            case Manner.WHOLE:
                self._write(reply.answer, bodiless=bodiless, keep_alive=keep_alive)
            case Manner.CUT:
                self._write(reply.answer, keep_alive=False, part=len(reply.answer.body) // 2)
                self._transport.close()
            case Manner.STALL:
                self._write(reply.answer, keep_alive=False, part=0)
                await asyncio.sleep(reply.stall_seconds)
                self._transport.close()
            case Manner.RESET:
                reset(self._transport)

    def _write(self, answer: Answer, *, keep_alive: bool, bodiless: bool = False, part: int | None = None) -> None:
        lines = [f"HTTP/1.1 {answer.status} {_reason(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        names = {name.lower() for name in answer.headers}
        if "date" not in names:
            lines.append(f"Date: {formatdate(usegmt=True)}")
        if answer.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(answer.body)}")
        if not keep_alive:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")
        self._transport.write(head + (b"" if bodiless else answer.body[:part]))

    def abandon(self) -> None:
        """End the connection, whatever it is doing."""
        if self._answering is not None:
            self._answering.cancel()
        self._transport.abort()


class HttpServer:
    """Listens on 127.0.0.1 and hands every request to `serve`."""

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None = None) -> None:
        self._serve = serve
        self._tls = tls
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        """Listen; returns the port, which is the given one unless that is 0."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self._serve, self._open), "127.0.0.1", port, ssl=self._tls, backlog=512
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.abandon()
        if self._server is not None:
            await self._server.wait_closed()
