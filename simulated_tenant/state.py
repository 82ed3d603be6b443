"""What the tenant holds: people with photos, registered apps, SharePoint's geos with files and profiles."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from simulated_tenant.clouds import PUBLIC, Cloud
from simulated_tenant.deliveries import Deliveries
from simulated_tenant.journal import Journal
from simulated_tenant.outbound import Internet
from simulated_tenant.wire import Answer, Received


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
    properties: dict[str, Any] = field(default_factory=dict)
    """Anything else that Graph shows of a user, such as `jobTitle`."""


@dataclass(frozen=True)
class FederatedCredential:
    """Whose tokens an app accepts in place of a credential of its own. Compared case-sensitively, as Entra does."""

    issuer: str
    subject: str
    """Object id of the managed identity."""
    audience: str


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
    expired_secrets: list[str] = field(default_factory=list)
    federated: list[FederatedCredential] = field(default_factory=list)
    identity_header: str | None = None
    """Of a managed identity: what the caller of the token endpoint must send as `X-IDENTITY-HEADER`."""
    display_name: str = ""


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
    folders_created: dict[str, datetime] = field(default_factory=dict)
    """Server-relative path of a folder to its time of creation."""
    recycle_bin: dict[str, tuple[str, File]] = field(default_factory=dict)
    """Id of the recycled item to the folder it was taken from and the file."""
    people_manager_calls: deque[datetime] = field(default_factory=deque)
    """When PeopleManager was called, oldest first, throttled calls too; calls older than five minutes are dropped."""


class ChangeKind(StrEnum):
    """What can happen to a user object."""

    CREATED = "created"
    UPDATED = "updated"
    SOFT_DELETED = "changed"
    """`changed` is what delta gives as the reason for the removal."""
    PURGED = "deleted"
    PHOTO = "photo"
    """The photo came, changed or went: it may raise a notification, but delta never shows it."""


@dataclass(frozen=True)
class Change:
    """One thing that happened to a user object, in the order of happening."""

    number: int
    user_id: str
    kind: ChangeKind
    at: datetime


@dataclass
class Subscription:
    """One subscription to changes of users."""

    id: str
    app: str
    """Client id; apps see their own subscriptions only."""
    creator: str
    """Object id of the app's service principal."""
    resource: str
    """As the caller wrote it."""
    user_id: str | None
    """The one user that it is about; None: all."""
    change_type: str
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    expires: datetime
    tls_version: str = "v1_2"

    def wants(self, kind: ChangeKind, user_id: str, now: datetime) -> bool:
        """Whether a change is to be told. `updated` covers creation, update and soft deletion."""
        event = "deleted" if kind is ChangeKind.PURGED else "updated"
        return event in self.change_type.split(",") and self.user_id in {None, user_id} and now < self.expires


@cache
def process_signing_key() -> RSAPrivateKey:
    """The key that signs tokens. One per process: making one takes a tenth of a second, and it guards nothing."""
    return generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class SharePointRules:
    """What SharePoint allows in this tenant, beyond the roles granted to the apps."""

    profiles_need_full_control: bool = False
    """Strict: profiles demand `Sites.FullControl.All` beside the user roles, as published software grants it."""
    selected_sites: dict[str, str] = field(default_factory=dict)
    """Client id of an app with `Sites.Selected` to what it may do on the `-my` root sites: `read` or `write`."""
    people_manager_limit: int = 3000
    """PeopleManager calls in five minutes, for each geo: Microsoft's figure for up to 1,000 licences."""


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
    sharepoint: SharePointRules = field(default_factory=SharePointRules)
    clock_offset: timedelta = timedelta()
    clock_stands_at: datetime | None = None
    """The machine's time when the clock was told to stand; None: it runs."""
    date_offset: timedelta = timedelta()
    """How far the Date headers of Graph and SharePoint are from the machine's time: 0, or somebody's clock is wrong."""
    display_name: str = "Contoso"
    sharepoint_name: str = "contoso"
    picture_folder: str = "Profile Pictures"
    """Name of the sub-folder of `User Photos`; it follows the language of the host's root web."""
    cloud: Cloud = PUBLIC
    identity_header: str = field(default_factory=lambda: uuid4().hex)
    """What callers of the managed identity's endpoint must send."""
    group_names: dict[str, str] = field(default_factory=dict)
    journal: Journal = field(default_factory=Journal)
    """Every request, and every violation."""
    signing_key: RSAPrivateKey = field(default_factory=process_signing_key, repr=False)
    changes: list[Change] = field(default_factory=list, repr=False)
    """What happened to users, for delta and notifications."""
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    subscription_calls: dict[tuple[str, str], deque[datetime]] = field(default_factory=dict, repr=False)
    """When an app made calls of a kind to the subscription API; older ones than its quotas look at are dropped."""
    validate_on_renewal: bool = False
    """Whether a renewal repeats the handshake; documentation is silent, one report says so."""
    deliveries: Deliveries = field(default_factory=Deliveries)
    internet: Internet = field(default_factory=Internet, repr=False)
    """How the tenant reaches the servers of others."""
    on_change: list[Callable[[Change], None]] = field(default_factory=list, repr=False)
    serve_inner: Callable[[Received], Awaitable[Answer]] | None = field(default=None, repr=False)
    """Serves one item of a batch like a request of its own; set by whoever dispatches."""
    _ids_by_upn: dict[str, str] = field(default_factory=dict, repr=False)

    def now(self) -> datetime:
        """The tenant's time: the machine's, moved by `POST /clock`, unless it stands."""
        return (self.clock_stands_at or datetime.now(UTC)) + self.clock_offset

    def let_clock_stand(self, *, stands: bool) -> None:
        """Let the time pass only when it is moved, or run on from where it is."""
        now = self.now()
        machine = datetime.now(UTC)
        self.clock_stands_at = machine if stands else None
        self.clock_offset = now - machine

    def find_user(self, key: str) -> User | None:
        """The user with this object id or UPN, without regard to case; soft-deleted ones are not found."""
        key = key.lower()
        user = self.users.get(key) or self.users.get(self._ids_by_upn.get(key, ""))
        if user is None or key not in {user.id.lower(), user.upn.lower()}:
            # The index follows on demand, so that `users` and each UPN may be written freely.
            self._ids_by_upn = {user.upn.lower(): user.id for user in self.users.values() if not user.soft_deleted}
            user = self.users.get(self._ids_by_upn.get(key, ""))
        return None if user is None or user.soft_deleted else user

    def record_change(self, user_id: str, kind: ChangeKind) -> None:
        """Note that a user object changed, and tell whoever listens."""
        change = Change(len(self.changes) + 1, user_id, kind, self.now())
        self.changes.append(change)
        for listener in self.on_change:
            listener(change)

    def central_geo(self) -> Geo:
        """The geo that serves everyone without a `preferredDataLocation` of another."""
        return self.geos[0]

    def geo_of(self, user: User) -> Geo:
        """The geo that holds the user's profile and pictures."""
        location = (user.preferred_data_location or "").upper()
        return next((geo for geo in self.geos if location and geo.location == location), self.geos[0])
