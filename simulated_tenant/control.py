"""The frame of the control API: plain HTTP on loopback, for tests and people to set the tenant up and look into it."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from simulated_tenant.dispatch import Dispatcher, received_from
from simulated_tenant.http_server import Request
from simulated_tenant.notifications import Notifier
from simulated_tenant.state import Tenant, User
from simulated_tenant.wire import Answer, Pending, Received, Refused, Reply


@dataclass(frozen=True)
class World:
    """All that the control API can reach."""

    tenant: Tenant
    dispatcher: Dispatcher
    notifier: Notifier


class Problem(Exception):  # noqa: N818 - it is an answer: what the caller of the control API should do differently
    """The control API cannot do what was asked; the text says why, and what to do."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Asked:
    """One request to the control API."""

    received: Received
    groups: Mapping[str, str]

    def fields(self, *known: str) -> dict[str, Any]:
        """The body as an object; raises `Problem` when it is none or has a field that is not in `known`."""
        return fields_of(self.json(), *known)

    def json(self) -> Any:
        """The body as JSON, `{}` when there is none."""
        if not self.received.body:
            return {}
        try:
            return self.received.json()
        except ValueError as error:
            raise Problem(f"The body is no JSON: {error}.") from error

    def flag(self, name: str) -> bool:
        """Whether the query says `name=true`."""
        return self.received.query.get(name, "").lower() in {"true", "1"}


def fields_of(value: Any, *known: str) -> dict[str, Any]:
    """`value` as an object that has only fields in `known`; raises `Problem`."""
    if not isinstance(value, dict):
        raise Problem(f"A JSON object is wanted, with the fields {', '.join(known)}.")
    strange = sorted(set(value) - set(known))
    if strange:
        raise Problem(f"Unknown field {', '.join(strange)}. Known: {', '.join(known)}.")
    return value


Handle = Callable[[World, Asked], Answer]


@dataclass(frozen=True)
class Route:
    """One call of the control API. The first line of the handler's docstring describes it."""

    method: str
    path: str
    """Segments in braces are groups: `/users/{user}/photo`."""
    handle: Handle

    def match(self, path: str) -> dict[str, str] | None:
        """The groups, when the path is this route's."""
        wanted, given = self.path.split("/"), path.rstrip("/").split("/")
        if len(wanted) != len(given):
            return None
        groups: dict[str, str] = {}
        for pattern, segment in zip(wanted, given, strict=True):
            if pattern.startswith("{"):
                groups[pattern[1:-1]] = unquote(segment)
            elif pattern != segment:
                return None
        return groups


class Routes:
    """A table of control calls, filled by decorators."""

    def __init__(self) -> None:
        self.all: list[Route] = []

    def add(self, method: str, path: str) -> Callable[[Handle], Handle]:
        """Declare the decorated handler for method and path."""

        def declare(handle: Handle) -> Handle:
            self.all.append(Route(method, path, handle))
            return handle

        return declare


def done(value: Any = None, status: int = 200) -> Answer:
    """The usual answer."""
    return Answer.of_json(status, {"ok": True} if value is None else value)


def user_of(world: World, asked: Asked) -> User:
    """The user that the path names by id or UPN; raises `Problem` 404."""
    return find_user(world.tenant, asked.groups["user"])


def find_user(tenant: Tenant, key: str) -> User:
    """The user with this id or UPN; raises `Problem` 404."""
    user = tenant.find_user(key)
    if user is None:
        raise Problem(f"No user {key!r}. GET /users lists them.", 404)
    return user


class Control:
    """Serves the control API."""

    def __init__(self, world: World, routes: list[Route]) -> None:
        self._world = world
        self._routes = routes

    async def serve(self, request: Request) -> Reply:
        """Answer one request."""
        received = received_from(request, self._world.tenant.now())
        try:
            return Reply(await self._answer(received))
        except Problem as problem:
            return Reply(Answer.of_json(problem.status, {"error": str(problem)}))
        except Refused as refused:
            return Reply(refused.answer)
        except Exception as error:  # noqa: BLE001 - whoever asked must learn of it, and the process must live on
            traceback.print_exc()
            return Reply(Answer.of_json(500, {"error": f"A defect of the simulated tenant: {error!r}"}))

    async def _answer(self, received: Received) -> Answer:
        others = set()
        for route in self._routes:
            groups = route.match(received.path)
            if groups is None:
                continue
            if route.method == received.method:
                answer = route.handle(self._world, Asked(received, groups))
                return await answer.finish() if isinstance(answer, Pending) else answer
            others.add(route.method)
        if others:
            raise Problem(f"{received.path} takes {', '.join(sorted(others))}, not {received.method}.", 405)
        known = sorted({f"{route.method} {route.path}" for route in self._routes})
        raise Problem(f"{received.path} is no path of the control API. Known: {'; '.join(known)}.", 404)
