"""The forward proxy: CONNECT to one of the cloud's hosts is spliced to the tenant's TLS port, all else is refused."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from simulated_tenant.http_server import reset

_HEAD_LIMIT = 16 * 1024
_CHUNK = 64 * 1024

Complain = Callable[[str, str], None]
"""Kind of violation, sentence."""


class Proxy:
    """Listens on 127.0.0.1; `knows` says whether the tenant answers for a host."""

    def __init__(self, tls_port: int, knows: Callable[[str], bool], complain: Complain) -> None:
        self._tls_port = tls_port
        self._knows = knows
        self._complain = complain
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=_HEAD_LIMIT, backlog=512)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - streams call this as a task
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()  # the tenant is ending; streams would report the cancellation as an error
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, *_ = [*head.split(b"\r\n", 1)[0].decode("latin-1").split(" "), "", ""]
        refusal = self._refusal(method, target)
        if refusal:
            body = refusal.encode()
            writer.write(
                b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            await writer.drain()
            return
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._tls_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_pump(reader, up_writer, writer), _pump(up_reader, writer, up_writer))
        finally:
            up_writer.close()

    def _refusal(self, method: str, target: str) -> str | None:
        """Why the request is refused, or None; a refusal is a violation as well."""
        if method != "CONNECT":
            sentence = f"{method} {target} came to the proxy without CONNECT: Microsoft 365 is reached by https."
            self._complain("plain-http", sentence)
            return sentence
        host, _, port = target.rpartition(":")
        if port != "443" or not self._knows(host.lower()):
            sentence = f"The simulated tenant does not answer for {target}."
            self._complain("unknown-host", sentence)
            return sentence
        return None


def _acknowledge(connection: asyncio.StreamWriter) -> None:
    """Acknowledge at once what has come, where the system can.

    Python's `requests` sends head and body apart, and behind a proxy lets Nagle hold the body until the head is
    acknowledged: a delayed acknowledgement would cost every POST 40 ms.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        with contextlib.suppress(OSError):
            connection.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
    """Pass bytes on until the end; a reset is passed on as a reset. `back` writes to where `source` reads from."""
    try:
        while chunk := await source.read(_CHUNK):
            _acknowledge(back)
            sink.write(chunk)
            await sink.drain()
    except ConnectionError:
        reset(sink.transport)
        return
    with contextlib.suppress(OSError):
        sink.write_eof()
