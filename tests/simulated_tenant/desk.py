"""Asks the simulated Graph and Entra through the dispatcher, without a socket: address in, answer out."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from simulated_tenant import pictures, tokens
from simulated_tenant.control import Control, World
from simulated_tenant.dispatch import Dispatcher
from simulated_tenant.http_server import Request
from simulated_tenant.notifications import Notifier
from simulated_tenant.outbound import Internet, Sent
from simulated_tenant.running import ROUTES
from simulated_tenant.seed import new_tenant
from simulated_tenant.services import all_services
from simulated_tenant.state import App, Tenant, User
from simulated_tenant.wire import Answer, Reply
from tests.pictures import jpeg

GRAPH = "https://graph.microsoft.com/v1.0"
ROLES = ("User.Read.All", "ProfilePhoto.Read.All", "GroupMember.Read.All", "Sites.Read.All")


@dataclass
class Receivers(Internet):
    """Other people's servers, at the network's edge: answers as told, and remembers what came."""

    got: list[tuple[str, bytes]] = field(default_factory=list)
    answers: list[Sent] = field(default_factory=list)
    """For the next POSTs that are no handshakes, in order; 202 when there are none left."""
    handshake: Sent | None = None
    """Instead of the token echoed."""

    async def post(self, url: str, body: bytes, content_type: str, seconds: float) -> Sent:
        """A POST that goes nowhere."""
        del content_type, seconds
        await asyncio.sleep(0)
        self.got.append((url, body))
        if "validationToken=" in url:
            token = unquote(url.partition("validationToken=")[2])
            return self.handshake or Sent(200, token, "text/plain", 1.0)
        return self.answers.pop(0) if self.answers else Sent(202, "", "", 1.0)


@dataclass
class Desk:
    """A tenant with one app, whose token goes with every request."""

    tenant: Tenant = field(default_factory=new_tenant)
    roles: Sequence[str] = ROLES

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(self.tenant, all_services())
        self.receivers = Receivers()
        self.tenant.internet = self.receivers
        self.notifier = Notifier(self.tenant)
        self.control_api = Control(World(self.tenant, self.dispatcher, self.notifier), ROUTES)
        self.app = App("22222222-2222-4222-8222-222222222222", roles={"graph": list(self.roles)})
        self.tenant.apps[self.app.client_id] = self.app

    def token(self, audience: str = "https://graph.microsoft.com") -> str:
        """An access token with the app's present roles."""
        return tokens.issue(self.tenant, self.app, audience, appidacr="2", roles=self.app.roles.get("graph", []))

    def people(self, count: int) -> list[User]:
        """So many users, without photos."""
        users = [User(f"person{number}@contoso.com", f"Person {number}") for number in range(count)]
        self.tenant.users.update({user.id: user for user in users})
        return users

    def person_with_photo(self, width: int = 360, height: int = 360) -> User:
        """One more user, with a photo."""
        user = User(f"photo{len(self.tenant.users)}@contoso.com", "With Photo")
        user.photo = pictures.photo_of(jpeg(width, height), "image/jpeg", self.tenant.now())
        self.tenant.users[user.id] = user
        return user

    def reply(
        self, method: str, url: str, value: Any = None, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Reply:
        """What happens to a request; `url` may be relative to Graph's root."""
        return asyncio.run(self.serve(method, url, value, headers, body))

    async def serve(
        self, method: str, url: str, value: Any = None, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Reply:
        """The same, inside a running loop."""
        parts = urlsplit(url if url.startswith("https://") else GRAPH + url)
        sent = {"host": parts.netloc, "authorization": f"Bearer {self.token()}"} | dict(headers or {})
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        content = body if value is None else json.dumps(value).encode()
        return await self.dispatcher.serve(Request(method, target, sent, content))

    def ask(
        self, method: str, url: str, value: Any = None, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """The answer to a request that nothing happens to."""
        return self.reply(method, url, value, headers, body).answer

    def get(self, url: str, **headers: str) -> Any:
        """The JSON of a GET that succeeds."""
        answer = self.ask("GET", url, headers=headers)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def error(self, method: str, url: str, value: Any = None, **headers: str) -> tuple[int, str]:
        """Status and Graph's error code of a request that is refused."""
        answer = self.ask(method, url, value, headers)
        return answer.status, json.loads(answer.body)["error"]["code"]

    def control(self, method: str, path: str, value: Any = None, body: bytes = b"") -> tuple[int, Any]:
        """Status and JSON of a call of the control API."""
        content = body if value is None else json.dumps(value).encode()
        reply = asyncio.run(self.control_api.serve(Request(method, path, {}, content)))
        kind = reply.answer.headers.get("content-type", "")
        return reply.answer.status, json.loads(reply.answer.body) if "json" in kind else reply.answer.body

    def violations(self) -> list[str]:
        """The kinds of the violations so far."""
        return [violation.kind for violation in self.tenant.journal.violations]


def header(answer: Answer, name: str) -> str | None:
    """A header of an answer, without regard to case."""
    return {key.lower(): value for key, value in answer.headers.items()}.get(name.lower())
