"""Route templates of HTTP functions: which function serves a path, and the values in it.

A template is a path of segments: literal text, `{name}`, `{name?}` (may be absent, at the end), `{name=default}`,
`{*name}` (all the rest), each with constraints (`{id:int}`, `{id:guid:required}`, `{code:length(3)}`), and mixtures
such as `{name}.csv`. Literals match without regard to case. Among several templates that match, the more particular
one wins, segment by segment from the left: literal, mixture or constrained value, value, rest.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote
from uuid import UUID

_PARAMETER = re.compile(
    r"\{(?P<star>\*{0,2})(?P<name>\w+)(?P<constraints>(?::(?:[^{}()=?]|\((?:[^{}()]|\{[^{}]*\}|\([^()]*\))*\))+)*)"
    r"(?:=(?P<default>[^{}]*))?(?P<optional>\??)\}"
)
_CONSTRAINT = re.compile(r":(\w+)(?:\(((?:[^{}()]|\{[^{}]*\}|\([^()]*\))*)\))?")

type Check = Callable[[str], bool]


@dataclass(frozen=True)
class Segment:
    """One segment of a template."""

    pattern: re.Pattern[str]
    """Matched whole against the decoded segment, without regard to case."""
    checks: Mapping[str, Sequence[Check]]
    """By parameter name."""
    defaults: Mapping[str, str]
    optional: bool
    """May be absent, either because it says so or because it has a default."""
    rest: bool
    """Takes all remaining segments."""
    rank: int
    """1 (literal) to 5 (the rest, unconstrained); the lower wins."""


@dataclass(frozen=True)
class Template:
    """A parsed route template."""

    text: str
    segments: tuple[Segment, ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Raises `ValueError` saying what is wrong with the template."""
        parts = [part for part in text.strip("/").split("/") if part]
        segments = tuple(_segment(part, text) for part in parts)
        for position, segment in enumerate(segments):
            if segment.rest and position != len(segments) - 1:
                raise ValueError(f"route {text!r}: only the last segment may take the rest of the path")
            if segment.optional and not all(later.optional or later.rest for later in segments[position:]):
                raise ValueError(f"route {text!r}: a segment that may be absent must come last")
        return cls(text, segments)

    @property
    def precedence(self) -> tuple[int, ...]:
        """Sorts templates: the one that is tried first comes first."""
        return tuple(segment.rank for segment in self.segments)

    def match(self, path: str) -> Mapping[str, str] | None:
        """The values in a path (percent-encoded, any leading and one trailing slash ignored); None: no match."""
        given = _split(path)
        if given is None:
            return None
        values: dict[str, str] = {}
        for position, segment in enumerate(self.segments):
            if segment.rest:
                found = _take(segment, "/".join(given[position:]), values)
                return values if found else None
            if position < len(given):
                if not _take(segment, given[position], values):
                    return None
            elif segment.optional:
                values.update(segment.defaults)
            else:
                return None
        return values if len(given) <= len(self.segments) else None


@dataclass(frozen=True)
class Route[T]:
    """A template and the methods that it serves, leading to something."""

    template: Template
    methods: frozenset[str]
    """In upper case; empty: all."""
    leads_to: T


