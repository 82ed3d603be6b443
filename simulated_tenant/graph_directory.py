"""Graph: groups and their members, the organization, the root site."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from simulated_tenant import graph, graph_users, odata
from simulated_tenant.state import Tenant
from simulated_tenant.wire import Answer, Operations, Received

OPERATIONS = Operations(graph.HOST)
_GROUP = r"/v1\.0/groups/(?P<group>[^/]+)"
_CAST = r"(?P<cast>/(?:microsoft\.)?graph\.user)?"
_MOST_GROUPS = 20
_GROUP_PROPERTIES = ("id", "displayName", "description", "groupTypes", "mail", "mailEnabled", "securityEnabled")
_SITE_PROPERTIES = ("id", "name", "displayName", "webUrl", "siteCollection", "root", "createdDateTime", "description")
_ORGANIZATION_PROPERTIES = (
    "id",
    "displayName",
    "verifiedDomains",
    "countryLetterCode",
    "preferredLanguage",
    "tenantType",
    "assignedPlans",
)


def _group(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> str:
    graph.require(tenant, received, graph.READ_GROUPS)
    group = unquote(groups["group"]).lower()
    if group not in tenant.groups:
        raise graph.no_such_object(received, group)
    return group


def _group_entity(tenant: Tenant, group: str) -> dict[str, Any]:
    return {
        "id": group,
        "displayName": tenant.group_names.get(group, group),
        "description": None,
        "groupTypes": [],
        "mail": None,
        "mailEnabled": False,
        "securityEnabled": True,
    }


@OPERATIONS.add("graph.groups.list", "GET", r"/v1\.0/groups")
def list_groups(tenant: Tenant, received: Received, _: Mapping[str, str]) -> Answer:
    """All groups."""
    graph.require(tenant, received, graph.READ_GROUPS)
    odata.refuse_options(received, "$skip", "$search", "$expand")
    names = odata.selected(received, _GROUP_PROPERTIES, _GROUP_PROPERTIES)
    passes = odata.filtered(received, ("id", "displayName"))
    found = [known for group in tenant.groups if passes(known := _group_entity(tenant, group))]
    return graph_users.collection(tenant, received, found, names, graph_users.fragment(received, "groups", names))


@OPERATIONS.add("graph.groups.get", "GET", _GROUP)
def get_group(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """One group."""
    group = _group(tenant, received, groups)
    names = odata.selected(received, _GROUP_PROPERTIES, _GROUP_PROPERTIES)
    context = graph.context(tenant, graph_users.fragment(received, "groups", names) + "/$entity")
    return graph.of_json({"@odata.context": context} | graph_users.shown(_group_entity(tenant, group), names))


@OPERATIONS.add("graph.groups.members", "GET", _GROUP + "/members" + _CAST)
def members(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """The direct members: users and groups, or only users with the cast."""
    group = _group(tenant, received, groups)
    return _members(tenant, received, tenant.groups[group], users_only="cast" in groups)


@OPERATIONS.add("graph.groups.transitive_members", "GET", _GROUP + "/transitiveMembers" + _CAST)
def transitive_members(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """The members of the group and of the groups in it, each once; with the cast it is an advanced query.

    https://learn.microsoft.com/graph/api/group-list-transitivemembers
    """
    group = _group(tenant, received, groups)
    if "cast" in groups:
        _require_advanced(received)
    found = list(dict.fromkeys(_below(tenant, group, {group})))
    return _members(tenant, received, found, users_only="cast" in groups)


def _require_advanced(received: Received) -> None:
    """400 unless the caller says that it knows of eventual consistency.

    https://learn.microsoft.com/graph/aad-advanced-queries
    """
    eventual = received.headers.get("consistencylevel", "").lower() == "eventual"
    if not eventual or received.query.get("$count", "").lower() != "true":
        message = "Request with $count or an OData cast needs the header ConsistencyLevel: eventual and $count=true."
        raise graph.bad_request(received, message, "Request_UnsupportedQuery")


@OPERATIONS.add("graph.users.check_member_groups", "POST", r"/v1\.0/users/(?P<user>[^/]+)/checkMemberGroups")
def check_member_groups(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """Those of up to 20 groups that the user is a member of, direct or through other groups.

    https://learn.microsoft.com/graph/api/directoryobject-checkmembergroups
    """
    graph.require(tenant, received, graph.READ_USERS)
    graph.require(tenant, received, graph.READ_GROUPS)
    key = unquote(groups["user"])
    user = tenant.find_user(key)
    if user is None:
        raise graph.no_such_object(received, key)
    asked = _group_ids(received)
    found = [group for group in asked if group in tenant.groups and user.id in _below(tenant, group, {group})]
    return graph.of_json({"@odata.context": graph.context(tenant, "Collection(Edm.String)"), "value": found})


def _group_ids(received: Received) -> list[str]:
    """The ids in the body, in lower case; raises 400 for any other body."""
    try:
        ids = received.json()["groupIds"]
    except (ValueError, TypeError, KeyError):
        ids = None
    if not isinstance(ids, list) or not all(isinstance(group, str) for group in ids):
        raise graph.bad_request(received, "The parameter 'groupIds' is missing or is no list.", "Request_BadRequest")
    if not 1 <= len(ids) <= _MOST_GROUPS:
        message = f"The number of values in 'groupIds' must be between 1 and {_MOST_GROUPS}."
        raise graph.bad_request(received, message, "Request_BadRequest")
    return list(dict.fromkeys(group.lower() for group in ids))


def _below(tenant: Tenant, group: str, seen: set[str]) -> Iterator[str]:
    for member in tenant.groups[group]:
        yield member
        if member in tenant.groups and member not in seen:
            seen.add(member)
            yield from _below(tenant, member, seen)


def _members(tenant: Tenant, received: Received, ids: list[str], *, users_only: bool) -> Answer:
    names = odata.selected(received, (*graph_users.KNOWN, *_GROUP_PROPERTIES), graph_users.USUAL)
    # Without a right to users, Graph gives their ids and type only.
    readable = bool(graph.claims_of(tenant, received).roles & graph.READ_USERS)
    found: list[dict[str, Any]] = []
    for member in ids:
        user = tenant.users.get(member)
        if user is not None and not user.soft_deleted:
            known = graph_users.entity(user)
            hidden = known if readable else dict.fromkeys(known) | {"id": user.id}
            found.append({"@odata.type": "#microsoft.graph.user"} | hidden)
        elif member in tenant.groups and not users_only:
            found.append({"@odata.type": "#microsoft.graph.group"} | _group_entity(tenant, member))
    kind = "users" if users_only else "directoryObjects"
    return graph_users.collection(tenant, received, found, names, graph_users.fragment(received, kind, names))


@OPERATIONS.add("graph.organization.get", "GET", r"/v1\.0/organization")
def organization(tenant: Tenant, received: Received, _: Mapping[str, str]) -> Answer:
    """The tenant itself."""
    graph.require(tenant, received, graph.READ_ORGANIZATION)
    names = odata.selected(received, _ORGANIZATION_PROPERTIES, _ORGANIZATION_PROPERTIES)
    known = {
        "id": tenant.tenant_id,
        "displayName": tenant.display_name,
        "verifiedDomains": [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": True,
                "isInitial": False,
                "name": tenant.domain,
                "type": "Managed",
            },
            {
                "capabilities": "",
                "isDefault": False,
                "isInitial": True,
                "name": f"{tenant.sharepoint_name}.onmicrosoft.com",
                "type": "Managed",
            },
        ],
        "countryLetterCode": "US",
        "preferredLanguage": tenant.language.partition("-")[0],
        "tenantType": "AAD",
        "assignedPlans": [],
    }
    context = graph.context(tenant, graph_users.fragment(received, "organization", names))
    return graph.of_json({"@odata.context": context, "value": [graph_users.shown(known, names)]})


@OPERATIONS.add("graph.sites.root", "GET", r"/v1\.0/sites/root")
def root_site(tenant: Tenant, received: Received, _: Mapping[str, str]) -> Answer:
    """The root site: how clients learn the tenant's SharePoint host."""
    if not graph.claims_of(tenant, received).roles & graph.READ_SITES:
        raise graph.refused(received, 403, "accessDenied", "Access denied")
    names = odata.selected(received, _SITE_PROPERTIES, _SITE_PROPERTIES)
    known = _site(tenant, tenant.geos[0].name, None)
    context = graph.context(tenant, graph_users.fragment(received, "sites", names) + "/$entity")
    return graph.of_json({"@odata.context": context} | graph_users.shown(known, names))


