"""The administration under `/admin`: run a function by hand, look at the host, drain it and take it up again."""

import asyncio
import json
import logging
import platform
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_run.functions_host.drain import Drain
from local_run.functions_host.functions import Function, HttpTrigger, QueueTrigger
from local_run.functions_host.invoking import Invoker
from local_run.functions_host.protos import TypedData

log = logging.getLogger("host.admin")

type Handler = Callable[[Request], Awaitable[Response]]


class Administration:
    """Answers requests to `/admin`. All but the ping need the master key."""

    def __init__(self, functions: Sequence[Function], invoker: Invoker, drain: Drain, host_id: str) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._invoker = invoker
        self._drain = drain
        self._host_id = host_id
        self._instance_id = str(uuid4())
        self._begun = time.monotonic()
        self._by_hand: set[asyncio.Task[Any]] = set()
        self._handlers: dict[tuple[str, str], Handler] = {
            ("GET", "/admin/functions"): self._list,
            ("GET", "/admin/host/status"): self._status,
            ("POST", "/admin/host/drain"): self._begin_drain,
            ("GET", "/admin/host/drain/status"): self._drain_status,
            ("POST", "/admin/host/resume"): self._resume,
        }

    async def answer(self, request: Request, path: str, *, master: bool) -> Response:
        """The answer to a request below `/admin`; `master`: it brought the master key."""
        where = path.rstrip("/").lower()
        if where == "/admin/host/ping" and request.method in {"GET", "POST"}:
            return Response(status_code=200)
        if not master:
            return Response(status_code=401)
        handler = self._handlers.get((request.method, where))
        if handler is not None:
            return await handler(request)
        parts = where.split("/")
        if len(parts) == 4 and parts[2] == "functions" and (function := self._functions.get(parts[3])):
            if request.method == "POST":
                return await self._run_by_hand(function, request)
            if request.method == "GET":
                return JSONResponse(_described(function))
        return Response(status_code=404)

    async def _run_by_hand(self, function: Function, request: Request) -> Response:
        """Starts the function with the body's `input` and answers 202 at once, as Azure does."""
        try:
            document = json.loads(await request.body())
            given = document.get("input")
        except (ValueError, AttributeError):
            return Response('The body must be JSON: {"input": "…"}', status_code=400, media_type="text/plain")
        if isinstance(function.trigger, HttpTrigger):
            return Response("Call an HTTP function at its route.", status_code=400, media_type="text/plain")
        if isinstance(function.trigger, QueueTrigger):
            value = TypedData(string=given if isinstance(given, str) else json.dumps(given))
        else:
            value = TypedData(json="{}")
        run = self._invoker.run(function, value, reason="This function was programmatically called via the host APIs.")
        task = asyncio.create_task(run)
        self._by_hand.add(task)
        task.add_done_callback(self._by_hand.discard)
        return Response(status_code=202)

    async def _list(self, _request: Request) -> Response:
        return JSONResponse([_described(function) for function in self._functions.values()])

    async def _status(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "id": self._host_id,
                "state": "Running",
                "version": "local",
                "instanceId": self._instance_id,
                "computerName": platform.node(),
                "processUptime": int((time.monotonic() - self._begun) * 1000),
            }
        )

    async def _begin_drain(self, _request: Request) -> Response:
        log.info("Drain mode: the listeners take nothing new.")
        self._drain.begin()
        return Response(status_code=202)

    async def _drain_status(self, _request: Request) -> Response:
        outstanding, retries = len(self._invoker.running), self._invoker.retries_waiting
        if not self._drain.begun:
            state = "Disabled"
        else:
            state = "InProgress" if outstanding or retries or self._drain.at_work else "Completed"
        return JSONResponse({"State": state, "OutstandingInvocations": outstanding, "OutstandingRetries": retries})

    async def _resume(self, _request: Request) -> Response:
        log.info("Drain mode ends: the listeners take work again.")
        self._drain.end()
        return JSONResponse({"State": "Running"})


def _described(function: Function) -> dict[str, Any]:
    return {**function.described(), "isDisabled": function.disabled}
