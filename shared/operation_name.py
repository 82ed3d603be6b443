"""What a request is called where people may read it: its address without anything that could name a person."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_QUOTED = re.compile(r"'(?:[^']|'')*'")
_PLAIN = re.compile(r"_?[A-Za-z$]{1,60}|v\d\.\d|_vti_bin|client\.svc")
"""A part of a path that the services' own makers named; ids, names, file names and addresses look different."""
_CALL = re.compile(r"(_?[A-Za-z.$]{1,80})\(.*\)")
_HIDDEN = "{}"


@dataclass(frozen=True)
class Operation:
    """One kind of request."""

    host: str
    path: str
    """Such as `/v1.0/users/{}/photo/$value`."""

    @property
    def url(self) -> str:
        """With the host, which is the service's or the tenant's."""
        return f"https://{self.host}{self.path}"


def operation_of(url: str) -> Operation:
    """The kind of request that goes to this address; the query is left out. Pure."""
    parts = urlsplit(url)
    path = _QUOTED.sub("", unquote(parts.path))
    return Operation(parts.netloc, "/".join(_shown(part) for part in path.split("/")))


def _shown(part: str) -> str:
    if not part or _PLAIN.fullmatch(part):
        return part
    call = _CALL.fullmatch(part)
    return f"{call[1]}({_HIDDEN})" if call else _HIDDEN
