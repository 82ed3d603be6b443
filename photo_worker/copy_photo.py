"""Writing one photo to SharePoint: three uploads, then all profile properties in one request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from photo_worker.make_thumbnails import Thumbnails
from photo_worker.picture_folder import PictureFolders
from shared.picture_names import Hosts, account_name, file_names, picture_paths, picture_url
from shared.setting_values import ExchangeSyncState
from shared.sharepoint import SharePoint


@dataclass(frozen=True)
class Target:
    """Where a user's pictures go and what goes with them."""

    hosts: Hosts
    base: str
    """What the files' names begin with."""
    upn: str
    exchange_sync_state: ExchangeSyncState


def copy_photo(
    sharepoint: SharePoint,
    folders: PictureFolders,
    target: Target,
    thumbnails: Thumbnails,
    *,
    timestamp: str,
) -> str:
    """Write the pictures and the properties; the value of PictureURL.

    The properties come last, so that a broken copy never points at files that are not there.

    Raises:
        Failure: from SharePoint.
    """

    def upload_all(folder: str) -> str:
        for name, content in zip(
            file_names(target.base), (thumbnails.small, thumbnails.medium, thumbnails.large), strict=True
        ):
            sharepoint.upload(folder, name, content)
        return picture_url(target.hosts, folder, target.base)

    url = folders.use(target.hosts.my, sharepoint, upload_all)
    sharepoint.set_properties(account_name(target.upn), picture_properties(url, timestamp, target.exchange_sync_state))
    return url


def clear_target(sharepoint: SharePoint, picture_url: str, upn: str, timestamp: str) -> None:
    """Let SharePoint show its placeholder, and put the three files into the recycle bin. Raises `Failure`."""
    properties = {"PictureURL": "", "SPS-PicturePlaceholderState": "1", "SPS-PictureTimestamp": timestamp}
    write_then_remove(sharepoint, account_name(upn), properties, picture_paths(picture_url))


def write_then_remove(
    sharepoint: SharePoint, account: str, properties: Mapping[str, str], files: Iterable[str]
) -> None:
    """Set the properties, if any, then put the files (server-relative paths) into the recycle bin. Raises `Failure`.

    In this order nothing ever points at files that are gone. Files that are gone already do no harm.
    """
    if properties:
        sharepoint.set_properties(account, properties)
    for path in files:
        sharepoint.recycle(path)


def picture_properties(url: str, timestamp: str, exchange_sync_state: ExchangeSyncState) -> dict[str, str]:
    """The profile properties that make SharePoint show the picture at `url`; all values are text on the wire."""
    properties = {
        "PictureURL": url,
        "SPS-PicturePlaceholderState": "0",
        "SPS-PictureTimestamp": timestamp,
    }
    if exchange_sync_state is not ExchangeSyncState.LEAVE:
        properties["SPS-PictureExchangeSyncState"] = str(exchange_sync_state)
    return properties


def next_timestamp(now: datetime, previous: str | None) -> str:
    """SPS-PictureTimestamp for a picture written now: whole seconds since 0001-01-01, never one used before.

    It becomes the `?t=` of the picture's URL, which is how browsers learn that it changed.
    """
    seconds = int((now - datetime(1, 1, 1, tzinfo=UTC)).total_seconds())
    return str(max(seconds, int(previous) + 1) if previous else seconds)
