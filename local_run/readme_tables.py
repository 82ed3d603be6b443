"""The README's tables of settings and states, as the code has them."""

from pathlib import Path

from shared.settings import Settings
from shared.words import UserState

README = Path(__file__).parent.parent / "README.md"


def settings_table() -> list[str]:
    """A row per setting, in order of declaration."""
    return ["| setting | default | what it is |", "|---|---|---|"] + [
        f"| `{info.alias}` | {_default(info.default, required=info.is_required())} | {info.description} |"
        for info in Settings.model_fields.values()
    ]


def states_table() -> list[str]:
    """A row per state."""
    return ["| state | means |", "|---|---|", *(f"| `{state}` | {state.sentence} |" for state in UserState)]


def with_tables(text: str) -> str:
    """The README's text with its tables as the code has them now."""
    lines = text.splitlines()
    for heading, table in (("## Settings", settings_table()), ("## Where a user can stand", states_table())):
        start = next(number for number in range(lines.index(heading), len(lines)) if lines[number].startswith("|"))
        end = next(number for number in range(start, len(lines)) if not lines[number].startswith("|"))
        lines[start:end] = table
    return "\n".join(lines) + "\n"


def _default(value: object, *, required: bool) -> str:
    if required:
        return "required"
    empty = value is None or not isinstance(value, str | int | bool)
    return "" if empty else f"`{str(value).lower()}`"
