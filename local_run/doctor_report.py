"""What `make doctor` prints: sections, a line a check, details indented, what to do behind an arrow. Pure."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

_SIGNS = {"passed": "✓", "warning": "!", "failed": "✗", "skipped": "–"}
_PLAIN_SIGNS = {"passed": "+", "warning": "!", "failed": "x", "skipped": "-"}
_COLOURS = {"passed": "32", "warning": "33", "failed": "31", "skipped": "2"}
_INDENT = " " * 6
_WORD = max(map(len, _SIGNS))


@dataclass(frozen=True)
class Paper:
    """What is printed on."""

    width: int = 100
    colour: bool = False
    """Never the only carrier of a verdict: sign and word stand beside it."""
    signs: bool = True
    """Whether it can show more than ASCII."""

    def paint(self, text: str, code: str) -> str:
        """The text in a colour, where there are colours."""
        return f"\033[{code}m{text}\033[0m" if self.colour else text


def report(told: Mapping[str, Any], paper: Paper) -> str:
    """The whole answer of `GET /api/health` as text; ends with the line of counts."""
    lines = list[str]()
    for section, checks in groupby(told["checks"], key=lambda check: check["section"]):
        lines += ["", paper.paint(_printable(section), "1")]
        for check in checks:
            lines += _check(check, paper)
    lines += ["", _counts(told["counts"])]
    text = "\n".join(lines)
    return text if paper.signs else text.replace("→", "->").encode("ascii", "replace").decode()


def _check(check: Mapping[str, Any], paper: Paper) -> Iterator[str]:
    verdict = str(check["verdict"])
    sign = (_SIGNS if paper.signs else _PLAIN_SIGNS).get(verdict, "?")
    head = paper.paint(f"{sign} {verdict:<{_WORD}}", _COLOURS.get(verdict, "0"))
    yield f"  {head}  {_printable(check['title'])}  {paper.paint(f'{check["milliseconds"]} ms', '2')}"
    yield from _wrapped(check["found"], paper, _INDENT, _INDENT)
    if check["remedy"]:
        yield from _wrapped(check["remedy"], paper, f"{_INDENT}→ ", f"{_INDENT}  ")
    if check["requestId"]:
        yield f"{_INDENT}request id {_printable(check['requestId'])}, for Microsoft's support"
    if verdict != "passed" and check["verifies"]:
        yield f"{_INDENT}assumed of a live tenant: {', '.join(map(_printable, check['verifies']))}"


def _wrapped(text: str, paper: Paper, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        _printable(text),
        max(paper.width, 40),
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _counts(counts: Mapping[str, int]) -> str:
    """`0 failed, 2 warnings, 13 passed`, and what was skipped when something was."""
    warnings, skipped = counts["warning"], counts["skipped"]
    told = (
        f"{counts['failed']} failed, {warnings} {'warning' if warnings == 1 else 'warnings'}, {counts['passed']} passed"
    )
    return f"{told}, {skipped} skipped" if skipped else told


def _printable(text: Any) -> str:
    """Without anything that a terminal would obey instead of show: it comes over the network."""
    return "".join(char if char.isprintable() else " " for char in str(text))
