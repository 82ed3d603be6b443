"""The operations on folders and files: list, get, add, content, delete, recycle, in every form that clients write."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from simulated_tenant.sharepoint_access import Need
from simulated_tenant.sharepoint_calls import Call, new_operations, serve
from simulated_tenant.sharepoint_errors import etag_mismatch, file_missing, folder_missing, invalid_query, list_missing
from simulated_tenant.sharepoint_formats import Entity
from simulated_tenant.sharepoint_library import (
    Folder,
    add_folder,
    all_files,
    files_in,
    find_file,
    find_folder,
    folder_of_id,
    put_file,
    recycle_file,
    remove_file,
    remove_folder,
    subfolders,
)
from simulated_tenant.sharepoint_paths import (
    ARGUMENTS,
    FILE,
    FOLDER,
    Arguments,
    Segment,
    from_string_url,
    join,
    split,
)
from simulated_tenant.state import File, Geo
from simulated_tenant.wire import Answer

OPERATIONS = new_operations()

WEB = r"/_api/(?:SP\.)?Web"
_FOLDER = rf"{WEB}(?P<folder>(?:{FOLDER})+)"
_FILE = rf"{WEB}(?P<file>{FILE})"


def _geo(call: Call) -> Geo:
    """The files of the site that was asked: only the `-my` root site has any."""
    if call.place != "my":
        raise folder_missing()
    return call.geo


def _decoded(arguments: Arguments, *, by_path: bool, name: str = "decodedurl") -> str:
    """The path in a call's parentheses, read as the two kinds of methods read it."""
    return arguments.text(name) if by_path else from_string_url(arguments.text(name))


def _decoded_in_body(call: Call) -> str:
    """The same, when the client sends the parameters as JSON: a ResourcePath below whatever name, or plain text."""
    try:
        body = call.received.json()
    except ValueError:
        body = None
    for value in body.values() if isinstance(body, dict) else ():
        if isinstance(value, dict) and isinstance(value.get("DecodedUrl"), str):
            return str(value["DecodedUrl"])
        if isinstance(value, str):
            return value
    raise invalid_query("The parameter DecodedUrl is missing.")


def _library_of(call: Call, step: Segment) -> str:
    """The root folder of the list that a step names, by title or by address."""
    if step.name == "getlist":
        return step.arguments.text("strUrl")
    title = step.arguments.text("title")
    found = [
        folder for folder in subfolders(call.tenant, _geo(call), _root(call)) if folder.name.lower() == title.lower()
    ]
    if not found:
        raise list_missing(title, call.site)
    return found[0].path


def _root(call: Call) -> Folder:
    return find_folder(call.tenant, _geo(call), "/")


def _folder_path(call: Call, steps: Sequence[Segment]) -> str:
    """The server-relative path that the steps lead to; what does not exist is found out by whoever uses it."""
    path = "/"
    for at, step in enumerate(steps):
        before = steps[at - 1].name if at else ""
        match step.name:
            case "getfolderbyserverrelativepath" | "getfolderbyserverrelativeurl":
                path = _decoded(step.arguments, by_path=step.name.endswith("path"))
            case "getfolderbyid":
                path = folder_of_id(call.tenant, _geo(call), step.arguments.text("uniqueId")).path
            case "getbytitle" | "getlist":
                path = _library_of(call, step)
            case "folders" if step.arguments.positional or step.arguments.named:
                path = join(path, from_string_url(step.arguments.text("url")))
            case "getbypath" | "getbyurl" if before == "folders":
                part = _decoded(step.arguments, by_path=step.name == "getbypath")
                path = part if part.startswith("/") else join(path, part)
    return path


def _folder(call: Call) -> Folder:
    return find_folder(call.tenant, _geo(call), _folder_path(call, call.steps("folder")))


def _file_path(call: Call) -> str:
    """The server-relative path of the file that the address names."""
    *steps, last = call.steps("file")
    if last.name == "getfilebyid":
        wanted = last.arguments.text("uniqueId").lower()
        for path, file in all_files(_geo(call)):
            if file.unique_id == wanted:
                return path
        raise file_missing(wanted)
    if last.name.startswith("getfilebyserverrelative"):
        return _decoded(last.arguments, by_path=last.name.endswith("path"))
    part = _decoded(last.arguments, by_path=last.name == "getbypath")
    return part if part.startswith("/") else join(_folder_path(call, steps), part)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _literal(path: str) -> str:
    return quote(path.replace("'", "''"))


