"""The function table: what each function is triggered by, and where its outputs go."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local_run.functions_host.app_settings import is_disabled, substitute
from local_run.functions_host.errors import StartFailed
from local_run.functions_host.ncrontab import Schedule
from local_run.functions_host.protos import RpcFunctionMetadata
from local_run.functions_host.retry_policy import RetryPolicy
from local_run.functions_host.routes import Template

_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class HttpTrigger:
    """Called by requests."""

    route: Template
    methods: frozenset[str]
    """In upper case; empty: all."""
    level: str
    """`anonymous`, `function` or `admin`."""


@dataclass(frozen=True)
class QueueTrigger:
    """Called once for each message."""

    queue: str
    connection: str


@dataclass(frozen=True)
class TimerTrigger:
    """Called by the clock."""

    expression: str
    schedule: Schedule
    run_on_startup: bool


@dataclass(frozen=True)
class QueueOutput:
    """An output binding: what the function sets or returns becomes messages."""

    name: str
    queue: str
    connection: str


@dataclass(frozen=True)
class Function:
    """One function of the app."""

    name: str
    id: str
    parameter: str
    """The name of the parameter that takes the trigger's value."""
    trigger: HttpTrigger | QueueTrigger | TimerTrigger
    outputs: tuple[QueueOutput, ...]
    retry: RetryPolicy | None
    disabled: bool

    def described(self) -> dict[str, str]:
        """Name, type and route, queue or schedule."""
        match self.trigger:
            case HttpTrigger(route=route):
                return {"name": self.name, "type": "httpTrigger", "route": "/" + route.text}
            case QueueTrigger(queue=queue):
                return {"name": self.name, "type": "queueTrigger", "queue": queue}
            case TimerTrigger(expression=expression):
                return {"name": self.name, "type": "timerTrigger", "schedule": expression}


def read(metadata: Iterable[RpcFunctionMetadata], prefix: str, environment: Mapping[str, str]) -> list[Function]:
    """The table from what indexing found; raises `StartFailed` naming the function that cannot be served."""
    table = []
    for entry in metadata:
        try:
            table.append(_function(entry, prefix, environment))
        except (StartFailed, ValueError) as error:
            raise StartFailed(f"The function '{entry.name}' is in error: {error}") from error
    return table


def _function(entry: RpcFunctionMetadata, prefix: str, environment: Mapping[str, str]) -> Function:
    bindings = [json.loads(raw) for raw in entry.raw_bindings]
    triggers = [binding for binding in bindings if binding["type"].lower().endswith("trigger")]
    if len(triggers) != 1:
        raise StartFailed(f"it has {len(triggers)} triggers; one is needed.")
    others = [binding for binding in bindings if binding is not triggers[0]]
    outputs = tuple(output for binding in others if (output := _output(binding, environment)) is not None)
    return Function(
        name=entry.name,
        id=entry.function_id,
        parameter=triggers[0]["name"],
        trigger=_trigger(triggers[0], entry.name, prefix, environment),
        outputs=outputs,
        retry=_retry(entry.retry_options),
        disabled=is_disabled(entry.name, environment),
    )


def _trigger(
    binding: Mapping[str, Any], function: str, prefix: str, environment: Mapping[str, str]
) -> HttpTrigger | QueueTrigger | TimerTrigger:
    match binding["type"].lower():
        case "httptrigger":
            route = substitute(binding.get("route") or function, environment).strip("/")
            methods = frozenset(str(method).upper() for method in binding.get("methods") or ())
            level = str(binding.get("authLevel") or "function").lower()
            return HttpTrigger(Template.parse(f"{prefix}/{route}".strip("/")), methods, level)
        case "queuetrigger":
            return QueueTrigger(_queue(binding, environment), substitute(binding.get("connection") or "", environment))
        case "timertrigger":
            expression = substitute(str(binding["schedule"]), environment)
            return TimerTrigger(expression, Schedule.parse(expression), bool(binding.get("runOnStartup")))
        case _:
            raise StartFailed(f"this host has no trigger of type {binding['type']}; it has http, queue and timer.")


def _output(binding: Mapping[str, Any], environment: Mapping[str, str]) -> QueueOutput | None:
    """None for the HTTP answer, which is no message."""
    match binding["type"].lower(), str(binding.get("direction")).upper():
        case "http", "OUT":
            return None
        case "queue", "OUT":
            connection = substitute(binding.get("connection") or "", environment)
            return QueueOutput(binding["name"], _queue(binding, environment), connection)
        case kind, direction:
            raise StartFailed(
                f"this host has no {direction.lower()}put binding of type {kind}; it has queue outputs only."
            )


def _queue(binding: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    name = substitute(str(binding["queueName"]), environment).lower()
    if not _QUEUE_NAME.fullmatch(name):
        raise StartFailed(f"{name!r} is no queue name: 3 to 63 lower-case letters, digits and single hyphens are.")
    return name


def _retry(options: Any) -> RetryPolicy | None:
    if options is None:
        return None
    if options.delay_interval is not None:
        wait = options.delay_interval
        return RetryPolicy(options.max_retry_count, least_wait=wait, longest_wait=wait, grows=False)
    return RetryPolicy(options.max_retry_count, options.minimum_interval, options.maximum_interval, grows=True)
