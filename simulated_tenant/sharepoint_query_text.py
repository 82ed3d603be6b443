"""The text of a CSOM request: XML read without document types and entities, and with bounds, into small values.

The format is MS-CSOM's: https://learn.microsoft.com/openspecs/sharepoint_protocols/ms-csom
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

LARGEST = 2 * 1024 * 1024
"""Bytes; larger requests are refused, as the protocol's own limit has it."""
DEEPEST = 64
_NAMESPACE = "http://schemas.microsoft.com/sharepoint/clientquery/2009"


class QueryMalformedError(ValueError):
    """The body is no CSOM request."""


@dataclass(frozen=True)
class ObjectPath:
    """How an object comes to be: `Constructor`, or `Method` on another object."""

    id: int
    kind: str
    parent_id: int | None
    type_id: str
    name: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Action:
    """What to do with an object: `ObjectPath` (make it), `Query` (read it), `Method` (call it)."""

    id: int
    kind: str
    path_id: int
    name: str
    parameters: tuple[str, ...]
    selected: tuple[str, ...] | None
    """Of a query: the named properties; None for all scalar ones."""


@dataclass(frozen=True)
class Query:
    """One request: the actions in their order, the object paths by id."""

    actions: tuple[Action, ...]
    paths: dict[int, ObjectPath]


def _parsed(body: bytes) -> Element:
    """The document's root element, tag names without their namespace."""
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = 0

    def refuse(*_: object) -> None:
        raise QueryMalformedError("a document type is not allowed")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise QueryMalformedError("the document is nested too deep")
        namespace, _, name = tag.rpartition(" ")
        if namespace != _NAMESPACE:
            raise QueryMalformedError(f"the element {name} is not of {_NAMESPACE}")
        builder.start(name, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag.rpartition(" ")[2])

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError) as error:
        raise QueryMalformedError(f"the document is not well formed: {error}") from error
    return builder.close()


def _number(element: Element, name: str) -> int:
    text = element.get(name, "")
    if not text.lstrip("-").isdecimal():
        raise QueryMalformedError(f"{element.tag} has no number {name}")
    return int(text)


def _parameters(element: Element) -> tuple[str, ...]:
    """The values as text; a null is empty text, arrays are joined by `|` as multi-values are."""
    found = []
    for parameter in element.iterfind("Parameters/Parameter"):
        parts = [part.text or "" for part in parameter]
        found.append("|".join(parts) if parts else parameter.text or "")
    return tuple(found)


def _selected(element: Element) -> tuple[str, ...] | None:
    query = element.find("Query")
    if query is None or query.get("SelectAllProperties", "").lower() == "true":
        return None
    return tuple(part.get("Name", "") for part in query.iterfind("Properties/Property"))


def read(body: bytes) -> Query:
    """The request in the body. Raises `QueryMalformedError`.

    `SchemaVersion`, `LibraryVersion`, `ApplicationName` and the rest of the attributes may be anything: published
    clients send many.
    """
    if len(body) > LARGEST:
        raise QueryMalformedError(
            f"The request message is too big. The server does not allow messages larger than {LARGEST} bytes."
        )
    root = _parsed(body)
    if root.tag != "Request":
        raise QueryMalformedError("the document is no Request")
    actions = [
        Action(
            _number(element, "Id"),
            element.tag,
            _number(element, "ObjectPathId"),
            element.get("Name", ""),
            _parameters(element),
            _selected(element),
        )
        for element in root.iterfind("Actions/*")
    ]
    paths = [
        ObjectPath(
            _number(element, "Id"),
            element.tag,
            _number(element, "ParentId") if element.get("ParentId") else None,
            element.get("TypeId", "").lower(),
            element.get("Name", ""),
            _parameters(element),
        )
        for element in root.iterfind("ObjectPaths/*")
    ]
    return Query(tuple(actions), {path.id: path for path in paths})
