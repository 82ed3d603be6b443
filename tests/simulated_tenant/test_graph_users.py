"""Graph's users, groups, organization and sites answer in Graph's shapes, to who may ask."""

import json
from typing import Any

import pytest

from simulated_tenant.state import ChangeKind
from tests.simulated_tenant.desk import GRAPH, Desk, header


@pytest.fixture
def desk() -> Desk:
    return Desk()


def every_page(desk: Desk, url: str) -> list[list[dict[str, Any]]]:
    """The pages of a collection, by its links."""
    pages = []
    link: str | None = url
    while link:
        body = desk.get(link)
        pages.append(body["value"])
        link = body.get("@odata.nextLink")
    return pages


def test_ten_thousand_users_come_once_each(desk: Desk) -> None:
    """By `nextLink` one meets every user exactly once, at most 999 a page."""
    users = desk.people(10_000)
    pages = every_page(desk, "/users?$select=id&$top=999")
    assert [len(page) for page in pages] == [999] * 10 + [10]
    assert [item["id"] for page in pages for item in page] == [user.id for user in users]


def test_page_has_a_hundred_users_unless_asked(desk: Desk) -> None:
    """Without `$top` a page has 100 users, and the link carries on what was asked."""
    desk.people(150)
    body = desk.get("/users?$select=id,mail")
    assert len(body["value"]) == 100
    assert body["@odata.context"] == f"{GRAPH}/$metadata#users(id,mail)"
    assert "$select=id,mail" in body["@odata.nextLink"]
    assert set(desk.get(body["@odata.nextLink"])["value"][0]) == {"id", "mail"}


def test_deletion_between_pages_skips_nobody(desk: Desk) -> None:
    """A user deleted while one pages takes no other user along."""
    users = desk.people(30)
    first = desk.get("/users?$select=id&$top=10")
    users[2].soft_deleted = users[12].soft_deleted = True
    rest = every_page(desk, first["@odata.nextLink"])
    expected = [user.id for user in users[10:] if not user.soft_deleted]
    assert [item["id"] for page in rest for item in page] == expected


@pytest.mark.parametrize("size", ["0", "1000", "many"])
def test_page_sizes_have_bounds(desk: Desk, size: str) -> None:
    """A page size outside 1 to 999 is refused with the sentence that Graph has for it."""
    answer = desk.ask("GET", f"/users?$top={size}")
    message = f"Invalid page size specified: '{size}'. Must be between 1 and 999 inclusive."
    assert (answer.status, json.loads(answer.body)["error"]["message"]) == (400, message)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("userPrincipalName eq 'PERSON3@contoso.com'", [3]),
        ("startswith(userPrincipalName,'person1')", [1, 10, 11]),
        ("startswith(mail,'person1') and accountEnabled eq false", [10]),
        ("accountEnabled eq false or userType eq 'Guest'", [4, 10]),
        ("(accountEnabled eq false or userType eq 'Guest') and startswith(displayName,'Person 4')", [4]),
        ("mail in ('person2@contoso.com','person5@contoso.com')", [2, 5]),
        ("mail eq null", [7]),
        ("displayName eq 'O''Neill'", [8]),
    ],
)
def test_filters_find_who_they_mean(desk: Desk, text: str, found: list[int]) -> None:
    """The simple filters work, with quotes doubled and without regard to case."""
    users = desk.people(12)
    for user in users:
        user.mail = user.upn
    users[10].account_enabled = False
    users[4].user_type = "Guest"
    users[7].mail = None
    users[8].display_name = "O'Neill"
    listed = desk.get(f"/users?$select=id&$filter={text}")["value"]
    assert [item["id"] for item in listed] == [users[number].id for number in found]


@pytest.mark.parametrize(
    "query",
    [
        "$filter=photo eq 'x'",
        "$filter=userType ne 'Guest'",
        "$filter=mail eq 'open",
        "$filter=mail eq",
        "$filter=mail gt 'x'",
        "$skip=5",
        "$select=shoeSize",
        "$skiptoken=made-up",
        "$orderby=shoeSize",
    ],
)
def test_queries_that_graph_does_not_serve_are_refused(desk: Desk, query: str) -> None:
    """What Graph refuses is refused with 400, not half understood."""
    desk.people(1)
    assert desk.error("GET", f"/users?{query}")[0] == 400


def test_count_and_ne_are_advanced_queries(desk: Desk) -> None:
    """`$count` and `ne` work with `ConsistencyLevel: eventual`."""
    desk.people(3)[1].user_type = "Guest"
    body = desk.get("/users?$count=true&$filter=userType ne 'Guest'", consistencylevel="eventual")
    assert (body["@odata.count"], len(body["value"])) == (2, 2)


