"""One invocation from beginning to end: the log lines, the time limit, the outputs, and the count of what runs."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

from local_run.functions_host import worker
from local_run.functions_host.functions import Function
from local_run.functions_host.protos import TypedData
from local_run.functions_host.worker import Outcome, Retry

type SendOutputs = Callable[[Function, Outcome], Awaitable[None]]
"""Delivers what a function put out; raises when that fails."""

log = logging.getLogger("host.function")


class Invoker:
    """Runs functions for the listeners. A failure never raises; it is in the outcome."""

    def __init__(self, send_outputs: SendOutputs, limit_seconds: float | None) -> None:
        self._send_outputs = send_outputs
        self._limit = limit_seconds
        self.running: dict[str, str] = {}
        """Invocation id to function name, of what runs now."""
        self.retries_waiting = 0
        """Runs that wait for their next attempt."""
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(
        self,
        function: Function,
        value: TypedData,
        *,
        reason: str,
        metadata: Mapping[str, TypedData] | None = None,
        retry: Retry | None = None,
    ) -> Outcome:
        """Run a function once, within the time limit, and deliver its outputs."""
        invocation_id = str(uuid4())
        self.running[invocation_id] = function.name
        self._idle.clear()
        token = worker.current_invocation.set(invocation_id)
        log.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, reason, invocation_id)
        begun = time.perf_counter()
        try:
            outcome = await self._within_limit(function, invocation_id, value, metadata or {}, retry or Retry())
            milliseconds = (time.perf_counter() - begun) * 1000
            if outcome.ok:
                log.info(
                    "Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%.0fms)",
                    function.name, invocation_id, milliseconds,
                )  # fmt: skip
            else:
                log.error(
                    "Executed 'Functions.%s' (Failed, Id=%s, Duration=%.0fms): %s\n%s",
                    function.name, invocation_id, milliseconds, outcome.error, outcome.stack_trace.rstrip(),
                )  # fmt: skip
            return outcome
        finally:
            worker.current_invocation.reset(token)
            del self.running[invocation_id]
            if not self.running:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until nothing runs."""
        await self._idle.wait()

    async def _within_limit(
        self, function: Function, invocation_id: str, value: TypedData, metadata: Mapping[str, TypedData], retry: Retry
    ) -> Outcome:
        try:
            async with asyncio.timeout(self._limit):
                outcome = await worker.invoke(
                    function.id,
                    invocation_id,
                    parameter=function.parameter,
                    value=value,
                    metadata=metadata,
                    retry=retry,
                )
        except TimeoutError:
            return self._timed_out(function, invocation_id)
        if outcome.ok and function.outputs:
            try:
                await self._send_outputs(function, outcome)
            except Exception as error:  # noqa: BLE001 - whatever storage does, the invocation has failed, not the host
                return Outcome(ok=False, error=f"An output could not be sent: {error}")
        return outcome

    def _timed_out(self, function: Function, invocation_id: str) -> Outcome:
        log.error(
            "Timeout value of %s seconds was exceeded by function 'Functions.%s' (Id=%s). A 'def' function cannot be "
            "stopped: its thread goes on, whereas Azure would restart the worker process here.",
            self._limit, function.name, invocation_id,
        )  # fmt: skip
        return Outcome(ok=False, error=f"FunctionTimeoutException: it ran for longer than {self._limit} seconds")


def metadata_of(values: Mapping[str, Any]) -> dict[str, TypedData]:
    """Trigger metadata as the worker reads it: every value as a string."""
    return {name: TypedData(string=str(value)) for name, value in values.items()}
