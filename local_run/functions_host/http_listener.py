"""The HTTP side of the host: requests to functions and to the administration, on one socket of 127.0.0.1."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local_run.functions_host import http_messages
from local_run.functions_host.admin import Administration
from local_run.functions_host.errors import StartFailed
from local_run.functions_host.functions import Function, HttpTrigger
from local_run.functions_host.invoking import Invoker
from local_run.functions_host.keys import Keys
from local_run.functions_host.routes import Route, Router

log = logging.getLogger("host.http")


def bind(port: int) -> socket.socket:
    """A socket on 127.0.0.1; raises `StartFailed` when the port is taken."""
    # With the protocol named, asyncio turns Nagle's algorithm off: otherwise every answer with a body takes 40 ms more.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise StartFailed(f"Port {port} is taken ({error.strerror}). Give another one with --port.") from error
    return listener


class _Server(uvicorn.Server):
    """Leaves signals to the host, which has more than HTTP to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpListener:
    """Serves the HTTP functions and the administration."""

    def __init__(self, functions: Sequence[Function], invoker: Invoker, keys: Keys, admin: Administration) -> None:
        self._invoker = invoker
        self._keys = keys
        self._admin = admin
        self._router = Router(
            Route(trigger.route, trigger.methods, (function, trigger))
            for function in functions
            if isinstance(trigger := function.trigger, HttpTrigger) and not function.disabled
        )
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, listener: socket.socket) -> None:
        """Answer requests that come to a bound socket."""
        config = uvicorn.Config(
            self, http="httptools", loop="none", lifespan="off", log_config=None, access_log=False, ws="none",
            server_header=False,
        )  # fmt: skip
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        # uvicorn tells by this flag alone.
        while not self._server.started and not self._serving.done():  # noqa: ASYNC110
            await asyncio.sleep(0)
        if self._serving.done():
            self._serving.result()

    async def stop(self, limit_seconds: float) -> None:
        """Take no more requests; those under way may end within the limit."""
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = True
        _done, late = await asyncio.wait({self._serving}, timeout=limit_seconds)
        if late:
            self._server.force_exit = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI)."""
        request = Request(scope, receive)
        begun = time.perf_counter()
        try:
            response = await self._answer(request, scope["raw_path"].decode("ascii", "replace"))
        except ClientDisconnect:
            log.warning("%s %s: the client went away before the request was whole", request.method, scope["path"])
            return
        # The path alone: the query may hold a key.
        log.info(
            "%s %r answered %d in %.1f ms",
            request.method, scope["path"], response.status_code, (time.perf_counter() - begun) * 1000,
        )  # fmt: skip
        await response(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response:
        key = request.headers.get("x-functions-key") or request.query_params.get("code")
        if (path + "/").lower().startswith("/admin/"):
            return await self._admin.answer(request, path, master=self._keys.admit("admin", key))
        found = self._router.find(request.method, path)
        if found is None:
            return _home() if path == "/" and request.method == "GET" else Response(status_code=404)
        (function, trigger), values = found
        if not self._keys.admit(trigger.level, key):
            return Response(status_code=401)
        value = await http_messages.to_worker(request, values)
        outcome = await self._invoker.run(function, value, reason="This function was programmatically called via HTTP.")
        return http_messages.from_worker(outcome)


def _home() -> Response:
    return Response("The Functions host is up and running.\n", media_type="text/plain")
