"""Asks the simulated SharePoint directly, as the dispatcher would: address in, answer out, nothing on the wire."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from simulated_tenant import sharepoint, tokens
from simulated_tenant.seed import new_tenant
from simulated_tenant.state import App, Geo, Tenant, User
from simulated_tenant.wire import Answer, Received, Refused

NOMETADATA = "application/json;odata=nometadata"
VERBOSE = "application/json;odata=verbose"
MINIMAL = "application/json;odata=minimalmetadata"
EVERYTHING = ("Sites.FullControl.All", "User.ReadWrite.All")
MY, ADMIN = "https://contoso-my.sharepoint.com", "https://contoso-admin.sharepoint.com"
PEOPLE = f"{ADMIN}/_api/SP.UserProfiles.PeopleManager"
PICTURES = "/User Photos/Profile Pictures"


def literal(text: str) -> str:
    """A string in an address: quotes doubled, everything percent-encoded."""
    return quote(text.replace("'", "''"), safe="")


def folder_address(path: str = PICTURES) -> str:
    """A folder, in the form that takes every name."""
    return f"{MY}/_api/web/GetFolderByServerRelativePath(DecodedUrl='{literal(path)}')"


def file_address(path: str) -> str:
    """A file, in the form that takes every name."""
    return f"{MY}/_api/web/GetFileByServerRelativePath(DecodedUrl='{literal(path)}')"


@dataclass
class Desk:
    """A tenant with an app that may do everything, unless the test says otherwise."""

    tenant: Tenant = field(default_factory=new_tenant)
    roles: tuple[str, ...] = EVERYTHING
    appidacr: str = tokens.CERTIFICATE
    audience: str | None = None
    """Of the token; None: the host that is asked."""
    operation: str = ""
    """Name of the operation that served last."""
    violation: tuple[str, str] | None = None
    """Kind and sentence of the violation that came with the last answer."""

    @property
    def geo(self) -> Geo:
        """The central geo."""
        return self.tenant.geos[0]

    def person(self, upn: str = "a.b@contoso.com", name: str = "A B", **more: Any) -> User:
        """A new person in the directory."""
        user = User(upn, name, mail=upn, **more)
        self.tenant.users[user.id] = user
        return user

    def ask(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        accept: str = NOMETADATA,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        """One request; refusals come back as answers. An empty `token` sends none."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if token is None:
            app = self.tenant.apps.setdefault("the-app", App("the-app"))
            audience = self.audience or f"https://{host}"
            token = tokens.issue(self.tenant, app, audience, appidacr=self.appidacr, roles=list(self.roles))
        bearer = {"authorization": f"Bearer {token}"} if token else {}
        given = {"accept": accept} | bearer | dict(headers or {})
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        received = Received(method, host, parts.path, query, given, body, self.tenant.now())
        self.violation = None
        try:
            sharepoint.authorize(self.tenant, received)
            found = sharepoint.OPERATIONS.find(received)
            self.operation = found[0].name if found else "unknown"
            if found is None:
                answer = sharepoint.unknown_path(self.tenant, received)
            else:
                answer = found[0].handle(self.tenant, received, found[1])
        except Refused as refused:
            answer = refused.answer
            self.violation = (refused.kind, refused.violation) if refused.violation else None
        return sharepoint.finish(self.tenant, received, answer)

    def get(self, url: str, accept: str = NOMETADATA) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.ask("GET", url, accept=accept)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def post(self, url: str, value: Any = None, *, body: bytes = b"", accept: str = NOMETADATA) -> Any:
        """The JSON of a POST that must succeed; `value` is sent as JSON."""
        headers = {} if value is None else {"content-type": "application/json;odata=verbose"}
        sent = body if value is None else json.dumps(value).encode()
        answer = self.ask("POST", url, body=sent, accept=accept, headers=headers)
        assert answer.status == 200, answer.body
        return json.loads(answer.body) if answer.body else None

    def upload(self, name: str, content: bytes = b"picture", *, folder: str = PICTURES, overwrite: bool = True) -> Any:
        """Upload in the ResourcePath form."""
        call = f"/Files/AddUsingPath(DecodedUrl='{literal(name)}',Overwrite={str(overwrite).lower()})"
        return self.post(folder_address(folder) + call, body=content)

    def set_property(self, user: User, name: str, value: str) -> Any:
        """Write one profile property over REST."""
        account = f"i:0#.f|membership|{user.upn}"
        fields = {"accountName": account, "propertyName": name, "propertyValue": value}
        return self.post(f"{PEOPLE}/SetSingleValueProfileProperty", fields)

    def person_properties(self, user: User, accept: str = NOMETADATA) -> Any:
        """GetPropertiesFor."""
        account = literal(f"i:0#.f|membership|{user.upn}")
        return self.get(f"{PEOPLE}/GetPropertiesFor(accountName=@v)?@v='{account}'", accept)


def error_of(answer: Answer) -> tuple[int, str]:
    """Status and code of an error in the nometadata form."""
    return answer.status, json.loads(answer.body)["odata.error"]["code"]
