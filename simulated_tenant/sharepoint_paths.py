"""How SharePoint's REST addresses are written: calls with arguments, quotes, aliases; and the two kinds of file path.

A call is `Name('value')`, `Name(DecodedUrl='value')` or `Name(DecodedUrl=@a1)` with `@a1='value'` in the query. Names
of methods and parameters have no case. In a value every quotation mark is doubled; all of it may be percent-encoded.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

_LITERAL = "'(?:''|[^'])*+'"  # possessive: a run of quotation marks has one reading, and takes no time to refuse
ARGUMENTS = rf"\((?:{_LITERAL}|[^'()/])*+\)"
"""Matches the parenthesis of a call in a path whose `SYNTAX` characters are plain."""

_SYNTAX = re.compile(r"%(27|28|29|2c|3d|40)", re.IGNORECASE)
_SEGMENT = re.compile(rf"/(?P<name>[^/(]*)(?P<arguments>{ARGUMENTS})?")
_ARGUMENT = re.compile(
    rf"\s*(?:(?P<name>\w+)\s*=\s*)?(?P<value>{_LITERAL}|(?:guid)?{_LITERAL}|[^',]+)\s*(?:,|$)", re.IGNORECASE
)

FOLDER = (
    rf"(?:/GetFolderByServerRelative(?:Path|Url){ARGUMENTS}|/GetFolderById{ARGUMENTS}|/RootFolder"
    rf"|/Lists/GetByTitle{ARGUMENTS}/RootFolder|/GetList{ARGUMENTS}/RootFolder"
    rf"|/Folders{ARGUMENTS}|/Folders/GetBy(?:Url|Path){ARGUMENTS})"
)
"""Everything that clients append to `/_api/web` to name a folder; more than one in a row descends."""
FILE = (
    rf"(?:{FOLDER})*(?:/GetFileByServerRelative(?:Path|Url){ARGUMENTS}|/GetFileById{ARGUMENTS}"
    rf"|/Files{ARGUMENTS}|/Files/GetBy(?:Url|Path){ARGUMENTS})"
)


class PathMalformedError(ValueError):
    """The address is no expression that SharePoint understands."""


@dataclass(frozen=True)
class Segment:
    """One step of an address: `GetFolderByServerRelativePath(DecodedUrl='/User Photos')`."""

    name: str
    """Lower case."""
    arguments: "Arguments"


@dataclass(frozen=True)
class Arguments:
    """What stands in a call's parentheses, aliases resolved."""

    positional: tuple[Any, ...] = ()
    named: Mapping[str, Any] | None = None
    """Names in lower case."""

    def text(self, name: str, *, default: str | None = None) -> str:
        """The argument `name`, or the only positional one, as text."""
        value = (self.named or {}).get(name.lower(), self.positional[0] if self.positional else default)
        if value is None:
            raise PathMalformedError(f"the parameter {name} is missing")
        return str(value)

    def flag(self, name: str, *, default: bool) -> bool:
        """The argument `name`, or the second positional one, as a truth value."""
        value = (self.named or {}).get(name.lower(), self.positional[1] if len(self.positional) > 1 else default)
        return value if isinstance(value, bool) else str(value).lower() == "true"


def plain_syntax(path: str) -> str:
    """The percent-encoded path with quotes, parentheses, commas, `=` and `@` decoded: they mean the same either way."""
    return _SYNTAX.sub(lambda match: chr(int(match[1], 16)), path)


def _value(text: str, query: Mapping[str, str]) -> Any:
    """One argument's value: alias, quoted text, or a bare word such as `true`."""
    if text.startswith("@"):
        aliased = next((value for name, value in query.items() if name.lower() == text.lower()), None)
        if aliased is None:
            raise PathMalformedError(f"the alias {text} has no value")
        if aliased.startswith("{"):
            return json.loads(aliased)
        return _value(aliased, {})
    if text.lower().startswith("guid'"):
        text = text[4:]
    if re.fullmatch(_LITERAL, text, re.DOTALL):
        return text[1:-1].replace("''", "'")
    if "'" in text:
        raise PathMalformedError(f"the value {text} is not quoted right")
    return {"true": True, "false": False}.get(text.lower(), text)


def arguments(text: str, query: Mapping[str, str]) -> Arguments:
    """Read the inside of a call's parentheses, percent-encoding already removed.

    >>> arguments("DecodedUrl='a''b.jpg',Overwrite=true", {}).text("decodedurl")
    "a'b.jpg"
    """
    positional: list[Any] = []
    named: dict[str, Any] = {}
    at = 0
    while at < len(text):
        match = _ARGUMENT.match(text, at)
        if match is None:
            raise PathMalformedError(f"the arguments {text} cannot be read")
        at = match.end()
        value = _value(match["value"].strip(), query)
        if isinstance(value, dict):
            # Some clients pass a whole ResourcePath as JSON behind one alias.
            named |= {str(name).lower(): part for name, part in value.items()}
        elif match["name"]:
            named[match["name"].lower()] = value
        else:
            positional.append(value)
    return Arguments(tuple(positional), named)


def segments(target: str, query: Mapping[str, str]) -> list[Segment]:
    """The steps of an address whose syntax is plain; values are decoded here, after the steps are told apart."""
    found = []
    at = 0
    while at < len(target):
        match = _SEGMENT.match(target, at)
        if match is None:
            raise PathMalformedError(f"the expression {target} is not valid")
        at = match.end()
        inside = unquote((match["arguments"] or "()")[1:-1])
        found.append(Segment(unquote(match["name"]).lower(), arguments(inside, query)))
    return found


def from_string_url(url: str) -> str:
    """What the older, string-based methods make of a path: they take it for an encoded URL.

    `%20` becomes a space and everything from `#` on is dropped as a fragment, so files with these characters in their
    names are out of reach (https://learn.microsoft.com/sharepoint/dev/solution-guidance/supporting-and-in-file-and-folder-with-the-resourcepath-api).
    """
    return unquote(url.partition("#")[0])


def server_relative(path: str) -> str:
    """The path in the form in which folders are kept: one slash in front, none behind."""
    return "/" + path.strip("/")


def split(path: str) -> tuple[str, str]:
    """A server-relative path as folder and name."""
    folder, _, name = server_relative(path).rpartition("/")
    return folder or "/", name


def join(folder: str, name: str) -> str:
    """The path of `name` in `folder`."""
    return f"{folder.rstrip('/')}/{name.strip('/')}"
