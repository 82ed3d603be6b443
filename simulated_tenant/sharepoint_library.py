"""Folders and files of a geo's `-my` root site: the picture library and what is done to it. No HTTP in here.

Names keep the case in which they were written and are found without regard to it, as in SharePoint.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from simulated_tenant.sharepoint_errors import (
    already_exists,
    file_missing,
    folder_missing,
    name_not_permitted,
    path_too_long,
)
from simulated_tenant.sharepoint_paths import join, server_relative, split
from simulated_tenant.state import File, Geo, Tenant

LIBRARY = "/User Photos"
LONGEST_PATH = 400
_FORBIDDEN = re.compile(r'["*:<>?/\\|\x00-\x1f]')
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d|\.lock|desktop\.ini|~\$.*|.*_vti_.*", re.IGNORECASE)


@dataclass(frozen=True)
class Folder:
    """One folder that exists."""

    path: str
    """Server-relative; `/` is the root."""
    created_at: datetime
    unique_id: UUID

    @property
    def name(self) -> str:
        """The last part of the path; empty for the root."""
        return split(self.path)[1]


def provision(tenant: Tenant, geo: Geo, picture_folders: Sequence[str] | None = None) -> None:
    """Make the library `User Photos` as SharePoint provides it with the My Site host.

    `picture_folders` None: the one localised folder that the first photo brings (`Tenant.picture_folder`). Empty: no
    photo was ever written. Two or more: a state that leaves the right folder open.
    """
    names = (tenant.picture_folder,) if picture_folders is None else tuple(picture_folders)
    geo.folders.clear()
    geo.folders_created.clear()
    for path in (LIBRARY, f"{LIBRARY}/Forms", *(f"{LIBRARY}/{name}" for name in names)):
        geo.folders[path] = {}
        geo.folders_created[path] = tenant.now()


def _key(geo: Geo, path: str) -> str | None:
    """The folder's path as it was written; None when there is none."""
    wanted = server_relative(path)
    if wanted in geo.folders:
        return wanted
    return next((known for known in geo.folders if known.lower() == wanted.lower()), None)


def find_folder(tenant: Tenant, geo: Geo, path: str) -> Folder:
    """The folder at the path; raises the 404 of a missing one."""
    if server_relative(path) == "/":
        key: str | None = "/"
    else:
        key = _key(geo, path)
    if key is None:
        raise folder_missing()
    created = geo.folders_created.setdefault(key, tenant.now())
    return Folder(key, created, uuid5(NAMESPACE_URL, f"{tenant.tenant_id}/{geo.name}{key.lower()}"))


def subfolders(tenant: Tenant, geo: Geo, folder: Folder) -> list[Folder]:
    """The folders directly below, by name."""
    paths = [path for path in geo.folders if split(path)[0].lower() == folder.path.lower() and path != "/"]
    return [find_folder(tenant, geo, path) for path in sorted(paths, key=str.lower)]


def files_in(geo: Geo, folder: Folder) -> list[File]:
    """The files directly in the folder, by name."""
    files = geo.folders.get(folder.path, {})
    return [files[name] for name in sorted(files)]


def folder_of_id(tenant: Tenant, geo: Geo, unique_id: str) -> Folder:
    """The folder with this UniqueId."""
    for path in geo.folders:
        folder = find_folder(tenant, geo, path)
        if str(folder.unique_id) == unique_id.lower():
            return folder
    raise folder_missing()


def all_files(geo: Geo) -> Iterator[tuple[str, File]]:
    """Every file with its path."""
    for path, files in geo.folders.items():
        for file in files.values():
            yield join(path, file.name), file


def find_file(geo: Geo, path: str) -> tuple[str, File]:
    """The file at the path, with the path as it was written; raises the 404 of a missing folder or file."""
    folder, name = split(path)
    key = "/" if folder == "/" else _key(geo, folder)
    if key is None:
        raise folder_missing()
    file = geo.folders.get(key, {}).get(name.lower())
    if file is None:
        raise file_missing(server_relative(path))
    return join(key, file.name), file


def check_name(folder: Folder, name: str) -> None:
    """Raise SharePoint's refusal of a name that it does not take."""
    if not name.strip() or name != name.strip() or name.endswith(".") or _FORBIDDEN.search(name):
        raise name_not_permitted(name)
    if _RESERVED.fullmatch(name):
        raise name_not_permitted(name)
    if len(join(folder.path, name)) > LONGEST_PATH:
        raise path_too_long()


def add_folder(tenant: Tenant, geo: Geo, parent: Folder, name: str) -> Folder:
    """Create a sub-folder; one that exists already is given back as it is."""
    check_name(parent, name)
    path = join(parent.path, name)
    known = _key(geo, path)
    if known is None:
        geo.folders[path] = {}
        geo.folders_created[path] = tenant.now()
    return find_folder(tenant, geo, known or path)


def remove_folder(geo: Geo, folder: Folder) -> None:
    """Remove the folder with all that is in it."""
    below = f"{folder.path}/".lower()
    for path in [path for path in geo.folders if f"{path}/".lower().startswith(below)]:
        del geo.folders[path]
        geo.folders_created.pop(path, None)


def put_file(tenant: Tenant, geo: Geo, folder: Folder, name: str, content: bytes, *, overwrite: bool) -> File:
    """Upload: a new file, or the next version of an existing one, which keeps its id and the case of its name."""
    check_name(folder, name)
    now = tenant.now()
    files = geo.folders.setdefault(folder.path, {})
    known = files.get(name.lower())
    if known is None:
        files[name.lower()] = File(name, content, str(uuid4()), now, now)
    elif overwrite:
        files[name.lower()] = replace(known, content=content, modified_at=now, version=known.version + 1)
    else:
        raise already_exists(join(folder.path, known.name), "SharePoint App", known.modified_at)
    return files[name.lower()]


def remove_file(geo: Geo, path: str) -> None:
    """Remove the file for good."""
    find_file(geo, path)
    folder, name = split(path)
    del geo.folders[_key(geo, folder) or "/"][name.lower()]


def recycle_file(geo: Geo, path: str) -> str:
    """Move the file to the recycle bin; gives the id of the recycled item."""
    written, file = find_file(geo, path)
    remove_file(geo, path)
    item = str(uuid4())
    geo.recycle_bin[item] = (split(written)[0], file)
    return item
