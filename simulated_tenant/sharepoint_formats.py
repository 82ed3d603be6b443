"""The forms of SharePoint's REST answers: JSON with no, minimal or verbose metadata; Atom for who asks for no JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from simulated_tenant.wire import Answer

_DATA = "http://schemas.microsoft.com/ado/2007/08/dataservices"
_NAMESPACES = (
    f'xmlns="http://www.w3.org/2005/Atom" xmlns:d="{_DATA}" xmlns:m="{_DATA}/metadata" '
    'xmlns:georss="http://www.georss.org/georss" xmlns:gml="http://www.opengis.net/gml"'
)


class Format(Enum):
    """What the Accept header asked for; the value is the content type of the answer."""

    NOMETADATA = "application/json;odata=nometadata;streaming=true;charset=utf-8"
    MINIMAL = "application/json;odata=minimalmetadata;streaming=true;charset=utf-8"
    VERBOSE = "application/json;odata=verbose;charset=utf-8"
    ATOM = "application/atom+xml;type=entry;charset=utf-8"

    @property
    def content_type(self) -> str:
        """For the answer's header."""
        return self.value


def format_of(accept: str) -> Format:
    """The form that the Accept header asks for. Without JSON in it, SharePoint answers in Atom.

    >>> format_of("application/json; odata=verbose").name
    'VERBOSE'
    """
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        if kind == "application/json":
            level = next((value.partition("=")[2] for value in parameters if value.startswith("odata")), "")
            return {
                "nometadata": Format.NOMETADATA,
                "none": Format.NOMETADATA,
                "verbose": Format.VERBOSE,
            }.get(level.strip('"'), Format.MINIMAL)
    return Format.ATOM


@dataclass(frozen=True)
class Complex:
    """A value with properties but without an address."""

    kind: str
    """Type name such as `SP.KeyValue`."""
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Many:
    """A property with several values."""

    kind: str
    """Type name of the values: `Edm.String`, `SP.KeyValue`."""
    items: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Entity:
    """A thing with an address: a file, a folder, a person's properties."""

    kind: str
    address: str
    """Below `/_api/`."""
    properties: Mapping[str, Any]
    etag: str | None = None
    links: tuple[str, ...] = field(default=())
    """Names of what can be navigated to."""


def _plain(value: Any, shape: Format) -> Any:
    """A property's value as JSON has it in this form."""
    match value:
        case Complex(kind, properties):
            inner = {name: _plain(part, shape) for name, part in properties.items()}
            return {"__metadata": {"type": kind}, **inner} if shape is Format.VERBOSE else inner
        case Many(kind, items):
            inner_items = [_plain(item, shape) for item in items]
            if shape is Format.VERBOSE:
                return {"__metadata": {"type": f"Collection({kind})"}, "results": inner_items}
            return inner_items
        case _:
            return value


def _entity(entity: Entity, shape: Format, base: str) -> dict[str, Any]:
    properties = {name: _plain(value, shape) for name, value in entity.properties.items()}
    uri = f"{base}{entity.address}"
    if shape is Format.VERBOSE:
        metadata = {"id": uri, "uri": uri} | ({"etag": entity.etag} if entity.etag else {}) | {"type": entity.kind}
        deferred = {name: {"__deferred": {"uri": f"{uri}/{name}"}} for name in entity.links}
        return {"__metadata": metadata, **deferred, **properties}
    if shape is Format.MINIMAL:
        etag = {"odata.etag": entity.etag} if entity.etag else {}
        return {"odata.type": entity.kind, "odata.id": uri, **etag, "odata.editLink": entity.address, **properties}
    return properties


