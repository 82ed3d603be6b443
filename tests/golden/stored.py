"""Messages and rows as files: the table service's JSON, and the texts of messages."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_TYPE = "@odata.type"


def versions() -> list[Path]:
    """The folders, oldest first."""
    folders = [path.parent for path in HERE.glob("*/PhotoStatus.json")]
    return sorted(folders, key=lambda folder: [int(part) for part in folder.name.split(".")])


def to_json(entity: Mapping[str, Any]) -> dict[str, Any]:
    """A row in the table service's JSON; raises `TypeError` for a type that the app does not use."""
    told: dict[str, Any] = {}
    for name, value in entity.items():
        if isinstance(value, datetime):
            # The library's own datetime keeps the service's seven digits; six are what the app writes.
            told[name + _TYPE] = "Edm.DateTime"
            told[name] = datetime.fromtimestamp(value.timestamp(), UTC).isoformat().replace("+00:00", "Z")
        elif isinstance(value, str | bool | int):
            told[name] = value
        else:
            raise TypeError(f"{name} is a {type(value).__name__}")
    return told


def from_json(told: Mapping[str, Any]) -> dict[str, Any]:
    """The row as the library takes it."""
    entity = {name: value for name, value in told.items() if not name.endswith(_TYPE)}
    for name in told:
        if name.endswith(_TYPE):
            entity[name.removesuffix(_TYPE)] = datetime.fromisoformat(told[name.removesuffix(_TYPE)])
    return entity


def read(folder: Path, name: str) -> list[Any]:
    """The rows of a table, or the messages of a queue; empty when that version had none."""
    path = folder / f"{name}.json"
    return list(json.loads(path.read_text("utf-8"))) if path.exists() else []


def write(folder: Path, name: str, items: list[Any]) -> None:
    """Write a file, one message or row after the other."""
    folder.mkdir(exist_ok=True)
    text = json.dumps(items, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / f"{name}.json").write_text(text + "\n", "utf-8")
