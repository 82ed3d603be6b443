"""The user profile service: what it knows of each person, and what PeopleManager may change. No HTTP in here.

A profile belongs to the person, and is kept under the account name: when the person's UPN changes, it moves along.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from simulated_tenant.sharepoint_errors import profile_missing, property_missing, property_not_editable
from simulated_tenant.sharepoint_formats import Complex, Entity, Many
from simulated_tenant.state import Geo, Tenant, User

CLAIM = "i:0#.f|membership|"
"""In front of the UPN: together they are the account name."""

PICTURE, STATE, TIMESTAMP, EXCHANGE = (
    "PictureURL",
    "SPS-PicturePlaceholderState",
    "SPS-PictureTimestamp",
    "SPS-PictureExchangeSyncState",
)
_OWNER = "msOnline-ObjectId"
_MAINTAINED = frozenset(
    {"UserProfile_GUID", "SID", "ADGuid", "AccountName", "SPS-UserPrincipalName", "SPS-ClaimID", _OWNER, "UserName"}
)
_EMPTY = (
    *("AboutMe", "Assistant", "CellPhone", "Department", "Fax", "HomePhone", "Manager", "Office", "PersonalSpace"),
    *("PublicSiteRedirect", "QuickLinks", "SPS-Birthday", "SPS-DisplayOrder", "SPS-Dotted-line", "SPS-HashTags"),
    *("SPS-HideFromAddressLists", "SPS-HireDate", "SPS-Interests", "SPS-JobTitle", "SPS-Locale", "SPS-MUILanguages"),
    *("SPS-PastProjects", "SPS-Peers", "SPS-PhoneticDisplayName", "SPS-PhoneticFirstName", "SPS-PhoneticLastName"),
    *("SPS-ProxyAddresses", "SPS-RecipientTypeDetails", "SPS-Responsibility", "SPS-School", "SPS-SipAddress"),
    *("SPS-Skills", "SPS-StatusNotes", "SPS-TimeZone", "Title", "WebSite", "WorkPhone"),
)
_WINDOW = timedelta(minutes=5)


@dataclass(frozen=True)
class Profile:
    """One person's profile in the geo that holds it."""

    user: User
    geo: Geo
    account: str
    """As SharePoint writes it."""
    written: dict[str, str]
    """The properties that were written; the state itself, so that writing changes it."""


def account_of(upn: str) -> str:
    """The account name of a member or guest."""
    return CLAIM + upn


def _owner_of(tenant: Tenant, account: str) -> User | None:
    """The person with this account name. A deleted person's profile stays until the person is purged."""
    if not account.lower().startswith(CLAIM):
        return None
    upn = account[len(CLAIM) :]
    living = tenant.find_user(upn)
    if living is not None and living.upn.lower() == upn.lower():
        return living
    return next((user for user in tenant.users.values() if user.upn.lower() == upn.lower()), None)


def profile_of(tenant: Tenant, user: User) -> Profile | None:
    """The person's profile; None while the profile service does not know the person."""
    if not user.has_profile:
        return None
    geo = tenant.geo_of(user)
    account = account_of(user.upn)
    key = account.lower()
    if geo.profiles.get(key, {}).setdefault(_OWNER, user.id) != user.id or key not in geo.profiles:
        _follow_renames(tenant, geo)
        if geo.profiles.get(key, {}).get(_OWNER) != user.id:
            geo.profiles[key] = {_OWNER: user.id}
    return Profile(user, geo, account, geo.profiles[key])


def _follow_renames(tenant: Tenant, geo: Geo) -> None:
    """Put every profile under its owner's present account name; all at once, since two people may swap names."""
    misplaced = [
        (key, owner, written)
        for key, written in geo.profiles.items()
        if (owner := tenant.users.get(written.get(_OWNER, ""))) and account_of(owner.upn).lower() != key
    ]
    for key, _, _ in misplaced:
        del geo.profiles[key]
    for _, owner, written in sorted(misplaced, key=lambda moved: not moved[1].soft_deleted):
        geo.profiles[account_of(owner.upn).lower()] = written


def find_profile(tenant: Tenant, account: str) -> Profile | None:
    """The profile of an account name; None when the service knows none."""
    owner = _owner_of(tenant, account)
    return None if owner is None else profile_of(tenant, owner)


