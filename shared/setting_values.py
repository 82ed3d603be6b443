"""What a setting may say: its choices, and the forms that its text is held to. Pure."""

import re
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr


class Credential(StrEnum):
    """How the app signs in to Graph and SharePoint. There is no client secret: SharePoint refuses it."""

    MANAGED_IDENTITY = "managed_identity"
    CERTIFICATE = "certificate"
    FEDERATED = "federated"


class FileNaming(StrEnum):
    """What the picture files in SharePoint are named after."""

    OBJECT_ID = "object_id"
    UPN = "upn"


class ExchangeSyncState(StrEnum):
    """What is written to the profile property SPS-PictureExchangeSyncState."""

    LEAVE = "leave"
    OFF = "0"
    ON = "1"


class SignIn(StrEnum):
    """How people are let in to the page and the API."""

    FUNCTION_KEY = "function_key"
    ENTRA = "entra"


class RemovedPhoto(StrEnum):
    """What becomes of the target when the source is gone."""

    CLEAR = "clear"
    KEEP = "keep"


def https_origin(url: str) -> str:
    """`https://host[:port]` of an address without a path."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be an https address without a path, as Graph calls it")
    return f"https://{parts.netloc}"


def tenant_name(name: str) -> str:
    """The bare name of a SharePoint tenant, in lower case."""
    if not re.fullmatch(r"[a-z0-9]+", name, re.IGNORECASE):
        raise ValueError("must be the bare name: for contoso.sharepoint.com, contoso")
    return name.lower()


def geos_of(text: Any) -> Any:
    """`EUR=contosoeur, APC=contosoapc` as data location to name."""
    if not isinstance(text, str):
        return text
    geos = {}
    for part in text.split(","):
        location, equals, name = part.partition("=")
        if not equals or not location.strip():
            raise ValueError("must be pairs like EUR=contosoeur, separated by commas")
        geos[location.strip().upper()] = tenant_name(name.strip())
    return geos


def folder_name(name: str) -> str:
    """A name that SharePoint takes for one folder."""
    if not name.strip() or set(name) & set('"*:<>?/\\|') or name != name.strip():
        raise ValueError("must be one folder's name, without any of \" * : < > ? / \\ |")
    return name


def agent_word(name: str) -> str:
    """What may stand in the User-Agent header."""
    if not name.isascii() or not name.isprintable() or "|" in name:
        raise ValueError("must be plain ASCII without a vertical bar, since it goes into the User-Agent header")
    return name


def secret_of_length(secret: SecretStr) -> SecretStr:
    """A client state as Graph takes it: 16 to 128 characters."""
    if not 16 <= len(secret.get_secret_value()) <= 128:
        raise ValueError("must have 16 to 128 characters; make one with: openssl rand -hex 32")
    return secret