@OPERATIONS.add("graph.sites.roots", "GET", r"/v1\.0/sites")
def geo_roots(tenant: Tenant, received: Received, _: Mapping[str, str]) -> Answer:
    """The root site of every geo, by the one documented filter; other filters are not served.

    https://learn.microsoft.com/graph/api/site-list
    """
    if not graph.claims_of(tenant, received).roles & (graph.READ_SITES - {"Sites.Selected"}):
        raise graph.refused(received, 403, "accessDenied", "Access denied")
    if received.query.get("$filter", "").replace(" ", "").lower() != "sitecollection/rootnenull":
        raise graph.bad_request(received, "Invalid filter clause.", "invalidRequest")
    names = odata.selected(received, _SITE_PROPERTIES, _SITE_PROPERTIES)
    found = [graph_users.shown(_site(tenant, geo.name, geo.location), names) for geo in tenant.geos]
    context = graph.context(tenant, graph_users.fragment(received, "sites", names))
    return graph.of_json({"@odata.context": context, "value": found})


def _site(tenant: Tenant, name: str, location: str | None) -> dict[str, Any]:
    host = f"{name}.{tenant.cloud.sharepoint}"
    collection: dict[str, Any] = {"hostname": host, "root": {}}
    if location:
        collection["dataLocationCode"] = location
    return {
        "id": f"{host},{tenant.tenant_id},{tenant.tenant_id}",
        "name": "",
        "displayName": "Communication site",
        "description": "",
        "webUrl": f"https://{host}",
        "siteCollection": collection,
        "root": {},
        "createdDateTime": "2020-01-01T00:00:00Z",
    }
