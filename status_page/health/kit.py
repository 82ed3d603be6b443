"""What the checks work with: connections and tokens of their own, gates shared with everybody, and what they learn.

The tokens are fresh in every run, since a token carries the permissions of the moment it was made, and whoever has just
granted one wants to see it count. The gates are those of all instances: who must not be called is not called.
"""

import base64
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from shared.caller import Caller, TokenSource
from shared.control import Control
from shared.failures import Failure, FailureCode
from shared.gates import Gates, Service
from shared.graph import Graph, GraphUser
from shared.picture_names import Hosts
from shared.services import Services
from shared.sessions import pooled_session
from shared.sharepoint import SharePoint
from shared.status import StatusTable
from shared.tokens import Tokens
from shared.words import UserState

PATIENCE = timedelta(seconds=20)
"""No check begins a call after so long."""
OVERALL = timedelta(seconds=90)
"""Nor does any check of one run."""
_ROWS = 20


@dataclass(frozen=True)
class Person:
    """Whom the checks look at. Nothing of it is ever told."""

    key: str
    """What Graph finds the person by."""
    upn: str
    hosts: Hosts
    is_test_user: bool = False


@dataclass(frozen=True)
class Claims:
    """What a token says of itself."""

    audience: str
    roles: frozenset[str]
    principal: str
    """Object id of the app's own service principal."""


@dataclass(frozen=True)
class SeenDate:
    """A moment that somebody else's clock told, beside our own clock's."""

    theirs: datetime
    ours: datetime


@dataclass
class Learned:
    """What checks tell the ones after them; written by one thread each."""

    dates: dict[str, SeenDate] = field(default_factory=dict)
    """By the name of who told it."""
    claims: dict[str, Claims] = field(default_factory=dict)
    """By host, of tokens that can be used."""
    folders: dict[str, list[str]] = field(default_factory=dict)
    """Folders of the picture library, by My Site host."""


class Kit:
    """The things that one run of the checks uses; safe for its threads."""

    def __init__(self, services: Services, tokens: TokenSource | None = None) -> None:
        self.services = services
        self.settings = services.settings
        self.clock = services.clock
        self.storage = services.watched_storage
        self.control = Control(self.storage)
        self.tokens: TokenSource = tokens or Tokens(self.settings)
        self.learned = Learned()
        self._gates = Gates(self.control)
        self._end = self.clock.now() + OVERALL
        self._session = pooled_session(connections=8)
        self._session.hooks["response"].append(self._note_date)
        self._finding_person = threading.Lock()
        self._person: list[Person | None] = []

    @property
    def central(self) -> Hosts:
        """The hosts of the tenant's central location."""
        return self.hosts(self.settings.sharepoint_name)

    def hosts(self, name: str) -> Hosts:
        """The hosts of one of the tenant's locations."""
        return Hosts.of(name, self.settings.cloud.endpoints.sharepoint_suffix)

    def caller(self, give_up_at: datetime | None = None) -> Caller:
        """A caller for one check."""
        return Caller(
            self._session,
            self.tokens,
            gates=self._gates,
            clock=self.clock,
            user_agent=self.settings.user_agent,
            give_up_at=give_up_at or min(self.clock.now() + PATIENCE, self._end),
        )

    def graph(self) -> Graph:
        """Graph for one check."""
        return Graph(self.caller(), self.settings.cloud.endpoints.graph, self._gates, self.clock)

    def sharepoint(self, hosts: Hosts, give_up_at: datetime | None = None) -> SharePoint:
        """SharePoint for one check."""
        return SharePoint(self.caller(give_up_at), hosts)

    def claims_of(self, host: str) -> Claims:
        """A token for the host, got and read. Raises `Failure`: as from `Tokens`; AnswerNotUnderstood."""
        return _read_claims(self.tokens.get(f"https://{host}"))

    def test_user(self) -> GraphUser | None:
        """The test user as Graph knows them now; None when the setting is empty or names nobody. Raises `Failure`."""
        key = self.settings.test_user
        return self.graph().resolve([key])[key] if key else None

    def person(self) -> Person | None:
        """Somebody to look at: the test user, or somebody whose picture was copied, or whom Graph names first.

        None when there is nobody, or nobody can be found.
        """
        with self._finding_person:  # the first check that needs one looks for all
            if not self._person:
                self._person.append(self._find_person())
            return self._person[0]

    def _find_person(self) -> Person | None:
        from azure.core.exceptions import AzureError

        try:
            if found := self.test_user():
                return self.as_person(found, is_test_user=True)
        except Failure:
            pass  # the check of the permission says why
        try:
            for row in StatusTable(self.storage).page(UserState.IN_STEP, None, _ROWS):
                if row.upn and row.picture_url:
                    return Person(row.user_id, row.upn, self._hosts_of_picture(row.picture_url))
        except AzureError:
            pass  # so does the check of the tables
        try:
            users = self.graph().users_page(None, size=1).users
        except Failure:
            return None
        return self.as_person(users[0]) if users else None

    def as_person(self, user: GraphUser, *, is_test_user: bool = False) -> Person:
        """A user of Graph's as somebody to look at."""
        name = self.settings.geos.get((user.data_location or "").upper(), self.settings.sharepoint_name)
        return Person(user.id, user.upn, self.hosts(name), is_test_user)

    def _hosts_of_picture(self, url: str) -> Hosts:
        known = [self.hosts(name) for name in (self.settings.sharepoint_name, *self.settings.geos.values())]
        return next((hosts for hosts in known if url.startswith(f"https://{hosts.my}/")), self.central)

    def note_date(self, who: str, text: str | None) -> None:
        """Remember a Date header."""
        try:
            theirs = parsedate_to_datetime(text or "")
        except ValueError:
            return
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        self.learned.dates[who] = SeenDate(theirs, self.clock.now())

    def _note_date(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """A refusal tells the time as well as anything."""
        at_graph = response.url.startswith(f"https://{self.settings.cloud.endpoints.graph}/")
        self.note_date(Service.GRAPH if at_graph else Service.SHAREPOINT, response.headers.get("Date"))


def _read_claims(token: str) -> Claims:
    """A token's claims, unverified: only to show them. Who may do what is the services' own judgement.

    Source: Microsoft identity platform, "Access token claims reference": aud, roles, oid.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        roles = frozenset(str(role) for role in claims.get("roles", ()))
        return Claims(str(claims["aud"]), roles, str(claims.get("oid", "")))
    except (IndexError, ValueError, KeyError, TypeError, AttributeError):
        raise Failure(
            FailureCode.ANSWER_NOT_UNDERSTOOD, "a token whose claims cannot be read", service=Service.ENTRA
        ) from None
