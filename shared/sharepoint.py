"""What the app asks of SharePoint: the picture folder, uploads, and a profile's properties in one request.

Sources: sp-dev-docs, "Working with folders and files with REST" and "Supporting % and # in files and folders with the
ResourcePath API"; the MS-CSOM open specification, §3.1.4.1 (ProcessQuery).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote
from xml.etree import ElementTree as ET

from shared.answers import Answer
from shared.caller import Call, Caller
from shared.failures import Failure, FailureCode
from shared.gates import Service
from shared.picture_names import LIBRARY, Hosts

_PEOPLE_MANAGER = "{cf560d69-0fdb-4489-a216-b6b47adf8ef8}"
_CSOM = "http://schemas.microsoft.com/sharepoint/clientquery/2009"
_REST = {"Accept": "application/json;odata=nometadata"}
_UNSEEN_FOLDERS = {"forms", "_w", "_t"}
"""Folders that SharePoint itself keeps in a picture library: its forms and its previews."""
_ACCESS_DENIED = -2147024891
"""HRESULT of System.UnauthorizedAccessException, mandated by MS-CSOM."""


@dataclass(frozen=True)
class Profile:
    """One user's profile, as far as the app looks at it."""

    picture_url: str
    """What SharePoint shows, with its `?t=`; empty when it shows the placeholder."""
    properties: Mapping[str, str]
    """By name, in the case that SharePoint keeps; all values are text on the wire."""


class SharePoint:
    """SharePoint for one attempt, at the hosts of one user's geography."""

    def __init__(self, caller: Caller, hosts: Hosts) -> None:
        self._caller = caller
        self._my = f"https://{hosts.my}/_api/web"
        self._admin = f"https://{hosts.admin}"

    def folders(self) -> list[str]:
        """Names of the folders in the picture library, without SharePoint's own.

        Raises:
            Failure: PictureFolderUnclear when there is no such library.
        """
        url = f"{self._my}/GetFolderByServerRelativePath(DecodedUrl='{_literal(LIBRARY)}')/Folders?$select=Name"
        answer = self._caller.send(Call(Service.SHAREPOINT, "GET", url, headers=_REST, handled=(HTTPStatus.NOT_FOUND,)))
        if answer.status == HTTPStatus.NOT_FOUND:
            raise Failure(
                FailureCode.PICTURE_FOLDER_UNCLEAR,
                "the library does not exist yet; SharePoint makes it with the My Site host",
                request_id=answer.request_id,
                service=Service.SHAREPOINT,
                status=answer.status,
            )
        try:
            names = [str(folder["Name"]) for folder in answer.json()["value"]]
        except (KeyError, TypeError):
            raise _not_understood(answer, "a list of folders") from None
        return [name for name in names if name.lower() not in _UNSEEN_FOLDERS]

    def create_folder(self, name: str) -> None:
        """Create a folder in the picture library; fine when it is there already."""
        url = (
            f"{self._my}/GetFolderByServerRelativePath(DecodedUrl='{_literal(LIBRARY)}')"
            f"/AddSubFolderUsingPath(DecodedUrl='{_literal(name)}')"
        )
        self._caller.send(Call(Service.SHAREPOINT, "POST", url, headers=_REST, body=b""))

    def upload(self, folder: str, name: str, content: bytes) -> None:
        """Write one file into the picture folder, over what is there.

        Raises:
            Failure: RequestRefused with `status` 404 when the folder is not there; ServiceUnavailable when SharePoint
                says that it stored another length than was sent.
        """
        url = (
            f"{self._my}/GetFolderByServerRelativePath(DecodedUrl='{_literal(f'{LIBRARY}/{folder}')}')"
            f"/Files/AddUsingPath(DecodedUrl='{_literal(name)}',Overwrite=true)"
        )
        headers = {**_REST, "Content-Type": "application/octet-stream"}
        answer = self._caller.send(Call(Service.SHAREPOINT, "POST", url, headers=headers, body=content))
        try:
            stored = int(answer.json()["Length"])
        except (KeyError, TypeError, ValueError):
            raise _not_understood(answer, "a file") from None
        if stored != len(content):
            raise Failure(
                FailureCode.SERVICE_UNAVAILABLE,
                f"stored {stored} bytes of {len(content)}",
                request_id=answer.request_id,
                service=Service.SHAREPOINT,
            )

    def read_file(self, path: str) -> bytes | None:
        """The bytes of a file (by its server-relative path); None when there is none."""
        url = f"{self._my}/GetFileByServerRelativePath(DecodedUrl='{_literal(path)}')/$value"
        handled = (HTTPStatus.NOT_FOUND,)
        answer = self._caller.send(Call(Service.SHAREPOINT, "GET", url, headers={"Accept": "*/*"}, handled=handled))
        return None if answer.status == HTTPStatus.NOT_FOUND else answer.body

    def recycle(self, path: str) -> None:
        """Put a file (by its server-relative path) into the recycle bin; fine when there is none."""
        url = f"{self._my}/GetFileByServerRelativePath(DecodedUrl='{_literal(path)}')/recycle()"
        handled = (HTTPStatus.NOT_FOUND,)
        self._caller.send(Call(Service.SHAREPOINT, "POST", url, headers=_REST, body=b"", handled=handled))

    def delete_file(self, path: str) -> None:
        """Delete a file (by its server-relative path) for good, past the recycle bin; fine when there is none."""
        url = f"{self._my}/GetFileByServerRelativePath(DecodedUrl='{_literal(path)}')"
        headers = {**_REST, "X-HTTP-Method": "DELETE", "If-Match": "*"}
        handled = (HTTPStatus.NOT_FOUND,)
        self._caller.send(Call(Service.SHAREPOINT, "POST", url, headers=headers, body=b"", handled=handled))

    def profile(self, account: str) -> Profile | None:
        """What SharePoint tells of one user; None when it has no profile for the account.

        Source: sp-dev-docs, "Work with user profiles in SharePoint", PeopleManager.GetPropertiesFor.
        """
        url = (
            f"{self._admin}/_api/SP.UserProfiles.PeopleManager/GetPropertiesFor(accountName=@v)"
            f"?@v='{_literal(account)}'"
        )
        answer = self._caller.send(Call(Service.SHAREPOINT, "GET", url, headers=_REST))
        body = answer.json()
        try:
            if "UserProfileProperties" not in body:
                return None  # an unknown account is a null object, no error
            properties = {str(item["Key"]): str(item["Value"] or "") for item in body["UserProfileProperties"]}
            return Profile(str(body.get("PictureUrl") or ""), properties)
        except (KeyError, TypeError, AttributeError):
            raise _not_understood(answer, "a profile") from None

    def set_properties(self, account: str, properties: Mapping[str, str]) -> None:
        """Set profile properties of one user, all in one request.

        They are set in the order given, up to the first that fails; to set them again is harmless.

        Raises:
            Failure: NoTargetProfile when SharePoint has no profile for the account; NotPermitted.
        """
        answer = self._caller.send(
            Call(
                Service.SHAREPOINT,
                "POST",
                f"{self._admin}/_vti_bin/client.svc/ProcessQuery",
                headers={"Content-Type": 'text/xml;charset="UTF-8"'},
                body=process_query(account, properties),
            )
        )
        _check_process_query(answer)


