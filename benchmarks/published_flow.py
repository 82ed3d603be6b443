"""What published scripts do, written plainly with `requests`: one user after another, one call for each thing.

Metadata, the photo's bytes, three uploads, and one PeopleManager call for each property. Everything that is not that
has been left out, to its advantage: no listing, no retries, no waiting between users, connections kept.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import quote

import msal
import requests
from PIL import Image

from shared.picture_names import LIBRARY
from tests.certificates import KeyPair

GRAPH = "https://graph.microsoft.com"
MY = "https://contoso-my.sharepoint.com"
ADMIN = "https://contoso-admin.sharepoint.com"
FOLDER = "Profile Pictures"
_SIZES = (("SThumb", 48), ("MThumb", 72), ("LThumb", 300))
_TIMEOUT = 30


@dataclass(frozen=True)
class Person:
    """One user, as a script knows them from its list."""

    id: str
    upn: str


class PublishedFlow:
    """A script's run."""

    def __init__(self, tenant_id: str, client_id: str, key: KeyPair) -> None:
        self._app: Any = msal.ConfidentialClientApplication(
            client_id,
            authority=f"https://login.microsoftonline.com/{tenant_id}",
            client_credential={"private_key": key.key, "public_certificate": key.certificate},
        )
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "NONISV|Contoso|PublishedFlow/1.0"
        self.seconds: list[float] = []
        """What each request has taken, as a plain client sees it."""
        self._tokens = {host: self._token(host) for host in (GRAPH, MY, ADMIN)}

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def copy(self, people: Sequence[Person]) -> None:
        """Copy everybody's photo; raises `requests.HTTPError` on any refusal."""
        for person in people:
            self._copy_one(person)

    def _copy_one(self, person: Person) -> None:
        self._call("GET", GRAPH, f"/v1.0/users/{person.id}/photo")
        photo = self._call("GET", GRAPH, f"/v1.0/users/{person.id}/photo/$value").content
        base = person.upn.replace("@", "_").replace(".", "_")
        folder = quote(f"{LIBRARY}/{FOLDER}", safe="")
        for size, side in _SIZES:
            path = f"/_api/web/GetFolderByServerRelativePath(DecodedUrl='{folder}')/Files"
            add = f"{path}/AddUsingPath(DecodedUrl='{base}_{size}.jpg',Overwrite=true)"
            self._call("POST", MY, add, data=_resized(photo, side))
        properties = {
            "PictureURL": f"{MY}/User%20Photos/Profile%20Pictures/{base}_MThumb.jpg",
            "SPS-PicturePlaceholderState": "0",
            "SPS-PictureExchangeSyncState": "0",
        }
        for name, value in properties.items():
            body = {"accountName": f"i:0#.f|membership|{person.upn}", "propertyName": name, "propertyValue": value}
            self._call("POST", ADMIN, "/_api/SP.UserProfiles.PeopleManager/SetSingleValueProfileProperty", json=body)

    def _call(self, method: str, host: str, path: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._tokens[host]}", "Accept": "application/json;odata=nometadata"}
        started = time.perf_counter()
        answer = self._session.request(method, host + path, headers=headers, timeout=_TIMEOUT, **more)
        self.seconds.append(time.perf_counter() - started)
        answer.raise_for_status()
        return answer

    def _token(self, host: str) -> str:
        return str(self._app.acquire_token_for_client([f"{host}/.default"])["access_token"])


def _resized(photo: bytes, side: int) -> bytes:
    file = BytesIO()
    with Image.open(BytesIO(photo)) as picture:
        picture.resize((side, side)).save(file, "JPEG")
    return file.getvalue()
