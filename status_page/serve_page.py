"""The page that anyone may have: the shell, which holds no data, and the files that it needs."""

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import azure.functions as func

from shared.failures import FailureCode
from shared.setting_values import SignIn
from shared.settings import VERSION
from shared.who_gets_in import SIGN_IN_PATH, SIGN_OUT_PATH
from shared.words import UserState
from status_page import actions, say
from status_page.health_line import NAMES, Level

_FOLDER = Path(__file__).parent
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """One file that the shell needs."""

    content: bytes
    digest: str
    kind: str

    @property
    def version(self) -> str:
        """Stands in the file's name, so that a browser may keep it for ever."""
        return self.digest[:12]


class Page:
    """The page of one process."""

    def __init__(self) -> None:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        self._assets = _read_assets()
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            say=say,
            version=VERSION,
            asset=self.address_of,
            states=UserState,
            levels=Level,
            names=NAMES,
            code_of=FailureCode.read,
            actions=actions,
        )

    def shell(self, sign_in: SignIn) -> func.HttpResponse:
        """The page without any data; it asks for a key, or for signing in."""
        headers = {**HEADERS, "Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return func.HttpResponse(
            self.render("shell.html", sign_in=sign_in, sign_in_path=SIGN_IN_PATH, sign_out_path=SIGN_OUT_PATH),
            mimetype="text/html",
            charset="utf-8",
            headers={**headers, "Vary": "Accept"},
        )

    def asset(self, name: str) -> func.HttpResponse:
        """One of its files; an old name gets the present content, which is then not kept."""
        stem, _, rest = name.partition(".")
        version, _, ending = rest.rpartition(".")
        found = self._assets.get(f"{stem}.{ending}")
        if found is None:
            return func.HttpResponse("There is no such file.", status_code=HTTPStatus.NOT_FOUND, headers=HEADERS)
        cache = _FOR_EVER if version == found.version else "no-cache"
        headers = {**HEADERS, "Cache-Control": cache, "ETag": f'"{found.version}"'}
        return func.HttpResponse(found.content, mimetype=found.kind, charset="utf-8", headers=headers)

    def address_of(self, name: str) -> str:
        """Where the browser finds an asset."""
        stem, _, ending = name.partition(".")
        return f"/api/dashboard/assets/{stem}.{self._assets[name].version}.{ending}"

    def render(self, template: str, **values: Any) -> str:
        """A template as HTML."""
        return self._templates.get_template(template).render(**values)


def _read_assets() -> dict[str, Asset]:
    found = {}
    for file in sorted((_FOLDER / "assets").iterdir()):
        if file.suffix in _KINDS:
            content = file.read_bytes()
            found[file.name] = Asset(content, hashlib.sha256(content).hexdigest(), _KINDS[file.suffix])
    return found
