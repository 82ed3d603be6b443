"""A reverse proxy in front of Azurite's queues and tables that spoils scripted calls, with proof that each was met.

>>> with StorageProxy.start(azurite.ports) as proxy:
...     proxy.fault("table.get", "503", "reset", match="PhotoStatus")
...     Storage({"AzureWebJobsStorage": proxy.connection_string})
...     assert proxy.completed

It speaks the simulated tenant's instructions (`503`, `429:Retry-After=1`, `latency:<ms>`, `stall:<seconds>`, `cut`,
`garbage`, `reset`, `lost`, `ok`) and one more: `hang:<seconds>` leaves the call undone in silence, then closes the
connection. `stall` is silence after it was done.
"""

import base64
import binascii
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote

from local_run.azurite import DEVELOPMENT_KEY, Ports
from simulated_tenant.faults import Instruction, Script, parse

ACCOUNT = "devstoreaccount1"
GARBAGE = b"\x00\xfe\xff neither XML nor JSON \x00" * 8
_KEY = r"/[^/(]+\([^)]*RowKey=[^)]*\)"
OPERATIONS = (
    ("queue.put", "POST", r"/[^/]+/messages"),
    ("queue.take", "GET", r"/[^/]+/messages"),
    ("queue.hold", "PUT", r"/[^/]+/messages/[^/]+"),
    ("queue.delete", "DELETE", r"/[^/]+/messages/[^/]+"),
    ("queue.create", "PUT", r"/[^/]+"),
    ("table.create", "POST", r"/Tables"),
    ("table.get", "GET", _KEY),
    ("table.query", "GET", r"/[^/(]+\(\)"),
    ("table.insert", "POST", r"/[^/(]+"),
    ("table.put", "PUT", _KEY),
    ("table.delete", "DELETE", _KEY),
)
"""Names, by method and path behind the account; a `table.put` is an `update` with If-Match and an `upsert` without."""
_CODES = {
    400: "InvalidInput",
    401: "NoAuthenticationInformation",
    403: "AuthorizationFailure",
    404: "ResourceNotFound",
    409: "Conflict",
    413: "RequestBodyTooLarge",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServerBusy",
    504: "OperationTimedOut",
}
_OF_ONE_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "host"}


@dataclass
class _Answer:
    """What goes back to the caller."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def as_bytes(self) -> bytes:
        """On the wire."""
        head = [f"HTTP/1.1 {self.status} {responses.get(self.status, '')}"]
        head += [f"{name}: {value}" for name, value in self.headers]
        if self.status != 204:
            head.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*head, "", ""]).encode("latin-1") + self.body


class StorageProxy:
    """A running proxy; `start` makes one."""

    def __init__(self, upstream: Ports) -> None:
        self._upstream = upstream
        self._lock = threading.Lock()
        self._scripts: list[Script] = []
        self._over = threading.Event()
        self._servers: dict[str, _Server] = {}
        self._threads: list[threading.Thread] = []
        self.waiting = 0
        """Calls that are silent right now (`hang`, `stall`)."""

    @classmethod
    @contextmanager
    def start(cls, upstream: Ports) -> Iterator[Self]:
        """Serve for the length of the context. `upstream` need not answer yet."""
        proxy = cls(upstream)
        for service, port in (("queue", upstream.queue), ("table", upstream.table)):
            server = _Server(
                ("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy, "service": service, "port": port})
            )
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            proxy._servers[service] = server
            proxy._threads.append(thread)
        try:
            yield proxy
        finally:
            proxy._over.set()
            for server in proxy._servers.values():
                server.shutdown()
                server.server_close()
            for thread in proxy._threads:
                thread.join()

    @property
    def connection_string(self) -> str:
        """Storage through this proxy; blobs straight."""
        ports = {"Blob": self._upstream.blob} | {
            service.capitalize(): server.server_port for service, server in self._servers.items()
        }
        endpoints = ";".join(f"{name}Endpoint=http://127.0.0.1:{port}/{ACCOUNT}" for name, port in ports.items())
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={DEVELOPMENT_KEY};{endpoints};"

    def fault(self, operation: str, *script: str, match: str | None = None) -> None:
        """Script the next calls of an operation: one instruction each.

        `match`: only calls with this text in their address or body; messages are looked into as they were before
        base64. In `a & b` both must be there.
        """
        if operation not in {*(name for name, _, _ in OPERATIONS), "table.update", "table.upsert"}:
            raise ValueError(f"{operation} is no operation")
        instructions = [_parse(text) for text in script]
        needles = tuple(match.lower().split(" & ")) if match else ()
        with self._lock:
            self._scripts.append(Script(len(self._scripts) + 1, operation, instructions, needles))

    @property
    def completed(self) -> bool:
        """Whether every instruction of every script was met."""
        with self._lock:
            return not any(script.left for script in self._scripts)

    def met(self) -> int:
        """Instructions met so far."""
        with self._lock:
            return sum(len(script.met) for script in self._scripts)

    def clear_faults(self) -> None:
        """Drop every script, and end every silence."""
        with self._lock:
            self._scripts = []
            silent, self._over = self._over, threading.Event()
        silent.set()

    def _take(self, operation: str, text: str) -> Instruction | None:
        with self._lock:
            for script in self._scripts:
                if script.operation == operation and script.left and all(needle in text for needle in script.needles):
                    instruction = script.left[0]
                    script.met.append(instruction.text)
                    return instruction
        return None

    def _be_silent(self, seconds: float) -> None:
        with self._lock:
            self.waiting += 1
            over = self._over
        over.wait(seconds)
        with self._lock:
            self.waiting -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that goes away, because it was killed or has had enough, is no news here."""