def _atom_value(name: str, value: Any) -> str:
    match value:
        case None:
            return f'<d:{name} m:null="true" />'
        case bool():
            return f'<d:{name} m:type="Edm.Boolean">{str(value).lower()}</d:{name}>'
        case int():
            return f'<d:{name} m:type="Edm.Int32">{value}</d:{name}>'
        case Complex(kind, properties):
            inner = "".join(_atom_value(key, part) for key, part in properties.items())
            return f"<d:{name} m:type={quoteattr(kind)}>{inner}</d:{name}>"
        case Many(kind, items):
            inner = "".join(_atom_value("element", item) for item in items)
            return f"<d:{name} m:type={quoteattr(f'Collection({kind})')}>{inner}</d:{name}>"
        case _:
            return f"<d:{name}>{escape(str(value))}</d:{name}>"


def _atom_entry(entity: Entity, base: str, namespaces: str) -> str:
    uri = escape(f"{base}{entity.address}")
    links = "".join(
        f'<link rel="{_DATA}/related/{name}" title="{name}" href={quoteattr(f"{entity.address}/{name}")} />'
        for name in entity.links
    )
    properties = "".join(_atom_value(name, value) for name, value in entity.properties.items())
    return (
        f'<entry {namespaces}><id>{uri}</id><category term="{entity.kind}" scheme="{_DATA}/scheme" />'
        f'<link rel="edit" href={quoteattr(entity.address)} />{links}<title />'
        f'<content type="application/xml"><m:properties>{properties}</m:properties></content></entry>'
    )


def _xml(body: str, kind: str) -> Answer:
    return Answer(200, f'<?xml version="1.0" encoding="utf-8"?>{body}'.encode(), {"content-type": kind})


def entity_answer(entity: Entity, shape: Format, base: str) -> Answer:
    """One entity; `base` is the site's `/_api/` address."""
    etag = {"etag": entity.etag} if entity.etag else {}
    if shape is Format.ATOM:
        return _xml(_atom_entry(entity, base, _NAMESPACES), shape.content_type)
    value: dict[str, Any] = _entity(entity, shape, base)
    if shape is Format.VERBOSE:
        value = {"d": value}
    elif shape is Format.MINIMAL:
        value = {"odata.metadata": f"{base}$metadata#{entity.kind}/@Element", **value}
    return Answer.of_json(200, value, etag, shape.content_type)


def entities_answer(entities: Iterable[Entity], kind: str, shape: Format, base: str) -> Answer:
    """A collection of entities."""
    if shape is Format.ATOM:
        entries = "".join(_atom_entry(entity, base, "") for entity in entities)
        return _xml(f"<feed {_NAMESPACES}><title />{entries}</feed>", "application/atom+xml;type=feed;charset=utf-8")
    values = [_entity(entity, shape, base) for entity in entities]
    if shape is Format.VERBOSE:
        return Answer.of_json(200, {"d": {"results": values}}, kind=shape.content_type)
    metadata = {"odata.metadata": f"{base}$metadata#{kind}"} if shape is Format.MINIMAL else {}
    return Answer.of_json(200, {**metadata, "value": values}, kind=shape.content_type)


def value_answer(name: str, value: Any, shape: Format, base: str) -> Answer:
    """What a method or a property gives: text, a number, a `Complex`, a `Many`, or None for a null object."""
    if shape is Format.ATOM:
        namespaces = f'xmlns:d="{_DATA}" xmlns:m="{_DATA}/metadata"'
        element = _atom_value(name, value).replace(f"<d:{name}", f"<d:{name} {namespaces}", 1)
        return _xml(element, "application/xml;charset=utf-8")
    if shape is Format.VERBOSE:
        return Answer.of_json(200, {"d": {name: _plain(value, shape)}}, kind=shape.content_type)
    metadata = {}
    if shape is Format.MINIMAL:
        metadata = {"odata.metadata": f"{base}$metadata#{'Edm.Null' if value is None else 'Edm.String'}"}
    if value is None:
        return Answer.of_json(200, {**metadata, "odata.null": True}, kind=shape.content_type)
    plain = _plain(value, shape)
    body = plain if isinstance(value, Complex) else {"value": plain}
    return Answer.of_json(200, {**metadata, **body}, kind=shape.content_type)
