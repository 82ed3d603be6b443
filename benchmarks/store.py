"""What was measured, kept as JSON, so that pages are made from data and one measurement can be repeated alone."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from benchmarks.frame import Measurement
from benchmarks.machine import Machine

FILE = Path(__file__).parent.parent / "docs" / "benchmarks.json"


@dataclass(frozen=True)
class Stored:
    """One measurement's result, with where and when it came to be."""

    measured_at: datetime
    seconds: float
    """How long the measuring took."""
    machine: Machine
    result: Any


def read(measurements: tuple[Measurement, ...], file: Path = FILE) -> dict[str, Stored]:
    """What is stored, by name of the measurement; what none of them can read any more is left out."""
    if not file.is_file():
        return {}
    kept = json.loads(file.read_text("utf-8"))
    found: dict[str, Stored] = {}
    for measurement in measurements:
        entry = kept.get(measurement.name)
        if entry is None:
            continue
        try:
            found[measurement.name] = Stored(
                datetime.fromisoformat(entry["measuredAt"]),
                float(entry["seconds"]),
                TypeAdapter(Machine).validate_python(entry["machine"]),
                TypeAdapter(measurement.kind).validate_python(entry["result"]),
            )
        except ValueError:
            continue  # its shape has changed since: to be measured anew
    return found


def write(stored: dict[str, Stored], file: Path = FILE) -> None:
    """Keep all of them."""
    told = {
        name: {
            "measuredAt": entry.measured_at.astimezone(UTC).isoformat(timespec="seconds"),
            "seconds": round(entry.seconds, 1),
            "machine": TypeAdapter(Machine).dump_python(entry.machine),
            "result": _rounded(TypeAdapter(type(entry.result)).dump_python(entry.result, mode="json")),
        }
        for name, entry in stored.items()
    }
    file.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def _rounded(value: Any) -> Any:
    """No more digits than mean something."""
    match value:
        case float():
            return float(f"{value:.5g}")
        case dict():
            return {key: _rounded(inner) for key, inner in value.items()}
        case list():
            return [_rounded(inner) for inner in value]
        case _:
            return value