def folder_entity(call: Call, folder: Folder) -> Entity:
    """A folder as SharePoint shows it."""
    geo = _geo(call)
    files = files_in(geo, folder)
    modified = max([folder.created_at, *(file.modified_at for file in files)])
    return Entity(
        "SP.Folder",
        f"Web/GetFolderByServerRelativePath(decodedurl='{_literal(folder.path)}')",
        {
            "Exists": True,
            "ExistsAllowThrowForPolicyFailures": True,
            "ExistsWithException": True,
            "IsWOPIEnabled": False,
            "ItemCount": len(files) + len(subfolders(call.tenant, geo, folder)),
            "Name": folder.name,
            "ProgID": None,
            "ServerRelativeUrl": folder.path,
            "TimeCreated": _moment(folder.created_at),
            "TimeLastModified": _moment(modified),
            "UniqueId": str(folder.unique_id),
            "WelcomePage": "",
        },
        links=("Files", "Folders", "ListItemAllFields", "ParentFolder", "Properties", "StorageMetrics"),
    )


def etag_of(file: File) -> str:
    """The file's ETag: id and a number that grows with every version."""
    return f'"{{{file.unique_id.upper()}}},{file.version + 1}"'


def file_entity(path: str, file: File) -> Entity:
    """A file as SharePoint shows it. `Length` is text; the ETag has its quotation marks inside."""
    etag = etag_of(file)
    return Entity(
        "SP.File",
        f"Web/GetFileByServerRelativePath(decodedurl='{_literal(path)}')",
        {
            "CheckInComment": "",
            "CheckOutType": 2,
            "ContentTag": f"{etag.strip(chr(34))},{file.version + 4}",
            "CustomizedPageStatus": 0,
            "ETag": etag,
            "Exists": True,
            "ExistsAllowThrowForPolicyFailures": True,
            "ExistsWithException": True,
            "IrmEnabled": False,
            "Length": str(len(file.content)),
            "Level": 1,
            "LinkingUri": None,
            "LinkingUrl": "",
            "MajorVersion": file.version,
            "MinorVersion": 0,
            "Name": file.name,
            "ServerRelativeUrl": path,
            "TimeCreated": _moment(file.created_at),
            "TimeLastModified": _moment(file.modified_at),
            "Title": "",
            "UIVersion": 512 * file.version,
            "UIVersionLabel": f"{file.version}.0",
            "UniqueId": file.unique_id,
        },
        etag,
        ("Author", "CheckedOutByUser", "ListItemAllFields", "LockedByUser", "ModifiedBy", "Versions"),
    )


@serve(OPERATIONS, "sharepoint.folder.list", "GET", rf"{WEB}(?P<folder>(?:{FOLDER})*)/Folders", Need.FILES_READ)
def list_folders(call: Call) -> Answer:
    """The sub-folders of a folder."""
    folders = subfolders(call.tenant, _geo(call), _folder(call) if call.groups.get("folder") else _root(call))
    return call.many([folder_entity(call, folder) for folder in folders], "SP.ApiData.Folders")


@serve(OPERATIONS, "sharepoint.folder.get", "GET", _FOLDER, Need.FILES_READ)
def get_folder(call: Call) -> Answer:
    """One folder. A missing one is a 404."""
    return call.one(folder_entity(call, _folder(call)))


@serve(
    OPERATIONS,
    "sharepoint.folder.add",
    "POST",
    rf"{WEB}(?P<folder>(?:{FOLDER})*)(?P<call>/(?:AddSubFolderUsingPath|AddSubFolder|Folders/Add(?:UsingPath)?)(?:{ARGUMENTS})?)",
    Need.FILES_WRITE,
)
def make_folder(call: Call) -> Answer:
    """Create a folder, by `AddSubFolderUsingPath`, `AddSubFolder`, `Folders/Add` or `Folders/AddUsingPath`."""
    step = call.steps("call")[-1]
    by_path = step.name.endswith("usingpath")
    name = _decoded(step.arguments, by_path=by_path) if "(" in call.groups["call"] else _decoded_in_body(call)
    parent_path, leaf = split(name) if name.startswith("/") else (_folder_path(call, call.steps("folder")), name)
    parent = find_folder(call.tenant, _geo(call), parent_path)
    return call.one(folder_entity(call, add_folder(call.tenant, _geo(call), parent, leaf)))


