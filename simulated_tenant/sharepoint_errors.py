"""What SharePoint says when it refuses: the error catalogue, in the shape that the caller's Accept header asks for.

`code` is always HRESULT, comma, .NET type. Statuses that no source states are marked [inferred].
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

from simulated_tenant.sharepoint_formats import Format, format_of
from simulated_tenant.state import Tenant
from simulated_tenant.wire import Answer, Received

SPEXCEPTION = "Microsoft.SharePoint.SPException"
CLIENT = "Microsoft.SharePoint.Client"
PROFILES = "Microsoft.Office.Server.UserProfiles"
_METADATA = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"


@dataclass
class SharePointError(Exception):
    """An error of SharePoint's own, ready for REST (`as_answer`) and for ProcessQuery (its fields)."""

    status: int
    hresult: int
    type_name: str
    message: str

    @property
    def code(self) -> str:
        """As REST bodies carry it."""
        return f"{self.hresult}, {self.type_name}"

    def as_answer(self, shape: Format) -> Answer:
        """The error as an HTTP answer."""
        return _error_body(self.status, self.code, self.message, shape)


def _error_body(status: int, code: str, message: str, shape: Format) -> Answer:
    text = {"code": code, "message": {"lang": "en-US", "value": message}}
    if shape is Format.ATOM:
        body = (
            f'<?xml version="1.0" encoding="utf-8"?><m:error xmlns:m="{_METADATA}"><m:code>{escape(code)}</m:code>'
            f'<m:message xml:lang="en-US">{escape(message)}</m:message></m:error>'
        )
        return Answer(status, body.encode(), {"content-type": "application/xml;charset=utf-8"})
    if shape is Format.VERBOSE:
        return Answer.of_json(status, {"error": text}, kind=shape.content_type)
    return Answer.of_json(status, {"odata.error": text}, kind=shape.content_type)


def folder_missing() -> SharePointError:
    """No such folder."""
    return SharePointError(404, -2147024894, "System.IO.FileNotFoundException", "File Not Found.")


def file_missing(path: str) -> SharePointError:
    """No such file in an existing folder."""
    return SharePointError(404, -2130575338, SPEXCEPTION, f"The file {path} does not exist.")


def list_missing(title: str, site: str) -> SharePointError:
    """No library of this title."""
    message = f"List '{title}' does not exist at site with URL '{site}'."
    return SharePointError(404, -1, "System.ArgumentException", message)


def already_exists(path: str, by: str, at: datetime) -> SharePointError:
    """Upload without overwrite onto an existing file; the status is [inferred]."""
    when = f"{at.day} {at:%b %Y %H:%M:%S} -0000"
    message = f"A file with the name {path.lstrip('/')} already exists. It was last modified by {by} on {when}."
    return SharePointError(400, -2130575257, SPEXCEPTION, message)


def name_not_permitted(name: str) -> SharePointError:
    """A name with one of the characters that SharePoint refuses; the code is [inferred]."""
    message = f'The file or folder name "{name}" contains characters that are not permitted. Use a different name.'
    return SharePointError(400, -2130575245, SPEXCEPTION, message)


def path_too_long() -> SharePointError:
    """A decoded path over 400 characters."""
    message = "The specified file or folder name is too long. The URL path must be 400 characters or less."
    return SharePointError(400, -2147024690, "System.IO.PathTooLongException", message)


def etag_mismatch() -> SharePointError:
    """If-Match names another version."""
    message = "The request ETag value does not match the object's ETag value."
    return SharePointError(412, -1, f"{CLIENT}.ClientServiceException", message)


def invalid_query(message: str) -> SharePointError:
    """The request is no query that SharePoint understands."""
    return SharePointError(400, -1, f"{CLIENT}.InvalidClientQueryException", message)


def resource_missing(resource: str) -> SharePointError:
    """No such entry point below `/_api`."""
    message = f"Cannot find resource for the request {resource}."
    return SharePointError(404, -1, f"{CLIENT}.ResourceNotFoundException", message)


def method_not_allowed(method: str, resource: str) -> SharePointError:
    """The path exists, but not for this method."""
    message = (
        f"The HTTP method '{method}' cannot be used to access the resource '{resource}'. "
        "Please use correct HTTP method to invoke the resource."
    )
    return SharePointError(405, -1, f"{CLIENT}.ClientServiceException", message)


def access_denied() -> SharePointError:
    """A role is missing; the status is [inferred]."""
    message = "Access denied. You do not have permission to perform this action or access this resource."
    return SharePointError(403, -2147024891, "System.UnauthorizedAccessException", message)


def unauthorized() -> SharePointError:
    """Nobody is asking: the request has no Authorization header."""
    message = "Attempted to perform an unauthorized operation."
    return SharePointError(403, -2147024891, "System.UnauthorizedAccessException", message)


def profiles_denied() -> SharePointError:
    """The app may do anything to sites, but has no SharePoint role for user profiles."""
    message = "Access Denied: This application does not have the required permissions to access profile information."
    return SharePointError(403, -2147024891, "System.UnauthorizedAccessException", message)


def own_data_only() -> SharePointError:
    """Something that only a person may do for themselves."""
    message = "This operation requires you to be managing your own data or have administrator privileges."
    return SharePointError(403, -2147024891, "System.UnauthorizedAccessException", message)


