"""What the tenant holds: people with photos, registered apps, SharePoint's geos with files and profiles."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import uuid4


class NoPhotoShape(StrEnum):
    """How Graph's metadata says that there is no photo; both are documented."""

    ONE_BY_ONE = "1x1"
    NOT_FOUND = "404"


@dataclass(frozen=True)
class Photo:
    """One version of a person's photo, as Graph serves it."""

    content: bytes
    content_type: str
    media_etag: str
    """Of the metadata (`@odata.mediaEtag`), without the quotation marks that JSON adds."""
    width: int
    height: int
    changed_at: datetime


@dataclass
class User:
    """One user object of the directory."""

    upn: str
    display_name: str
    id: str = field(default_factory=lambda: str(uuid4()))
    mail: str | None = None
    account_enabled: bool = True
    user_type: str = "Member"
    preferred_data_location: str | None = None
    photo: Photo | None = None
    no_photo_shape: NoPhotoShape = NoPhotoShape.ONE_BY_ONE
    has_profile: bool = True
    """False: SharePoint's user profile service does not know the person yet (User Profile Error 1000)."""
    soft_deleted: bool = False


@dataclass
class App:
    """One app registration or managed identity, with the application permissions granted to it."""

    client_id: str
    certificates: list[bytes] = field(default_factory=list)
    """PEM, each with the public certificate only."""
    secrets: list[str] = field(default_factory=list)
    roles: dict[str, list[str]] = field(default_factory=dict)
    """Resource (`graph` or `sharepoint`) to the names of the granted app roles."""
    managed_identity: bool = False
    object_id: str = field(default_factory=lambda: str(uuid4()))
    """Of the service principal."""


@dataclass
class File:
    """One file in SharePoint."""

    name: str
    content: bytes
    unique_id: str
    created_at: datetime
    modified_at: datetime
    version: int = 1


@dataclass
class Geo:
    """One geography: its hosts, its picture library, its profiles."""

    name: str
    """`contoso` of `contoso-my.sharepoint.com`."""
    location: str | None = None
    """The `preferredDataLocation` that it serves; None for the central one."""
    folders: dict[str, dict[str, File]] = field(default_factory=dict)
    """Server-relative path (`/User Photos/Profile Pictures`) to the files in it, by name in lower case."""
    profiles: dict[str, dict[str, str]] = field(default_factory=dict)
    """Account name in lower case (`i:0#.f|membership|a@b`) to the properties that were written."""


@dataclass
class Tenant:
    """The whole tenant. One lock's worth of state: everything runs on one event loop."""

    tenant_id: str = field(default_factory=lambda: str(uuid4()))
    domain: str = "contoso.com"
    language: str = "en-US"
    users: dict[str, User] = field(default_factory=dict)
    """By object id, in order of creation; soft-deleted ones stay until they are purged."""
    groups: dict[str, list[str]] = field(default_factory=dict)
    """Group id to the object ids of its members."""
    apps: dict[str, App] = field(default_factory=dict)
    """By client id."""
    geos: list[Geo] = field(default_factory=list)
    """The central one first."""
    clock_offset: timedelta = timedelta()

    def now(self) -> datetime:
        """The tenant's time: the machine's, moved by `POST /clock`."""
        return datetime.now(UTC) + self.clock_offset

    def find_user(self, key: str) -> User | None:
        """The user with this object id or UPN, without regard to case; soft-deleted ones are not found."""
        user = self.users.get(key.lower()) or next(
            (user for user in self.users.values() if user.upn.lower() == key.lower()), None
        )
        return None if user is None or user.soft_deleted else user
