"""Making an answer safe to paste into a ticket. Pure.

Findings are made of words of our own and of codes. This is the second net: whatever looks like a person, a token or an
id that is not known to be harmless is taken out, and so is every secret among the settings. The tenant's id, the app's
own ids and host names stay: they name no person, and nobody can help without them.
"""

import re
from collections.abc import Iterable

HIDDEN = "…"
_ADDRESS = re.compile(r"[^\s\"'<>|(),;:=/\\]+(?:@|%40)[^\s\"'<>|(),;:=/\\]+", re.IGNORECASE)
_TOKEN = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}")
_KEY = re.compile(
    r"\b(AccountKey|SharedAccessSignature|sig|code|secret|password|client_assertion)=[^\s;&\"']+", re.IGNORECASE
)
_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_REQUEST_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class Hider:
    """Takes out what nobody else should read."""

    def __init__(self, secrets: Iterable[str], harmless: Iterable[str]) -> None:
        """`secrets`: texts that never appear; `harmless`: ids that may."""
        self._secrets = sorted((secret for secret in secrets if len(secret) >= 4), key=len, reverse=True)
        self._harmless = {one.lower() for one in harmless}

    def clean(self, text: str) -> str:
        """The text without them."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        for pattern in (_TOKEN, _ADDRESS):
            text = pattern.sub(HIDDEN, text)
        text = _KEY.sub(rf"\1={HIDDEN}", text)
        return _ID.sub(lambda found: found[0] if found[0].lower() in self._harmless else HIDDEN, text)

    def request_id(self, text: str) -> str:
        """Microsoft's request id, if it is one: it names a request, not a person."""
        return text if _REQUEST_ID.fullmatch(text) and text not in self._secrets else ""