def profile_missing() -> SharePointError:
    """The user profile service does not know the account; status and type name are [inferred]."""
    message = "User Profile Error 1000: User Not Found: Could not load profile data from the database."
    return SharePointError(500, -1, f"{PROFILES}.UserNotFoundException", message)


def property_not_editable() -> SharePointError:
    """A property that the service itself maintains."""
    message = "Property Not Editable: This property can only be modified by an administrator."
    return SharePointError(500, -1, f"{PROFILES}.PropertyNotEditableException", message)


def property_missing(name: str) -> SharePointError:
    """No property of this name in the schema; names have case. The type name is [inferred]."""
    message = f"Property Not Found: The following property can not be found: {name}"
    return SharePointError(500, -1, f"{PROFILES}.PropertyNotFoundException", message)


def unknown_type(type_id: str) -> SharePointError:
    """A ProcessQuery that names a class the server does not have."""
    return invalid_query(f'The object type id "{type_id}" is invalid.')


def unknown_method(name: str, type_id: str) -> SharePointError:
    """A ProcessQuery that calls a method the class does not have."""
    return invalid_query(f'Cannot find method "{name}" of type id "{type_id}".')


def authentication_answer(description: str, diagnostics: str = "", error: str = "") -> Answer:
    """A 401 as the authentication module gives it, in front of REST and ProcessQuery alike."""
    body = ({"error": error} if error else {}) | {"error_description": description}
    reason = '3001000;reason="There has been an error authenticating the request.";category="invalid_client"'
    headers = {"x-ms-diagnostics": diagnostics or reason, "WWW-Authenticate": "Bearer"}
    return Answer.of_json(401, body, headers)


def throttled_answer(retry_after: int, status: int = 429) -> Answer:
    """Too many PeopleManager calls: `Retry-After` in whole seconds and none of the `RateLimit-*` headers.

    Those announce the budget of resource units only, which is not this one.
    """
    answer = _front_door(status)
    return Answer(answer.status, answer.body, dict(answer.headers) | {"Retry-After": str(retry_after)})


def _front_door(status: int) -> Answer:
    """The web server's own page, in front of SharePoint: throttling and outages come as HTML."""
    title = {429: "429 TOO MANY REQUESTS", 502: "502 Bad Gateway", 504: "504 Gateway Timeout"}.get(
        status, "503 Server Unavailable"
    )
    page = f"<html><head><title>{title}</title></head><body><h2>{title}</h2></body></html>"
    return Answer(status, page.encode(), {"content-type": "text/html; charset=utf-8"})


_LOCKED = "The file is locked for shared use by someone [membership]."
_USUAL = {
    400: (f"-1, {CLIENT}.InvalidClientQueryException", "The request is not valid."),
    403: (
        "-2147024891, System.UnauthorizedAccessException",
        "Access denied. You do not have permission to perform this action or access this resource.",
    ),
    404: ("-2147024894, System.IO.FileNotFoundException", "File Not Found."),
    409: (f"-2130575305, {SPEXCEPTION}", "Save Conflict. Your changes conflict with those made by another user."),
    423: ("-2147018894, Microsoft.SharePoint.SPFileLockException", _LOCKED),
    500: ("-2147467259, System.Runtime.InteropServices.COMException", "Unspecified error."),
    507: ("-2147024784, System.Runtime.InteropServices.COMException", "There is not enough space on the disk."),
}


def error_answer(
    tenant: Tenant,  # noqa: ARG001 - the dispatcher calls every service alike
    received: Received,
    status: int,
    code: str | None,
    message: str | None,
) -> Answer:
    """A scripted fault or a limit, as SharePoint says it.

    401, 429, 502, 503 and 504 come from in front of the service and have shapes of their own. The others have the
    usual code of their status, or `code`: HRESULT, comma, .NET type, such as
    `-2130575306, Microsoft.SharePoint.SPFileCheckOutException` with 423 for a file that is checked out.
    """
    if status == 401:
        return authentication_answer(message or "Invalid issuer or signature.")
    if status in {429, 502, 503, 504}:
        return _front_door(status)
    usual_code, usual_message = _USUAL.get(status, (f"-2147467259, {SPEXCEPTION}", "An unexpected error has occurred."))
    text = usual_message if message is None else message
    return _error_body(
        status, usual_code if code is None else code, text, format_of(received.headers.get("accept", ""))
    )


def finish(
    tenant: Tenant,  # noqa: ARG001 - the dispatcher calls every service alike
    received: Received,
    answer: Answer,
) -> Answer:
    """Add the headers of every answer of SharePoint, the request's id among them."""
    common = {
        "SPRequestGuid": received.request_id,
        "request-id": received.request_id,
        "MicrosoftSharePointTeamServices": "16.0.0.26002",
        "X-SharePointHealthScore": "0",
        "X-Content-Type-Options": "nosniff",
        "X-MS-InvokeApp": "1; RequireReadOnly",
        "Date": format_datetime(datetime.now(UTC), usegmt=True),
        "Cache-Control": "private, max-age=0",
    }
    return replace(answer, headers=dict(answer.headers) | common)
