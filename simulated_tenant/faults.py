"""Scripted faults: per named operation, one instruction for each matching call, with proof that each was met."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from simulated_tenant.wire import Received

GRAMMAR = (
    "An instruction is one of: ok | <status> | <status>:<Header>=<value>;<Header>=<value> (`code=` and `message=` set "
    "the error's own; Retry-After=date+30 gives an HTTP date) | latency:<ms> | stall:<seconds> | cut | garbage | "
    "reset | lost (it is done, but the answer never comes)."
)

_BARE = frozenset({"ok", "cut", "garbage", "reset", "lost"})


@dataclass(frozen=True)
class Instruction:
    """What happens to one call."""

    text: str
    kind: str
    """`ok`, `status`, `latency`, `stall`, `cut`, `garbage`, `reset` or `lost`."""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    code: str | None = None
    """The error code in the body, in place of the service's usual one for that status."""
    message: str | None = None
    seconds: float = 0.0


def parse(text: str) -> Instruction:
    """The instruction that `text` spells. Raises `ValueError` with the grammar."""
    head, _, rest = text.partition(":")
    try:
        if head in _BARE and not rest:
            return Instruction(text, head)
        if head == "latency":
            return Instruction(text, "latency", seconds=float(rest) / 1000)
        if head == "stall":
            return Instruction(text, "stall", seconds=float(rest))
        if 400 <= int(head) <= 599:
            return _status(text, int(head), rest)
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no instruction. {GRAMMAR}")


def _status(text: str, status: int, settings: str) -> Instruction:
    headers: list[tuple[str, str]] = []
    words: dict[str, str] = {}
    for setting in filter(None, settings.split(";")):
        name, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(setting)
        if name in {"code", "message"}:
            words[name] = value
        else:
            headers.append((name.strip(), value.strip()))
    return Instruction(text, "status", status, tuple(headers), code=words.get("code"), message=words.get("message"))


@dataclass
class Script:
    """Instructions for the calls of one operation, narrowed to a user, an app or a substring when given."""

    id: int
    operation: str
    instructions: list[Instruction]
    needles: tuple[str, ...] = ()
    """Lower case; one of them must occur in the request. The forms of one user, or the `match` substring."""
    app: str | None = None
    met: list[str] = field(default_factory=list)

    @property
    def left(self) -> list[Instruction]:
        """What has not been used up."""
        return self.instructions[len(self.met) :]

    def fits(self, operation: str, app: str | None, text: str) -> bool:
        """Whether the script speaks of this call; `text` as `searchable` gives it."""
        return (
            self.operation == operation
            and (self.app is None or self.app == app)
            and (not self.needles or any(needle in text for needle in self.needles))
        )

    def as_json(self) -> dict[str, Any]:
        """The script as the control API shows it."""
        return {
            "id": self.id,
            "operation": self.operation,
            "app": self.app,
            "only": list(self.needles),
            "met": self.met,
            "left": [instruction.text for instruction in self.left],
            "completed": not self.left,
        }


def searchable(received: Received) -> str:
    """All of a request in which a user or a substring is looked for, in lower case and decoded."""
    query = "&".join(f"{name}={value}" for name, value in received.query.items())
    body = received.body.decode("utf-8", errors="ignore")
    return f"{received.method} https://{received.host}{unquote(received.path)}?{query}\n{body}".lower()


class Faults:
    """All scripts, in order of arrival; a call uses up an instruction of the first that fits and has one left."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self._last_id = 0

    def add(
        self, operation: str, script: Iterable[str], needles: tuple[str, ...] = (), app: str | None = None
    ) -> Script:
        """Add a script. Raises `ValueError` when an instruction is none."""
        instructions = [parse(text) for text in script]
        self._last_id += 1
        added = Script(self._last_id, operation, instructions, tuple(needle.lower() for needle in needles), app)
        self.scripts.append(added)
        return added

    def take(self, operation: str, app: str | None, received: Received) -> tuple[Script, Instruction] | None:
        """Use up the instruction for this call, if there is one."""
        candidates = [script for script in self.scripts if script.operation == operation and script.left]
        if not candidates:
            return None
        text = searchable(received)
        for script in candidates:
            if script.fits(operation, app, text):
                instruction = script.left[0]
                script.met.append(instruction.text)
                return script, instruction
        return None
