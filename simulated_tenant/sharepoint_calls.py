"""One call of SharePoint's REST interface on its way to the function that serves it.

`serve` declares the function under the operation's name and wraps it: roles are demanded first, refusals come back in
the shape that the caller asked for.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulated_tenant.clouds import SHAREPOINT_HOSTS
from simulated_tenant.sharepoint_access import Need, claims_of, demand, host_part
from simulated_tenant.sharepoint_errors import SharePointError, invalid_query
from simulated_tenant.sharepoint_formats import (
    Entity,
    Format,
    entities_answer,
    entity_answer,
    format_of,
    value_answer,
)
from simulated_tenant.sharepoint_paths import PathMalformedError, Segment, plain_syntax, segments
from simulated_tenant.state import Geo, Tenant
from simulated_tenant.tokens import Claims
from simulated_tenant.wire import Answer, Operation, Operations, Received

LIBRARY_VERSION = "16.0.26002.12010"
"""What SharePoint calls its own version, in form digests and in ProcessQuery."""

_CLAUSE = re.compile(r"\s*(\w+)\s+(eq|ne)\s+(?:'((?:''|[^'])*)'|(true|false|\d+))\s*", re.IGNORECASE)


class SharePointOperations(Operations):
    """The table of operations. Two things of SharePoint's come before the match.

    Quotes, parentheses and the like mean the same percent-encoded or plain. `X-HTTP-Method` on a POST is the method.
    """

    def find(self, received: Received) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation that serves the request, with the groups of its path in plain syntax."""
        method = received.method
        if method == "POST":
            method = received.headers.get("x-http-method", method).upper()
        return super().find(replace(received, method=method, path=plain_syntax(received.path)))

    def knows_path(self, path: str) -> bool:
        """Whether some operation serves the path, if with another method."""
        return super().knows_path(plain_syntax(path))


@dataclass(frozen=True)
class Call:
    """One request to `/_api`, read."""

    tenant: Tenant
    received: Received
    claims: Claims
    geo: Geo
    place: str
    """`my`, `admin` or empty for the root host."""
    shape: Format
    groups: Mapping[str, str]

    @property
    def site(self) -> str:
        """The address of the site without a slash at the end."""
        return f"https://{self.received.host}"

    @property
    def base(self) -> str:
        """The address that entities' addresses stand below."""
        return f"{self.site}/_api/"

    def steps(self, group: str) -> list[Segment]:
        """The steps of the address in the named group of the path, aliases resolved from the query."""
        return segments(self.groups[group], self.received.query)

    def one(self, entity: Entity) -> Answer:
        """The answer with one entity, cut down to `$select`."""
        wanted = self._selected(entity)
        return entity_answer(wanted, self.shape, self.base)

    def many(self, entities: list[Entity], kind: str) -> Answer:
        """The answer with a collection, after `$filter`, `$skip`, `$top` and `$select`."""
        found = [entity for entity in entities if self._kept(entity)]
        found = found[self._count("$skip", 0) :][: self._count("$top", len(found))]
        return entities_answer([self._selected(entity) for entity in found], kind, self.shape, self.base)

    def value(self, name: str, value: Any) -> Answer:
        """The answer with what a method or property gives; None is a null object, or nothing at all."""
        return value_answer(name, value, self.shape, self.base)

    def _count(self, option: str, default: int) -> int:
        text = self.received.query.get(option, str(default))
        if not text.isdecimal():
            raise invalid_query(f"The query option {option}={text} is not valid.")
        return int(text)

    def _selected(self, entity: Entity) -> Entity:
        expanded = {name.strip().lower() for name in self.received.query.get("$expand", "").split(",")} - {""}
        if expanded:
            raise invalid_query(f"The query option $expand={','.join(sorted(expanded))} is not supported here.")
        names = [name.strip() for name in self.received.query.get("$select", "*").split(",")]
        if "*" in names:
            return entity
        known = {name.lower(): name for name in entity.properties}
        links = {name.lower() for name in entity.links}
        for name in names:
            if name.lower() not in known and name.partition("/")[0].lower() not in links:
                raise invalid_query(f"The field or property '{name}' does not exist.")
        chosen = [known[name.lower()] for name in names if name.lower() in known]
        return replace(entity, properties={name: entity.properties[name] for name in chosen}, links=())

    def _kept(self, entity: Entity) -> bool:
        """Whether the entity passes `$filter`: comparisons by `eq` and `ne`, joined by `and`."""
        text = self.received.query.get("$filter", "")
        at = 0
        while at < len(text):
            match = _CLAUSE.match(text, at)
            if match is None:
                raise invalid_query(f"The expression {text!r} is not valid.")
            name, comparison, quoted, bare = match.groups()
            known = {key.lower(): value for key, value in entity.properties.items()}
            if name.lower() not in known:
                raise invalid_query(f"The field or property '{name}' does not exist.")
            wanted = bare.lower() if quoted is None else quoted.replace("''", "'").lower()
            if (str(known[name.lower()]).lower() == wanted) != (comparison.lower() == "eq"):
                return False
            at = match.end()
            if at < len(text):
                joint = re.compile(r"and\s+", re.IGNORECASE).match(text, at)
                if joint is None:
                    raise invalid_query(f"The expression {text!r} is not valid.")
                at = joint.end()
        return True


Serve = Callable[[Call], Answer]


def read_call(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Call:
    """What a request says before it is known what it wants."""
    claims = claims_of(tenant, received)
    name = host_part(tenant, received.host)
    place = next((place for place in ("my", "admin") if name.endswith(f"-{place}")), "")
    geo_name = name.removesuffix(f"-{place}") if place else name
    geo = next((geo for geo in tenant.geos if geo.name.lower() == geo_name), None)
    if geo is None:
        raise SharePointError(
            404, -1, "System.IO.FileNotFoundException", f"There is no site at https://{received.host}."
        )
    return Call(tenant, received, claims, geo, place, format_of(received.headers.get("accept", "")), groups)


def new_operations() -> SharePointOperations:
    """An empty table for SharePoint's hosts."""
    return SharePointOperations(SHAREPOINT_HOSTS)


def serve(operations: Operations, name: str, methods: str, path: str, need: Need) -> Callable[[Serve], Serve]:
    """Declare the decorated function as the operation `name`, for each of the `methods` (parted by spaces)."""

    def declare(function: Serve) -> Serve:
        def handle(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
            try:
                call = read_call(tenant, received, groups)
                demand(tenant, received, call.claims, need)
                return function(call)
            except SharePointError as error:
                return error.as_answer(format_of(received.headers.get("accept", "")))
            except PathMalformedError as error:
                return invalid_query(str(error)).as_answer(format_of(received.headers.get("accept", "")))

        for method in methods.split():
            operations.add(name, method, path)(handle)
        return function

    return declare