def process_query(account: str, properties: Mapping[str, str]) -> bytes:
    """The CSOM request that sets these properties: one method call each, on one PeopleManager object."""
    ET.register_namespace("", _CSOM)
    versions = {"SchemaVersion": "15.0.0.0", "LibraryVersion": "16.0.0.0", "ApplicationName": "ProfilePhotoSync"}
    request = ET.Element(f"{{{_CSOM}}}Request", versions)
    actions = ET.SubElement(request, f"{{{_CSOM}}}Actions")
    ET.SubElement(actions, f"{{{_CSOM}}}ObjectPath", {"Id": "2", "ObjectPathId": "1"})
    for number, (name, value) in enumerate(properties.items(), start=3):
        call = {"Name": "SetSingleValueProfileProperty", "Id": str(number), "ObjectPathId": "1"}
        method = ET.SubElement(actions, f"{{{_CSOM}}}Method", call)
        parameters = ET.SubElement(method, f"{{{_CSOM}}}Parameters")
        for argument in (account, name, value):
            ET.SubElement(parameters, f"{{{_CSOM}}}Parameter", {"Type": "String"}).text = argument
    paths = ET.SubElement(request, f"{{{_CSOM}}}ObjectPaths")
    ET.SubElement(paths, f"{{{_CSOM}}}Constructor", {"Id": "1", "TypeId": _PEOPLE_MANAGER})
    return bytes(ET.tostring(request, encoding="utf-8"))


def _check_process_query(answer: Answer) -> None:
    """CSOM reports failure with HTTP 200: the header, element 0, carries ErrorInfo."""
    try:
        error = answer.json()[0]["ErrorInfo"]
        if error is None:
            return
        number, words = int(error["ErrorCode"]), str(error.get("ErrorMessage") or "")
        detail = f"{number} {error.get('ErrorTypeName') or ''}: {words}"[:300]
    except (KeyError, TypeError, IndexError, ValueError, AttributeError):
        raise _not_understood(answer, "a ProcessQuery answer") from None
    # The one place where words decide: code and type name of this error are not documented, the number in its text is.
    if "User Profile Error 1000" in words:
        code = FailureCode.NO_TARGET_PROFILE
    elif number == _ACCESS_DENIED:
        code = FailureCode.NOT_PERMITTED
    else:
        code = FailureCode.REQUEST_REFUSED
    raise Failure(code, detail, request_id=answer.request_id, service=Service.SHAREPOINT, status=answer.status)


def _literal(text: str) -> str:
    """A string literal in a REST path: quotes doubled, then everything percent-encoded, slashes included."""
    return quote(text.replace("'", "''"), safe="")


def _not_understood(answer: Answer, what: str) -> Failure:
    return Failure(
        FailureCode.ANSWER_NOT_UNDERSTOOD,
        f"not {what}: {json.dumps(answer.body[:80].decode(errors='replace'))}",
        request_id=answer.request_id,
        service=Service.SHAREPOINT,
        status=answer.status,
    )
