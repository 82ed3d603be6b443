"""`host.json`: what the host takes from it, with Azure's defaults.

As in Azure, a setting `AzureFunctionsJobHost__extensions__queues__batchSize` overrides the entry of that path.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from local_run.functions_host.errors import StartFailed

_OVERRIDE = "azurefunctionsjobhost__"
_TIME = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?")


@dataclass(frozen=True)
class QueueRules:
    """`extensions.queues`."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_seconds: int = 0
    """Before a failed message is seen again."""
    max_polling_seconds: float = 60.0
    encoding: Literal["base64", "none"] = "base64"


@dataclass(frozen=True)
class HostSettings:
    """What `host.json` decides."""

    route_prefix: str = "api"
    function_seconds: float | None = 1800.0
    """How long a function may run; None: as long as it likes."""
    queues: QueueRules = QueueRules()


def read(app: Path, environment: Mapping[str, str]) -> HostSettings:
    """The settings of an app folder; raises `StartFailed` when the file is missing, no JSON or holds a bad value."""
    path = app / "host.json"
    if not path.is_file():
        raise StartFailed(f"There is no host.json in {app}; an app folder needs one.")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StartFailed(f"host.json is not valid JSON: {error}.") from error
    try:
        return parse(document, environment)
    except (ValueError, TypeError, AttributeError) as error:
        raise StartFailed(f"host.json: {error}.") from error


def parse(document: Any, environment: Mapping[str, str]) -> HostSettings:
    """The settings in a parsed `host.json`; raises `ValueError` naming the entry that is wrong."""

    def entry(path: str) -> Any:
        overrides = {name.lower(): value for name, value in environment.items()}
        override = overrides.get(_OVERRIDE + path.replace(".", "__").lower())
        if override is not None:
            return override
        value = document
        for name in path.split("."):
            if not isinstance(value, dict):
                return None
            value = {key.lower(): inner for key, inner in value.items()}.get(name.lower())
        return value

    default = QueueRules()
    batch_size = _whole(entry, "extensions.queues.batchSize", 1, 32) or default.batch_size
    threshold = _whole(entry, "extensions.queues.newBatchThreshold", 0, 10_000)
    queues = QueueRules(
        batch_size=batch_size,
        new_batch_threshold=batch_size // 2 if threshold is None else threshold,
        max_dequeue_count=_whole(entry, "extensions.queues.maxDequeueCount", 1, 10_000) or default.max_dequeue_count,
        visibility_seconds=int(_seconds(entry, "extensions.queues.visibilityTimeout", 0.0) or 0),
        max_polling_seconds=_seconds(entry, "extensions.queues.maxPollingInterval", default.max_polling_seconds) or 0.1,
        encoding=_encoding(entry("extensions.queues.messageEncoding")),
    )
    prefix = entry("extensions.http.routePrefix")
    return HostSettings(
        route_prefix=HostSettings.route_prefix if prefix is None else str(prefix).strip("/"),
        function_seconds=_seconds(entry, "functionTimeout", HostSettings.function_seconds),
        queues=queues,
    )


def _whole(entry: Any, path: str, low: int, high: int) -> int | None:
    value = entry(path)
    if value is None:
        return None
    if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)) or not low <= int(value) <= high:
        raise ValueError(f"{path} must be a whole number from {low} to {high}, not {value!r}")
    return int(value)


def _seconds(entry: Any, path: str, default: float | None) -> float | None:
    """A time as `hh:mm:ss` or `d.hh:mm:ss`, or milliseconds as a number; -1 means no limit."""
    value = entry(path)
    if value is None:
        return default
    if str(value) in {"-1", "-00:00:00.0010000"}:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value / 1000
    match = _TIME.fullmatch(str(value))
    if match is None:
        raise ValueError(f"{path} must be a time such as 00:05:00, not {value!r}")
    days, hours, minutes, seconds, fraction = match.groups()
    whole = int(days or 0) * 86_400 + int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
    return whole + float(fraction or 0)


def _encoding(value: Any) -> Literal["base64", "none"]:
    match str(value or "base64").lower():
        case "base64":
            return "base64"
        case "none":
            return "none"
        case _:
            raise ValueError(f"extensions.queues.messageEncoding must be base64 or none, not {value!r}")
