"""The entry points of Microsoft's worker library (azure-functions-runtime), behind two calls: start and invoke.

The library keeps its function table in module globals: one app per process. It runs `async def` functions on the
loop that calls it and `def` functions in its thread pool (PYTHON_THREADPOOL_THREAD_COUNT). The entry points are
internal API of Microsoft's, so the version is pinned and nothing outside this module touches it.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime

from local_run.functions_host import protos
from local_run.functions_host.errors import StartFailed
from local_run.functions_host.protos import ParameterBinding, RpcFunctionMetadata, TypedData

current_invocation: ContextVar[str | None] = ContextVar("current_invocation", default=None)
"""The invocation that the running code belongs to: set for the loop's side; threads have the library's own."""


@dataclass(frozen=True)
class Retry:
    """The how-manieth attempt of a retry policy an invocation is."""

    count: int = 0
    most: int = 0
    """-1: no limit."""
    error: str = ""
    """What the attempt before raised."""


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended."""

    ok: bool
    error: str = ""
    """`RuntimeError: boom`"""
    stack_trace: str = ""
    returned: TypedData | None = None
    outputs: Mapping[str, TypedData] = field(default_factory=dict)
    """By the name of the output binding."""


async def start(app: Path) -> list[RpcFunctionMetadata]:
    """Import and index the app in the folder; raises `StartFailed` with the library's own message when that fails."""
    runtime.start_threadpool_executor()
    init = SimpleNamespace(capabilities={}, function_app_directory=str(app))
    answer = await runtime.worker_init_request(
        SimpleNamespace(
            name="init",
            request=SimpleNamespace(worker_init_request=init),
            properties={"protos": protos, "host": "127.0.0.1"},
        )
    )
    if answer.result.status != protos.StatusResult.Success:
        raise StartFailed(f"The app failed to load. {answer.result.exception.message}")
    metadata = await runtime.functions_metadata_request(None)
    return list(metadata.function_metadata_results or [])


async def invoke(
    function_id: str,
    invocation_id: str,
    *,
    parameter: str,
    value: TypedData,
    metadata: Mapping[str, TypedData],
    retry: Retry,
) -> Outcome:
    """Run a function. What it raises comes back in the outcome; only a cancellation passes through."""
    invocation = SimpleNamespace(
        invocation_id=invocation_id,
        function_id=function_id,
        input_data=[ParameterBinding(name=parameter, data=value)],
        trigger_metadata=metadata,
        trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
        retry_context=SimpleNamespace(retry_count=retry.count, max_retry_count=retry.most, exception=_exception(retry)),
    )
    token = current_invocation.set(invocation_id)
    try:
        answer: Any = await runtime.invocation_request(
            SimpleNamespace(name="invocation", properties={}, request=SimpleNamespace(invocation_request=invocation))
        )
    finally:
        current_invocation.reset(token)
    if answer.result.status != protos.StatusResult.Success:
        exception = answer.result.exception
        return Outcome(ok=False, error=exception.message, stack_trace=exception.stack_trace)
    outputs = {binding.name: binding.data for binding in answer.output_data or []}
    return Outcome(ok=True, returned=answer.return_value, outputs=outputs)


def invocation_of_this_thread() -> str | None:
    """The invocation that the calling code belongs to, whether it runs on the loop or in the thread pool."""
    inside_thread: str | None = runtime.invocation_id_cv.get()
    return inside_thread or current_invocation.get()


def stop() -> None:
    """End the thread pool; waits for what still runs in it."""
    runtime.stop_threadpool_executor()


def _exception(retry: Retry) -> protos.RpcException | None:
    return protos.RpcException(message=retry.error, stack_trace="", source="") if retry.error else None