@serve(OPERATIONS, "sharepoint.folder.delete", "DELETE", _FOLDER, Need.FILES_WRITE)
@serve(OPERATIONS, "sharepoint.folder.delete", "POST", rf"{_FOLDER}/DeleteObject(?:\(\))?", Need.FILES_WRITE)
def delete_folder(call: Call) -> Answer:
    """Remove a folder with all that is in it."""
    remove_folder(_geo(call), _folder(call))
    return Answer(200)


@serve(
    OPERATIONS,
    "sharepoint.file.add",
    "POST PUT",
    rf"{_FOLDER}(?P<call>/Files/Add(?:UsingPath)?{ARGUMENTS})",
    Need.FILES_WRITE,
)
def add_file(call: Call) -> Answer:
    """Upload, by `Files/AddUsingPath(DecodedUrl=…,Overwrite=…)` or the older `Files/Add(url=…,overwrite=…)`."""
    step = call.steps("call")[-1]
    by_path = step.name == "addusingpath"
    folder = _folder(call)
    name = _decoded(step.arguments, by_path=by_path, name="decodedurl" if by_path else "url")
    given_folder, leaf = split(name) if name.startswith("/") else (folder.path, name)
    folder = find_folder(call.tenant, _geo(call), given_folder)
    overwrite = step.arguments.flag("overwrite", default=False)
    file = put_file(call.tenant, _geo(call), folder, leaf, call.received.body, overwrite=overwrite)
    return call.one(file_entity(join(folder.path, file.name), file))


@serve(OPERATIONS, "sharepoint.file.list", "GET", rf"{_FOLDER}/Files", Need.FILES_READ)
def list_files(call: Call) -> Answer:
    """The files of a folder."""
    folder = _folder(call)
    entities = [file_entity(join(folder.path, file.name), file) for file in files_in(_geo(call), folder)]
    return call.many(entities, "SP.ApiData.Files")


@serve(OPERATIONS, "sharepoint.file.get", "GET", _FILE, Need.FILES_READ)
def get_file(call: Call) -> Answer:
    """What SharePoint knows of a file."""
    return call.one(file_entity(*find_file(_geo(call), _file_path(call))))


@serve(OPERATIONS, "sharepoint.file.content", "GET", rf"{_FILE}/(?:\$value|OpenBinaryStream(?:\(\))?)", Need.FILES_READ)
def file_content(call: Call) -> Answer:
    """The bytes of a file."""
    _, file = find_file(_geo(call), _file_path(call))
    return Answer(200, file.content, {"content-type": "application/octet-stream", "ETag": etag_of(file)})


@serve(OPERATIONS, "sharepoint.file.update", "PUT", rf"{_FILE}/\$value", Need.FILES_WRITE)
def replace_content(call: Call) -> Answer:
    """New bytes for an existing file."""
    path, file = _expected(call)
    folder = find_folder(call.tenant, _geo(call), split(path)[0])
    put_file(call.tenant, _geo(call), folder, file.name, call.received.body, overwrite=True)
    return Answer(204)


@serve(OPERATIONS, "sharepoint.file.delete", "DELETE", _FILE, Need.FILES_WRITE)
@serve(OPERATIONS, "sharepoint.file.delete", "POST", rf"{_FILE}/DeleteObject(?:\(\))?", Need.FILES_WRITE)
def delete_file(call: Call) -> Answer:
    """Remove a file for good. 200 without a body, as far as published clients show."""
    path, _ = _expected(call)
    remove_file(_geo(call), path)
    return Answer(200)


@serve(OPERATIONS, "sharepoint.file.recycle", "POST", rf"{_FILE}/Recycle(?:\(\))?", Need.FILES_WRITE)
def recycle(call: Call) -> Answer:
    """Move a file to the recycle bin; the answer is the recycled item's id."""
    path, _ = _expected(call)
    return call.value("Recycle", recycle_file(_geo(call), path))


def _expected(call: Call) -> tuple[str, File]:
    """The file that is to be written, unless If-Match names another version."""
    path, file = find_file(_geo(call), _file_path(call))
    wanted = call.received.headers.get("if-match", "*").strip()
    if wanted != "*" and wanted.strip('"') != etag_of(file).strip('"'):
        raise etag_mismatch()
    return path, file
