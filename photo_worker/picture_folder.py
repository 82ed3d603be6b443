"""Which folder of the User Photos library the pictures go into.

Its name is localised by the My Site host's language, so it is discovered, once for all instances, and never guessed: a
guessed one would be a second folder that nobody reads. Only a folder that the settings name is created.
"""

import threading
from collections.abc import Callable
from http import HTTPStatus

from shared.control import Control
from shared.failures import Failure, FailureCode
from shared.gates import Service
from shared.sharepoint import SharePoint


class PictureFolders:
    """The folder of each My Site host, remembered in the process and in `Control`."""

    def __init__(self, control: Control, named: str | None) -> None:
        """`named`: the setting, if it is set."""
        self._control = control
        self._named = named
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()

    def use[Result](self, host: str, sharepoint: SharePoint, write: Callable[[str], Result]) -> Result:
        """What `write` returns when given the folder's name.

        When the folder turns out to be missing, a named one is created, a discovered one is looked for anew; then
        `write` is called once more.

        Raises:
            Failure: PictureFolderUnclear, or what `write` raises.
        """
        try:
            return write(self._find(host, sharepoint))
        except Failure as failure:
            if failure.status != HTTPStatus.NOT_FOUND or failure.code is not FailureCode.REQUEST_REFUSED:
                raise
        if self._named:
            sharepoint.create_folder(self._named)
        else:
            self._known.pop(host, None)
            self._control.remove(_row(host))
        return write(self._find(host, sharepoint))

    def _find(self, host: str, sharepoint: SharePoint) -> str:
        if self._named:
            return self._named
        with self._lock:  # the first photos of a new deployment come together; one of them asks for all
            if host not in self._known:
                known = self._control.get(_row(host)).get("folder")
                self._known[host] = str(known or self._discover(host, sharepoint))
            return self._known[host]

    def _discover(self, host: str, sharepoint: SharePoint) -> str:
        names = sharepoint.folders()
        if len(names) != 1:
            found = ", ".join(sorted(names)) or "none"
            raise Failure(
                FailureCode.PICTURE_FOLDER_UNCLEAR, f"folders found: {found}"[:300], service=Service.SHAREPOINT
            )
        self._control.put(_row(host), {"folder": names[0]})
        return names[0]


def _row(host: str) -> str:
    return f"picture-folder {host}"