def test_user_is_found_by_id_and_upn_until_deleted(desk: Desk) -> None:
    """Id and UPN find a user in any case of letters; a soft-deleted user is gone."""
    user = desk.people(1)[0]
    for key in (user.id, user.upn, user.upn.upper(), user.upn.replace("@", "%40")):
        assert desk.get(f"/users/{key}")["id"] == user.id
    user.upn = "renamed@contoso.com"
    assert desk.get("/users/renamed@contoso.com")["id"] == user.id
    assert desk.error("GET", "/users/person0@contoso.com") == (404, "Request_ResourceNotFound")
    user.soft_deleted = True
    assert desk.error("GET", f"/users/{user.id}") == (404, "Request_ResourceNotFound")


def test_every_answer_carries_the_ids_of_the_request(desk: Desk) -> None:
    """request-id, client-request-id and the diagnostic are on successes and errors, and errors repeat them."""
    answer = desk.ask("GET", "/users/nobody", headers={"client-request-id": "mine"})
    inner = json.loads(answer.body)["error"]["innerError"]
    assert (header(answer, "request-id"), header(answer, "client-request-id")) == (inner["request-id"], "mine")
    assert inner["client-request-id"] == "mine"
    assert json.loads(header(answer, "x-ms-ags-diagnostic") or "")["ServerInfo"]["Ring"]
    assert header(desk.ask("GET", "/users"), "request-id")


@pytest.mark.parametrize(
    ("url", "enough"),
    [
        ("/users", "User.Read.All"),
        ("/users", "Directory.Read.All"),
        ("/users/{user}", "User.ReadWrite.All"),
        ("/users/delta", "User.Read.All"),
        ("/groups/{group}/members", "GroupMember.Read.All"),
        ("/groups/{group}/transitiveMembers", "Group.Read.All"),
        ("/organization", "Organization.Read.All"),
        ("/sites/root", "Sites.Read.All"),
    ],
)
def test_roles_are_needed(desk: Desk, url: str, enough: str) -> None:
    """Without the role there is a 403, with it a 200; a role of another kind does not help."""
    user = desk.people(1)[0]
    desk.tenant.groups["g"] = [user.id]
    url = url.format(user=user.id, group="g")
    desk.app.roles["graph"] = ["Mail.Read"]
    assert desk.error("GET", url)[0] == 403
    desk.app.roles["graph"] = [enough]
    desk.get(url)


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        ("", "Access token is empty."),
        ("Bearer nonsense", "IDX14100: JWT is not well formed, there are no dots (.)."),
        ("Bearer {forged}", "Invalid signature."),
        ("Bearer {expired}", "Lifetime validation failed, the token is expired."),
        ("Bearer {sharepoint}", "Access token validation failure. Invalid audience."),
    ],
)
def test_tokens_that_give_no_access(desk: Desk, authorization: str, message: str) -> None:
    """Missing, malformed, forged, expired and foreign tokens are a 401 that says which, with the challenge."""
    good = desk.token()
    forged = f"{good.rpartition('.')[0]}.{desk.token().rpartition('.')[2]}"
    expired, sharepoint = good, desk.token("https://contoso-my.sharepoint.com")
    if "expired" in authorization:
        assert desk.control("POST", "/clock", {"advanceSeconds": 3700})[0] == 200
    value = authorization.format(forged=forged, expired=expired, sharepoint=sharepoint)
    answer = desk.ask("GET", "/users", headers={"authorization": value})
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"], error["message"]) == (401, "InvalidAuthenticationToken", message)
    assert "authorization_uri" in (header(answer, "www-authenticate") or "")
    assert desk.violations() == (["wrong-audience"] if "sharepoint" in authorization else [])


def test_unknown_paths_and_methods_are_refused_and_recorded(desk: Desk) -> None:
    """A path that Graph does not have is 400 in Graph's shape, a wrong method 405, both are violations."""
    assert desk.error("GET", "/shoes") == (400, "BadRequest")
    assert desk.error("PUT", "/users") == (405, "Request_BadRequest")
    assert desk.violations() == ["unknown-path", "unknown-path"]