def native_properties(tenant: Tenant, profile: Profile) -> dict[str, str]:
    """What the service itself fills in, from the directory.

    The picture is in the placeholder state [inferred for people who never had one]: a writer must set state 0 as well.
    """
    user = profile.user
    first, _, last = user.display_name.partition(" ")
    guid = str(uuid5(NAMESPACE_URL, f"{tenant.tenant_id}/profile/{user.id}"))
    named = {
        "UserProfile_GUID": guid,
        "SID": f"i:0h.f|membership|{guid.replace('-', '')[:16]}@live.com",
        "ADGuid": "System.Byte[]",
        "AccountName": profile.account,
        "FirstName": first,
        "LastName": last,
        "PreferredName": user.display_name,
        PICTURE: "",
        "UserName": user.upn,
        "WorkEmail": user.mail or "",
        "SPS-ClaimID": user.upn,
        "SPS-ClaimProviderID": "membership",
        "SPS-ClaimProviderType": "Forms",
        "SPS-UserPrincipalName": user.upn,
        "SPS-UserType": "1" if user.user_type == "Guest" else "0",
        TIMESTAMP: "",
        STATE: "1",
        EXCHANGE: "1",
        _OWNER: user.id,
    }
    return named | dict.fromkeys(_EMPTY, "")


def properties_of(tenant: Tenant, profile: Profile) -> dict[str, str]:
    """All properties as they read now."""
    return native_properties(tenant, profile) | profile.written


def picture_url(properties: Mapping[str, str]) -> str | None:
    """`PictureUrl` as the read resolves it: null in the placeholder state, else the picture with its cache-buster."""
    url = properties.get(PICTURE, "")
    if not url or properties.get(STATE) == "1":
        return None
    timestamp = properties.get(TIMESTAMP, "")
    return f"{url}?t={timestamp}" if timestamp else url


def write_property(tenant: Tenant, geo: Geo, account: str, name: str, value: str) -> None:
    """Write one property; the errors are PeopleManager's. Property names have case."""
    profile = find_profile(tenant, account)
    if profile is None or profile.geo is not geo:
        raise profile_missing()
    if name in _MAINTAINED:
        raise property_not_editable()
    if name not in native_properties(tenant, profile):
        raise property_missing(name)
    profile.written[name] = value


def hosts(tenant: Tenant, geo: Geo) -> str:
    """The geo's My Site host, as native addresses spell it: with the port."""
    return f"https://{geo.name}-my.{tenant.cloud.sharepoint}:443/"


def person(tenant: Tenant, geo: Geo, account: str) -> Entity | None:
    """What `GetPropertiesFor` gives, asked in `geo`; None when the account is unknown, which is no error.

    Asked in another geo than the person's, it tells where the person's site is, and nothing of the picture [inferred].
    """
    profile = find_profile(tenant, account)
    if profile is None:
        return None
    properties = properties_of(tenant, profile)
    if profile.geo is not geo:
        properties |= {PICTURE: "", TIMESTAMP: "", STATE: "1"}
    host = hosts(tenant, profile.geo)
    personal = profile.user.upn.lower().replace("@", "_").replace(".", "_").replace("#ext#", "_ext_")
    pairs = [
        Complex("SP.KeyValue", {"Key": key, "Value": value, "ValueType": "Edm.String"})
        for key, value in properties.items()
    ]
    shown: dict[str, Any] = {
        "AccountName": profile.account,
        "DirectReports": Many("Edm.String"),
        "DisplayName": profile.user.display_name,
        "Email": profile.user.mail,
        "ExtendedManagers": Many("Edm.String"),
        "ExtendedReports": Many("Edm.String", (profile.account,)),
        "IsFollowed": False,
        "LatestPost": None,
        "Peers": Many("Edm.String"),
        "PersonalSiteHostUrl": host,
        "PersonalUrl": f"{host.replace(':443', '')}personal/{personal}/",
        "PictureUrl": picture_url(properties),
        "Title": properties["Title"] or None,
        "UserProfileProperties": Many("SP.KeyValue", tuple(pairs)),
        "UserUrl": f"{host}Person.aspx?accountname={quote(profile.account, safe='').replace('.', '%2E')}",
    }
    address = f"SP.UserProfiles.PeopleManager/GetPropertiesFor(accountName=@v)?@v='{quote(profile.account, safe='')}'"
    return Entity("SP.UserProfiles.PersonProperties", address, shown)


def recent_calls(geo: Geo, now: datetime) -> int:
    """How many PeopleManager calls the geo has had in the last five minutes; forgets the older ones."""
    made = geo.people_manager_calls
    while made and made[0] <= now - _WINDOW:
        made.popleft()
    return len(made)


def charge(tenant: Tenant, geo: Geo, calls: int, now: datetime) -> int | None:
    """Count PeopleManager calls against the geo's limit for five minutes.

    Gives the whole seconds to wait when there are too many. Throttled calls count as well.
    """
    recent_calls(geo, now)
    made = geo.people_manager_calls
    made.extend([now] * calls)
    over = len(made) - tenant.sharepoint.people_manager_limit
    if over <= 0:
        return None
    # Room for this request's own calls comes back when as many of the oldest have left the window.
    leaves = made[min(over + calls, len(made)) - 1] + _WINDOW - now
    return int(leaves.total_seconds()) + 1
