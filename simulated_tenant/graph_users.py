"""Graph: users, one and many.

https://learn.microsoft.com/graph/api/user-list
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from simulated_tenant import graph, odata
from simulated_tenant.state import Tenant, User
from simulated_tenant.wire import Answer, Operations, Received

OPERATIONS = Operations(graph.HOST)
USUAL = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
KNOWN = (
    *USUAL,
    "accountEnabled",
    "assignedLicenses",
    "assignedPlans",
    "city",
    "companyName",
    "country",
    "createdDateTime",
    "creationType",
    "department",
    "employeeId",
    "externalUserState",
    "identities",
    "mailNickname",
    "onPremisesSyncEnabled",
    "otherMails",
    "photo",
    "preferredDataLocation",
    "proxyAddresses",
    "state",
    "usageLocation",
    "userType",
)
FILTERABLE = ("id", "userPrincipalName", "mail", "accountEnabled", "userType", "displayName", "department")
_LISTS = {"businessPhones", "assignedLicenses", "assignedPlans", "identities", "otherMails", "proxyAddresses"}


def entity(user: User) -> dict[str, Any]:
    """Everything that Graph knows of a user."""
    known: dict[str, Any] = {name: [] if name in _LISTS else None for name in KNOWN}
    known |= user.properties
    known |= {
        "id": user.id,
        "userPrincipalName": user.upn,
        "displayName": user.display_name,
        "mail": user.mail,
        "mailNickname": user.upn.partition("@")[0],
        "accountEnabled": user.account_enabled,
        "userType": user.user_type,
        "preferredDataLocation": user.preferred_data_location,
    }
    del known["photo"]  # a relationship: to be selected without an error, but never shown
    return known


def shown(user: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The selected properties."""
    return {name: user[name] for name in names if name in user}


def fragment(received: Received, kind: str, names: Sequence[str]) -> str:
    """What stands after `$metadata#`."""
    return f"{kind}({','.join(names)})" if "$select" in received.query else kind


@OPERATIONS.add("graph.users.list", "GET", r"/v1\.0/users/?", cost=2)
def list_users(tenant: Tenant, received: Received, _: Mapping[str, str]) -> Answer:
    """Users page by page, in order of creation."""
    graph.require(tenant, received, graph.READ_USERS)
    odata.refuse_options(received, "$skip", "$search", "$expand")
    names = odata.selected(received, KNOWN, USUAL)
    passes = odata.filtered(received, FILTERABLE)
    found = [known for user in tenant.users.values() if not user.soft_deleted and passes(known := entity(user))]
    return collection(tenant, received, found, names, fragment(received, "users", names))


def collection(
    tenant: Tenant, received: Received, found: Sequence[Mapping[str, Any]], names: Sequence[str], kind: str
) -> Answer:
    """One page of entities, with the link to the next."""
    page, token = odata.page(received, _ordered(received, found), odata.top(received))
    body: dict[str, Any] = {"@odata.context": graph.context(tenant, kind)}
    eventual = received.headers.get("consistencylevel", "").lower() == "eventual"
    if eventual and received.query.get("$count", "").lower() == "true":
        body["@odata.count"] = len(found)
    if token:
        body["@odata.nextLink"] = odata.next_link(received, token)
    body["value"] = [shown(item, [*(name for name in ("@odata.type",) if name in item), *names]) for item in page]
    return graph.of_json(body)


def _ordered(received: Received, found: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    order = received.query.get("$orderby", "")
    if not order:
        return found
    name, _, direction = order.strip().partition(" ")
    if name not in {"displayName", "userPrincipalName"} or direction.strip().lower() not in {"", "asc", "desc"}:
        raise graph.bad_request(received, f"Sorting by '{order}' is not supported.", "Request_UnsupportedQuery")
    return sorted(found, key=lambda item: str(item[name]).lower(), reverse=direction.strip().lower() == "desc")


@OPERATIONS.add("graph.users.get", "GET", r"/v1\.0/users/(?P<user>(?!delta(?:\(\))?$)[^/]+)")
def get_user(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """One user, by id or UPN."""
    graph.require(tenant, received, graph.READ_USERS)
    names = odata.selected(received, KNOWN, USUAL)
    key = unquote(groups["user"])
    user = tenant.find_user(key)
    if user is None:
        raise graph.no_such_object(received, key)
    context = graph.context(tenant, fragment(received, "users", names) + "/$entity")
    return graph.of_json({"@odata.context": context} | shown(entity(user), names))