def _parse(text: str) -> Instruction:
    head, _, rest = text.partition(":")
    return Instruction(text, "hang", seconds=float(rest)) if head == "hang" else parse(text)


def operation_of(service: str, method: str, path: str, *, conditional: bool) -> str:
    """The name of a call, by its path without the query; `unknown` for one that nobody needs to spoil."""
    behind = path.removeprefix(f"/{ACCOUNT}")
    for name, of_method, pattern in OPERATIONS:
        if name.startswith(service) and method == of_method and re.fullmatch(pattern, behind):
            if name != "table.put":
                return name
            return "table.update" if conditional else "table.upsert"
    return "unknown"


def _searchable(path: str, body: bytes) -> str:
    """All of a call in which a text is looked for, in lower case; messages decoded."""
    text = body.decode("utf-8", errors="ignore")
    message = re.search(r"<MessageText>([^<]*)</MessageText>", text)
    if message:
        with suppress(binascii.Error, UnicodeDecodeError):
            text += base64.b64decode(message[1]).decode()
    return f"{unquote(path)}\n{text}".lower()


def _error(service: str, fault: Instruction) -> _Answer:
    """An error in the service's own shape."""
    code = fault.code or _CODES.get(fault.status, "InternalError")
    if service == "queue":
        kind = "application/xml"
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>Scripted.</Message></Error>'
    else:
        kind = "application/json"
        body = f'{{"odata.error":{{"code":"{code}","message":{{"lang":"en-US","value":"Scripted."}}}}}}'
    headers = [("Content-Type", kind), ("x-ms-error-code", code), *fault.headers]
    return _Answer(fault.status, headers, body.encode())


class _Handler(BaseHTTPRequestHandler):
    """One connection of a caller, with one of its own to Azurite."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: StorageProxy
    service: str
    port: int

    def setup(self) -> None:
        super().setup()
        self._behind = HTTPConnection("127.0.0.1", self.port, timeout=60)

    def finish(self) -> None:
        self._behind.close()
        super().finish()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(self.path.partition("?")[0])
        operation = operation_of(self.service, self.command, path, conditional="If-Match" in self.headers)
        fault = self.proxy._take(operation, _searchable(self.path, body))
        match fault.kind if fault else "ok":
            case "reset":
                self._reset()
            case "hang" if fault:
                self.proxy._be_silent(fault.seconds)
                self._reset()
            case "status" if fault:
                self._send(_error(self.service, fault).as_bytes())
            case "latency" if fault:
                self.proxy._be_silent(fault.seconds)
                self._send(self._forward(body).as_bytes())
            case "ok":
                self._send(self._forward(body).as_bytes())
            case _ if fault:
                self._spoil(fault, self._forward(body))

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that the base class looks for

    def _spoil(self, fault: Instruction, answer: _Answer) -> None:
        """It was done; what becomes of the answer."""
        match fault.kind:
            case "lost":
                self._reset()
            case "stall":
                self.proxy._be_silent(fault.seconds)
                self._reset()
            case "cut":
                # Half of the body; an answer without one is broken off within its first line.
                content = answer.as_bytes()
                self._send(content[: len(content) - (len(answer.body) + 1) // 2] if answer.body else content[:7])
                self.close_connection = True
            case "garbage" if answer.body:
                answer.body = GARBAGE
                self._send(answer.as_bytes())
            case "garbage":
                self._send(GARBAGE)
                self.close_connection = True

    def _forward(self, body: bytes) -> _Answer:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_HOP}
        headers["Content-Length"] = str(len(body))
        try:
            answer, content = self._ask(body, headers)
        except (HTTPException, OSError):  # Azurite has closed a connection that was idle
            self._behind.close()
            answer, content = self._ask(body, headers)
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_ONE_HOP]
        return _Answer(answer.status, kept, content)

    def _ask(self, body: bytes, headers: dict[str, str]) -> tuple[HTTPResponse, bytes]:
        self._behind.request(self.command, self.path, body, headers)
        answer = self._behind.getresponse()
        return answer, answer.read()

    def _send(self, content: bytes) -> None:
        self.wfile.write(content)
        self.wfile.flush()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()  # the socket is closed with its last file, and then at once
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""