class Router[T]:
    """Finds what serves a request."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        self._routes = sorted(routes, key=lambda route: route.template.precedence)

    def find(self, method: str, path: str) -> tuple[T, Mapping[str, str]] | None:
        """What serves the request, with the values of its path; None: nothing does."""
        for route in self._routes:
            if route.methods and method not in route.methods:
                continue
            values = route.template.match(path)
            if values is not None:
                return route.leads_to, values
        return None


def _split(path: str) -> list[str] | None:
    """The decoded segments of a path; None when one in the middle is empty. `%2F` stays as it is, as in Azure."""
    inner = path.removeprefix("/").removesuffix("/")
    if not inner:
        return []
    parts = inner.split("/")
    return None if "" in parts else ["%2F".join(unquote(piece) for piece in re.split("%2[fF]", p)) for p in parts]


def _take(segment: Segment, text: str, values: dict[str, str]) -> bool:
    match = segment.pattern.fullmatch(text)
    if match is None:
        return False
    found = {name: value for name, value in match.groupdict().items() if value}
    for name, checks in segment.checks.items():
        if name in found and not all(check(found[name]) for check in checks):
            return False
    values.update({**segment.defaults, **found})
    return True


def _segment(part: str, route: str) -> Segment:
    pattern, position, parameters = "", 0, list(_PARAMETER.finditer(part))
    checks: dict[str, list[Check]] = {}
    defaults: dict[str, str] = {}
    for parameter in parameters:
        pattern += _literal(part[position : parameter.start()], route)
        name = parameter["name"]
        checks[name] = [
            _constraint(kind, given, route) for kind, given in _CONSTRAINT.findall(parameter["constraints"])
        ]
        if parameter["default"] is not None:
            defaults[name] = parameter["default"]
        pattern += f"(?P<{name}>.*)" if parameter["star"] else f"(?P<{name}>.+)"
        position = parameter.end()
    pattern += _literal(part[position:], route)
    whole = len(parameters) == 1 and parameters[0].group() == part
    starred = whole and bool(parameters[0]["star"])
    if any(parameter["star"] or parameter["optional"] for parameter in parameters) and not whole:
        raise ValueError(f"route {route!r}: a value that is optional or takes the rest must be a segment of its own")
    constrained = any(checks.values())
    rank = 1 if not parameters else (4 if starred else 2) if constrained or not whole else (5 if starred else 3)
    return Segment(
        pattern=re.compile(pattern, re.IGNORECASE | re.DOTALL),
        checks=checks,
        defaults=defaults,
        optional=whole and (bool(parameters[0]["optional"]) or bool(defaults)),
        rest=starred,
        rank=rank,
    )


def _literal(text: str, route: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError(f"route {route!r}: {text!r} is not understood")
    return re.escape(text)


def _constraint(kind: str, given: str, route: str) -> Check:
    if kind.lower() == "regex":
        expression = re.compile(given, re.IGNORECASE)
        return lambda value: expression.search(value) is not None
    if given:
        numbers = [int(number) for number in given.split(",")]
        if kind in _BOUNDS and len(numbers) in _BOUNDS[kind][0]:
            test = _BOUNDS[kind][1]
            return lambda value: test(value, numbers)
    elif kind in _KINDS:
        return _KINDS[kind]
    raise ValueError(f"route {route!r}: the constraint {kind!r} is not known")


def _whole_number(bits: int) -> Check:
    def check(value: str) -> bool:
        return bool(re.fullmatch(r"[+-]?\d{1,20}", value, re.ASCII)) and -(2 ** (bits - 1)) <= int(value) < 2 ** (
            bits - 1
        )

    return check


def _number(value: str) -> bool:
    return bool(re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", value, re.ASCII))


def _guid(value: str) -> bool:
    if not re.fullmatch(r"[0-9a-fA-F-]{32,36}|\{[0-9a-fA-F-]{36}\}|\([0-9a-fA-F-]{36}\)", value):
        return False
    try:
        UUID(value.strip("{}()"))
    except ValueError:
        return False
    return True


_KINDS: Mapping[str, Check] = {
    "int": _whole_number(32),
    "long": _whole_number(64),
    "bool": lambda value: value.lower() in {"true", "false"},
    "double": _number,
    "float": _number,
    "decimal": _number,
    "guid": _guid,
    "alpha": lambda value: value.isascii() and value.isalpha(),
    "required": bool,
}

_integer = _whole_number(64)
_BOUNDS: Mapping[str, tuple[frozenset[int], Callable[[str, list[int]], bool]]] = {
    "minlength": (frozenset({1}), lambda value, bounds: len(value) >= bounds[0]),
    "maxlength": (frozenset({1}), lambda value, bounds: len(value) <= bounds[0]),
    "length": (frozenset({1, 2}), lambda value, bounds: bounds[0] <= len(value) <= bounds[-1]),
    "min": (frozenset({1}), lambda value, bounds: _integer(value) and int(value) >= bounds[0]),
    "max": (frozenset({1}), lambda value, bounds: _integer(value) and int(value) <= bounds[0]),
    "range": (frozenset({2}), lambda value, bounds: _integer(value) and bounds[0] <= int(value) <= bounds[1]),
}
