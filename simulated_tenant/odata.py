"""The part of OData's query language that the directory understands: `$select`, `$filter`, pages with opaque links."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from simulated_tenant.graph import bad_request
from simulated_tenant.wire import Received

Entity = Mapping[str, Any]
Test = Callable[[Entity], bool]
_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<mark>[(),])|(?P<word>[^\s(),']+))")
_SKIPTOKEN = "$skiptoken"


def selected(received: Received, known: Sequence[str], usual: Sequence[str]) -> list[str]:
    """The properties that `$select` asks for, in its order, spelt as the type spells them; `usual` without it."""
    asked = [name.strip() for name in received.query.get("$select", "").split(",") if name.strip()]
    by_lower = {name.lower(): name for name in known}
    for name in asked:
        if name.lower() not in by_lower:
            message = f"Parsing OData Select and Expand failed: Could not find a property named '{name}'."
            raise bad_request(received, message, "BadRequest")
    return list(dict.fromkeys(by_lower[name.lower()] for name in asked)) or list(usual)


def top(received: Received, usual: int = 100, most: int = 999) -> int:
    """The page size."""
    asked = received.query.get("$top")
    if asked is None:
        return usual
    if not asked.isdigit() or not 1 <= int(asked) <= most:
        message = f"Invalid page size specified: '{asked}'. Must be between 1 and {most} inclusive."
        raise bad_request(received, message, "Request_UnsupportedQuery")
    return int(asked)


def refuse_options(received: Received, *options: str) -> None:
    """400 for options that the collection does not support."""
    for option in options:
        if option in received.query:
            message = f"'{option}' is not supported by the service."
            raise bad_request(received, message, "Request_BadRequest")


class _Filter:
    """A recursive descent through `a eq 'x' and (startswith(b,'y') or c in ('1','2'))`."""

    def __init__(self, received: Received, text: str, filterable: Sequence[str]) -> None:
        self._received = received
        self._known = {name.lower(): name for name in filterable}
        self._tokens = list(self._read(text))
        self._next = 0

    def _read(self, text: str) -> Iterator[str]:
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._invalid("a text is not closed")
            position = match.end()
            yield match[0].strip()

    def _invalid(self, why: str) -> Exception:
        return bad_request(self._received, f"Invalid filter clause: {why}.", "BadRequest")

    def _take(self, wanted: str | None = None) -> str:
        if self._next >= len(self._tokens):
            raise self._invalid("it ends too soon")
        token = self._tokens[self._next]
        if wanted is not None and token.lower() != wanted:
            raise self._invalid(f"'{token}' where '{wanted}' is due")
        self._next += 1
        return token

    def _peek(self) -> str:
        return self._tokens[self._next].lower() if self._next < len(self._tokens) else ""

    def whole(self) -> Test:
        test = self._either()
        if self._peek():
            raise self._invalid(f"'{self._peek()}' is not expected")
        return test

    def _either(self) -> Test:
        tests = [self._all()]
        while self._peek() == "or":
            self._take()
            tests.append(self._all())
        return lambda entity: any(test(entity) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._peek() == "and":
            self._take()
            tests.append(self._one())
        return lambda entity: all(test(entity) for test in tests)

    def _one(self) -> Test:
        if self._peek() == "(":
            self._take()
            inner = self._either()
            self._take(")")
            return inner
        if self._peek() == "startswith":
            return self._startswith()
        name = self._property(self._take())
        match self._take().lower():
            case "eq":
                value = self._value()
                return lambda entity: _folded(entity.get(name)) == value
            case "ne":
                self._need_advanced(name)
                value = self._value()
                return lambda entity: _folded(entity.get(name)) != value
            case "in":
                values = self._values()
                return lambda entity: _folded(entity.get(name)) in values
            case operator:
                raise self._invalid(f"the operator '{operator}' is not supported")

    def _startswith(self) -> Test:
        self._take()
        self._take("(")
        name = self._property(self._take())
        self._take(",")
        start = str(self._value())
        self._take(")")
        return lambda entity: str(_folded(entity.get(name)) or "").startswith(start)

    def _property(self, name: str) -> str:
        if name.lower() not in self._known:
            message = f"Unsupported or invalid query filter clause specified for property '{name}' of resource 'User'."
            raise bad_request(self._received, message, "Request_UnsupportedQuery")
        return self._known[name.lower()]

    def _need_advanced(self, name: str) -> None:
        eventual = self._received.headers.get("consistencylevel", "").lower() == "eventual"
        if not eventual or self._received.query.get("$count", "").lower() != "true":
            message = f"Unsupported or invalid query filter clause specified for property '{name}' of resource 'User'."
            raise bad_request(self._received, message, "Request_UnsupportedQuery")

    def _value(self) -> Any:
        token = self._take()
        if token.startswith("'"):
            return token[1:-1].replace("''", "'").lower()
        match token.lower():
            case "true":
                return True
            case "false":
                return False
            case "null":
                return None
        raise self._invalid(f"'{token}' is no value")

    def _values(self) -> list[Any]:
        self._take("(")
        values = [self._value()]
        while self._peek() == ",":
            self._take()
            values.append(self._value())
        self._take(")")
        return values


def _folded(value: Any) -> Any:
    """Texts are compared without regard to case, as the directory does."""
    return value.lower() if isinstance(value, str) else value


def filtered(received: Received, filterable: Sequence[str]) -> Test:
    """The test that `$filter` spells; everything passes without one."""
    text = received.query.get("$filter")
    return (lambda _: True) if not text else _Filter(received, text, filterable).whole()


def sealed(value: Any) -> str:
    """A token that means nothing to its holder."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unsealed(received: Received, token: str) -> Any:
    """What `sealed` was given; raises 400 for anything else."""
    try:
        return json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError):
        raise bad_request(received, "Invalid skip token.", "Directory_ExpiredPageToken") from None


def page(received: Received, entities: Sequence[Entity], size: int) -> tuple[Sequence[Entity], str | None]:
    """One page, and the token of the next one. It stands behind the last `id` given, so that deletions skip nobody."""
    start = 0
    if token := received.query.get(_SKIPTOKEN):
        position, last = unsealed(received, token)
        ids = [entity["id"] for entity in entities]
        start = ids.index(last) + 1 if last in ids else min(position, len(ids))
    shown = entities[start : start + size]
    more = start + size < len(entities)
    return shown, sealed([start + size, shown[-1]["id"]]) if more else None


def next_link(received: Received, token: str, *, name: str = _SKIPTOKEN) -> str:
    """The same request, further on."""
    options = {key: value for key, value in received.query.items() if key != name} | {name: token}
    query = "&".join(f"{quote(key, safe='$')}={quote(value, safe=',()$')}" for key, value in options.items())
    return f"https://{received.host}{received.path}?{query}"