def test_members_of_groups_direct_and_nested(desk: Desk) -> None:
    """Members are users and groups, the cast leaves users, transitive members come once each, circles included."""
    users = desk.people(4)
    ids = [user.id for user in users]
    desk.tenant.groups |= {"outer": [ids[0], "inner"], "inner": [ids[1], ids[0], "outer", ids[2]]}
    users[2].soft_deleted = True

    def members(path: str) -> list[str]:
        return [item["id"] for item in desk.get(f"/groups/{path}?$select=id")["value"]]

    assert members("outer/members") == [ids[0], "inner"]
    assert members("outer/members/microsoft.graph.user") == [ids[0]]
    assert members("outer/transitiveMembers") == [ids[0], "inner", ids[1], "outer"]
    assert desk.error("GET", "/groups/none/members") == (404, "Request_ResourceNotFound")
    assert desk.get("/groups/outer")["id"] == "outer"


def test_members_without_a_right_to_users_are_ids_only(desk: Desk) -> None:
    """With GroupMember.Read.All alone, members are known by id and type, and nothing else of them."""
    user = desk.people(1)[0]
    desk.tenant.groups["g"] = [user.id]
    desk.app.roles["graph"] = ["GroupMember.Read.All"]
    member = desk.get("/groups/g/members?$select=id,mail,displayName")["value"][0]
    assert member == {"@odata.type": "#microsoft.graph.user", "id": user.id, "mail": None, "displayName": None}


def test_root_site_names_the_sharepoint_host(desk: Desk) -> None:
    """Clients learn the SharePoint host from the root site, and with several geos all of them."""
    assert desk.get("/sites/root?$select=webUrl")["webUrl"] == "https://contoso.sharepoint.com"
    assert desk.control("POST", "/geos", {"name": "contosoeur", "location": "eur"})[0] == 201
    found = desk.get("/sites?$filter=siteCollection/root ne null&$select=webUrl,siteCollection")["value"]
    assert [site["webUrl"] for site in found] == ["https://contoso.sharepoint.com", "https://contosoeur.sharepoint.com"]
    assert found[1]["siteCollection"]["dataLocationCode"] == "EUR"


def test_delta_tells_of_new_changed_and_deleted_users_but_not_of_photos(desk: Desk) -> None:
    """A first round lists everyone; the next tells what changed since, each user once; a new photo is no change."""
    users = desk.people(3)
    body = desk.get("/users/delta?$select=userPrincipalName")
    assert body["value"] == [{"userPrincipalName": user.upn, "id": user.id} for user in users]
    photo = b"x"
    desk.control("PUT", f"/users/{users[0].id}/photo", body=photo)
    body = desk.get(body["@odata.deltaLink"])
    assert body["value"] == []
    _, new = desk.control("POST", "/users", {"userPrincipalName": "new@contoso.com"})
    desk.control("PATCH", f"/users/{users[0].id}", {"displayName": "Changed"})
    desk.control("DELETE", f"/users/{users[1].id}")
    desk.control("DELETE", f"/users/{users[2].id}?permanent=true")
    again = desk.get(body["@odata.deltaLink"])
    assert again["value"] == [
        {"userPrincipalName": "new@contoso.com", "id": new["id"]},
        {"userPrincipalName": users[0].upn, "id": users[0].id},
        {"id": users[1].id, "@removed": {"reason": "changed"}},
        {"id": users[2].id, "@removed": {"reason": "deleted"}},
    ]
    assert desk.get(again["@odata.deltaLink"])["value"] == []


def test_delta_pages_and_tokens_end(desk: Desk) -> None:
    """A long round has several pages; a token older than seven days is `syncStateNotFound`."""
    desk.people(450)
    body = desk.get("/users/delta?$select=id")
    count = len(body["value"])
    while "@odata.nextLink" in body:
        body = desk.get(body["@odata.nextLink"])
        count += len(body["value"])
    assert count == 450
    desk.control("POST", "/clock", {"advanceSeconds": 7 * 86400 + 1})
    assert desk.error("GET", body["@odata.deltaLink"]) == (400, "syncStateNotFound")


def test_delta_from_now_and_for_some_ids(desk: Desk) -> None:
    """`$deltatoken=latest` skips the present, and `$filter` keeps to the ids that it names."""
    users = desk.people(3)
    latest = desk.get("/users/delta?$deltatoken=latest")
    assert latest["value"] == []
    only = desk.get(f"/users/delta?$select=id&$filter=id eq '{users[1].id}'")
    assert [item["id"] for item in only["value"]] == [users[1].id]
    for user in users:
        desk.tenant.record_change(user.id, ChangeKind.UPDATED)
    assert len(desk.get(latest["@odata.deltaLink"])["value"]) == 3
    assert [item["id"] for item in desk.get(only["@odata.deltaLink"])["value"]] == [users[1].id]
