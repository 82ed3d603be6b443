"""Entra ID's error shape, and the errors of its token endpoint by AADSTS number.

Statuses follow reports and public test doubles where Microsoft documents none.
"""

from dataclasses import dataclass
from datetime import UTC
from uuid import uuid4

from simulated_tenant.state import Tenant
from simulated_tenant.wire import Answer, Received, Refused


@dataclass(frozen=True)
class Aadsts:
    """One error of the token endpoint; `{…}` in the text is filled in."""

    number: int
    status: int
    error: str
    text: str


WRONG_SECRET = Aadsts(
    7000215,
    401,
    "invalid_client",
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the "
    "client secret ID, for a secret added to app '{app}'.",
)
EXPIRED_SECRET = Aadsts(
    7000222,
    401,
    "invalid_client",
    "The provided client secret keys for app '{app}' are expired. Visit the Azure portal to create new keys for your "
    "app, or consider using certificate credentials for added security.",
)
NO_CREDENTIAL = Aadsts(
    7000218,
    401,
    "invalid_client",
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
)
BAD_SIGNATURE = Aadsts(
    700027,
    401,
    "invalid_client",
    "Client assertion contains an invalid signature. [Reason - {reason}]",
)
ASSERTION_AUDIENCE = Aadsts(
    700023, 401, "invalid_client", "Client assertion audience claim does not match Realm issuer."
)
ASSERTION_TIME = Aadsts(700024, 401, "invalid_client", "Client assertion is not within its valid time range.")
ASSERTION_CLIENT = Aadsts(
    700021,
    401,
    "invalid_client",
    "Client assertion application identifier doesn't match 'client_id' parameter.",
)
ASSERTION_MALFORMED = Aadsts(50027, 400, "invalid_request", "JWT token is invalid or malformed.")
FEDERATED_ISSUER = Aadsts(
    700211,
    401,
    "invalid_client",
    "No matching federated identity record found for presented assertion issuer '{value}'.",
)
FEDERATED_AUDIENCE = Aadsts(
    700212,
    401,
    "invalid_client",
    "No matching federated identity record found for presented assertion audience '{value}'.",
)
FEDERATED_SUBJECT = Aadsts(
    700213,
    401,
    "invalid_client",
    "No matching federated identity record found for presented assertion subject '{value}'.",
)
NO_SUCH_APP = Aadsts(
    700016,
    400,
    "unauthorized_client",
    "Application with identifier '{app}' was not found in the directory '{tenant}'. This can happen if the "
    "application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
)
BAD_SCOPE = Aadsts(
    70011,
    400,
    "invalid_scope",
    "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' "
    "is not valid. The scope {scope} is not valid.",
)
NO_SUCH_RESOURCE = Aadsts(
    500011,
    400,
    "invalid_resource",
    "The resource principal named {resource} was not found in the tenant named {tenant}.",
)
NO_SUCH_TENANT = Aadsts(
    90002,
    400,
    "invalid_request",
    "Tenant '{realm}' not found. Check to make sure you have the correct tenant ID and are signing into the correct "
    "cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for "
    "the tenant.",
)
MISSING_PARAMETER = Aadsts(
    900144, 400, "invalid_request", "The request body must contain the following parameter: '{name}'."
)
BAD_GRANT = Aadsts(
    70003,
    400,
    "unsupported_grant_type",
    "The app requested an unsupported grant type '{grant}'.",
)
INVALID_INSTANCE = Aadsts(50049, 400, "invalid_instance", "Unknown or invalid instance.")

_USUAL = {
    400: ("invalid_request", 900000, "The request is not valid."),
    401: ("invalid_client", 7000215, "Invalid client secret provided."),
    429: ("temporarily_unavailable", 90055, "The server is terminating the request because of too many requests."),
    503: ("temporarily_unavailable", 90033, "A transient error has occurred. Please try again."),
    504: ("temporarily_unavailable", 90033, "A transient error has occurred. Please try again."),
}


def error(received: Received, status: int, name: str, number: int, text: str) -> Answer:
    """An error in Entra's shape."""
    moment = received.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    correlation = received.headers.get("client-request-id") or str(uuid4())
    body = {
        "error": name,
        "error_description": (
            f"AADSTS{number}: {text}\r\nTrace ID: {received.request_id}\r\n"
            f"Correlation ID: {correlation}\r\nTimestamp: {moment}"
        ),
        "error_codes": [number],
        "timestamp": moment,
        "trace_id": received.request_id,
        "correlation_id": correlation,
        "error_uri": f"https://{received.host}/error?code={number}",
    }
    return Answer.of_json(status, body, kind="application/json; charset=utf-8")


def refusal(received: Received, kind: Aadsts, **words: str) -> Refused:
    """The error, to be raised."""
    return Refused(error(received, kind.status, kind.error, kind.number, kind.text.format(**words)))


def error_answer(tenant: Tenant, received: Received, status: int, code: str | None, message: str | None) -> Answer:  # noqa: ARG001 - the services' common signature
    """A scripted fault or a limit; `code` is the name in `error`, or an AADSTS number."""
    name, number, text = _USUAL.get(status, ("server_error", 90033, "A transient error has occurred."))
    if code is not None and code.isdigit():
        number = int(code)
    elif code is not None:
        name = code
    return error(received, status, name, number, text if message is None else message)
