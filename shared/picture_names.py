"""Where a user's pictures are in SharePoint and what they are named. Pure.

Source: the naming that SharePoint's own service uses (the object id), and the one that published scripts use (the UPN).
"""

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from shared.setting_values import FileNaming

LIBRARY = "/User Photos"


@dataclass(frozen=True)
class Hosts:
    """SharePoint's hosts for one user: files are on the My Site host, profiles on the administration host."""

    my: str
    admin: str

    @classmethod
    def of(cls, name: str, suffix: str) -> "Hosts":
        """The hosts of `contoso` in the cloud with this suffix (`sharepoint.com`)."""
        return cls(f"{name}-my.{suffix}", f"{name}-admin.{suffix}")


def base_name(naming: FileNaming, user_id: str, upn: str) -> str:
    """What the three files' names begin with."""
    if naming is FileNaming.OBJECT_ID:
        return user_id
    # The published rule. Two users can end with one name (a.b@x and a_b@x): who uses it checks for that.
    return upn.lower().replace("@", "_").replace(".", "_")


def file_names(base: str) -> tuple[str, str, str]:
    """Small, medium, large. SharePoint's clients derive the small and large one's URL from the medium one's."""
    return f"{base}_SThumb.jpg", f"{base}_MThumb.jpg", f"{base}_LThumb.jpg"


def picture_url(hosts: Hosts, folder: str, base: str) -> str:
    """The value of the PictureURL property: the absolute URL of the medium picture, percent-encoded."""
    return f"https://{hosts.my}{quote(f'{LIBRARY}/{folder}/{file_names(base)[1]}')}"


def picture_paths(medium_url: str) -> tuple[str, str, str]:
    """Server-relative paths of the three files that a PictureURL of ours leads to, as clients derive them."""
    medium = unquote(urlsplit(medium_url).path)
    folder, _, name = medium.rpartition("/")
    small, _, large = (f"{folder}/{name.replace('_MThumb', f'_{size}Thumb')}" for size in "SML")
    return small, medium, large


def account_name(upn: str) -> str:
    """A user's claim, as the user profile service knows it."""
    return f"i:0#.f|membership|{upn}"
