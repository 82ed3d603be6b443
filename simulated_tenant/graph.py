"""What all of Graph v1.0 has in common: its error shape, its headers, and who may call what.

https://learn.microsoft.com/graph/errors and https://learn.microsoft.com/graph/permissions-reference
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from simulated_tenant import tokens
from simulated_tenant.clouds import GRAPH_HOSTS
from simulated_tenant.state import Tenant
from simulated_tenant.tokens import Claims
from simulated_tenant.wire import Answer, Received, Refused

HOST = GRAPH_HOSTS
VERSION = "/v1.0"
APP_ID = "00000003-0000-0000-c000-000000000000"

READ_USERS = frozenset({"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"})
READ_PHOTOS = frozenset({"ProfilePhoto.Read.All", "ProfilePhoto.ReadWrite.All", "User.Read.All", "User.ReadWrite.All"})
READ_GROUPS = frozenset(
    {
        "GroupMember.Read.All",
        "GroupMember.ReadWrite.All",
        "Group.Read.All",
        "Group.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    }
)
READ_ORGANIZATION = frozenset(
    {
        "Organization.Read.All",
        "Organization.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
        "User.Read.All",
    }
)
READ_SITES = frozenset(
    {"Sites.Read.All", "Sites.ReadWrite.All", "Sites.Manage.All", "Sites.FullControl.All", "Sites.Selected"}
)

_CHALLENGE = (
    'Bearer realm="", authorization_uri="https://{login}/common/oauth2/authorize", '
    'client_id="00000003-0000-0000-c000-000000000000"'
)

_AGS = json.dumps(
    {
        "ServerInfo": {
            "DataCenter": "North Europe",
            "Slice": "E",
            "Ring": "4",
            "ScaleUnit": "001",
            "RoleInstance": "DB1PEPF00000001",
        }
    },
    separators=(",", ":"),
)

_USUAL = {
    400: ("BadRequest", "Invalid request."),
    401: ("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
    403: ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    404: ("ResourceNotFound", "Resource could not be discovered."),
    405: ("Request_BadRequest", "Specified HTTP method is not allowed for the request target."),
    409: ("Conflict", "The request could not be processed because of a conflict."),
    410: ("resyncRequired", "Resync required."),
    429: (
        "TooManyRequests",
        "Too many requests from Identifier:North Europe under category:throttle.aad.ags. Please try again later.",
    ),
    500: ("generalException", "General exception while processing."),
    502: ("UnknownError", ""),
    503: ("serviceNotAvailable", "The service is not available. Try the request again after a delay."),
    504: ("UnknownError", "The gateway did not receive a response in time."),
    509: ("bandwidthLimitExceeded", "Your app has been throttled for exceeding the maximum bandwidth cap."),
}


def error(received: Received, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error in Graph's shape."""
    inner = {
        "date": received.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": received.request_id,
        "client-request-id": client_request_id(received),
    }
    body = {"error": {"code": code, "message": message, "innerError": inner}}
    return Answer.of_json(status, body, headers, kind="application/json")


def refused(received: Received, status: int, code: str, message: str) -> Refused:
    """The same, to be raised."""
    return Refused(error(received, status, code, message))


def bad_request(received: Received, message: str, code: str = "Request_BadRequest") -> Refused:
    """400, to be raised."""
    return refused(received, 400, code, message)


def no_such_object(received: Received, key: str) -> Refused:
    """404 of the directory, to be raised."""
    message = f"Resource '{key}' does not exist or one of its queried reference-property objects are not present."
    return refused(received, 404, "Request_ResourceNotFound", message)


def error_answer(tenant: Tenant, received: Received, status: int, code: str | None, message: str | None) -> Answer:
    """A scripted fault or a limit, as Graph says it."""
    usual = _USUAL.get(status, ("UnknownError", ""))
    headers = {"WWW-Authenticate": _CHALLENGE.format(login=tenant.cloud.login)} if status == 401 else {}
    return error(
        received, status, usual[0] if code is None else code, usual[1] if message is None else message, headers
    )


def client_request_id(received: Received) -> str:
    """The caller's id of the request; Graph takes its own when there is none."""
    return received.headers.get("client-request-id") or received.request_id


def finish(tenant: Tenant, received: Received, answer: Answer) -> Answer:  # noqa: ARG001 - the services' common signature
    """Add the headers of every answer of Graph."""
    common = {
        "request-id": received.request_id,
        "client-request-id": client_request_id(received),
        "x-ms-ags-diagnostic": _AGS,
        "Date": format_datetime(datetime.now(UTC), usegmt=True),
        "Cache-Control": "no-cache",
    }
    if answer.status == 200 and "odata.metadata" in answer.headers.get("content-type", ""):
        common["OData-Version"] = "4.0"
    return replace(answer, headers=dict(answer.headers) | common)


def claims_of(tenant: Tenant, received: Received) -> Claims:
    """The claims of the request's token; raises `Refused` with Graph's 401."""
    try:
        return tokens.read_bearer(tenant, received, f"https://{tenant.cloud.graph}")
    except tokens.TokenMissing:
        raise _unauthorized(tenant, received, "Access token is empty.") from None
    except tokens.TokenMalformed:
        message = "IDX14100: JWT is not well formed, there are no dots (.)."
        raise _unauthorized(tenant, received, message) from None
    except tokens.TokenSignatureInvalid:
        raise _unauthorized(tenant, received, "Invalid signature.") from None
    except tokens.TokenExpired:
        message = "Lifetime validation failed, the token is expired."
        raise _unauthorized(tenant, received, message) from None
    except tokens.TokenWrongAudience as wrong:
        refusal = _unauthorized(tenant, received, "Access token validation failure. Invalid audience.")
        raise Refused(refusal.answer, f"A token for {wrong.claims.aud} was used at Graph.", "wrong-audience") from None


def _unauthorized(tenant: Tenant, received: Received, message: str) -> Refused:
    return Refused(error_answer(tenant, received, 401, None, message))


def authorize(tenant: Tenant, received: Received) -> None:
    """Whether the token is one for Graph; the operations look at roles themselves."""
    claims_of(tenant, received)


def require(tenant: Tenant, received: Received, roles: frozenset[str], *, photo: bool = False) -> Claims:
    """The claims, when the app has one of `roles`; raises `Refused` with the 403 of the directory, or of photos."""
    claims = claims_of(tenant, received)
    if claims.roles & roles:
        return claims
    if photo:
        message = "Access is denied. Check credentials and try again."
        raise refused(received, 403, "ErrorAccessDenied", message)
    raise refused(received, 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def unknown_path(tenant: Tenant, received: Received) -> Answer:  # noqa: ARG001 - the services' common signature
    """What Graph says to a path it does not have: a segment nobody knows is a 400."""
    segments = received.path.strip("/").split("/")
    if segments[0].lower() not in {"v1.0", "beta"}:
        return error(received, 400, "BadRequest", "Invalid version: " + segments[0])
    return error(received, 400, "BadRequest", f"Resource not found for the segment '{segments[-1]}'.")


def tidy(path: str) -> str:
    """The path without doubled slashes, which Graph's own SDK sends and Graph overlooks."""
    return re.sub("/{2,}", "/", path)


def of_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A success in Graph's content type."""
    kind = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
    return Answer.of_json(status, value, headers, kind=kind)


def root(tenant: Tenant) -> str:
    """`https://graph.microsoft.com/v1.0`."""
    return f"https://{tenant.cloud.graph}{VERSION}"


def context(tenant: Tenant, fragment: str) -> str:
    """An `@odata.context`."""
    return f"{root(tenant)}/$metadata#{fragment}"
