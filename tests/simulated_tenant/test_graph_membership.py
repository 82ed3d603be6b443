"""Who is in a group: transitive members as an advanced query, and the groups that a user is asked about."""

import json
from typing import Any

import pytest

from tests.simulated_tenant.desk import Desk

TRANSITIVE = "/groups/outer/transitiveMembers/microsoft.graph.user?$select=id&$top=999"


@pytest.fixture
def desk() -> Desk:
    """A tenant with a group in a group, and a circle."""
    made = Desk()
    ids = [user.id for user in made.people(4)]
    made.tenant.groups |= {"outer": [ids[0], "inner"], "inner": [ids[1], "outer"], "other": [ids[2]]}
    return made


def test_transitive_members_as_users_are_an_advanced_query(desk: Desk) -> None:
    """Without ConsistencyLevel and $count it is refused, as the directory does; with both, users come with a count."""
    ids = list(desk.tenant.users)
    assert desk.error("GET", TRANSITIVE) == (400, "Request_UnsupportedQuery")
    assert desk.error("GET", f"{TRANSITIVE}&$count=true") == (400, "Request_UnsupportedQuery")
    assert desk.error("GET", TRANSITIVE, consistencylevel="eventual") == (400, "Request_UnsupportedQuery")
    found = desk.get(f"{TRANSITIVE}&$count=true", consistencylevel="eventual")
    assert [user["id"] for user in found["value"]] == ids[:2]
    assert found["@odata.count"] == 2


def test_transitive_members_come_in_pages(desk: Desk) -> None:
    """999 to a page, with a link to the rest that wants the same header again."""
    desk.tenant.groups["large"] = [user.id for user in desk.people(1200)]
    path = "/groups/large/transitiveMembers/microsoft.graph.user?$select=id&$top=999&$count=true"
    first = desk.get(path, consistencylevel="eventual")
    assert len(first["value"]) == 999
    link = first["@odata.nextLink"].replace("+", "%2B")
    assert desk.error("GET", link) == (400, "Request_UnsupportedQuery")
    second = desk.get(link, consistencylevel="eventual")
    assert len(second["value"]) == 201
    assert "@odata.nextLink" not in second


def check(desk: Desk, user: str, groups: Any) -> Any:
    """The answer's JSON."""
    return json.loads(desk.ask("POST", f"/users/{user}/checkMemberGroups", {"groupIds": groups}).body)


def test_a_user_is_asked_about_up_to_twenty_groups(desk: Desk) -> None:
    """Those that the user is in come back, through other groups too; unknown groups are no error."""
    ids = list(desk.tenant.users)
    assert check(desk, ids[0], ["outer", "inner", "other"])["value"] == ["outer", "inner"]
    assert check(desk, ids[1], ["OUTER", "inner", "nowhere"])["value"] == ["outer", "inner"]
    assert check(desk, ids[3], ["outer", "inner", "other"])["value"] == []
    for wrong in ([], [str(number) for number in range(21)], "outer", None, [1]):
        assert check(desk, ids[0], wrong)["error"]["code"] == "Request_BadRequest"
    assert check(desk, "nobody", ["outer"])["error"]["code"] == "Request_ResourceNotFound"
    assert desk.violations() == []


def test_membership_is_asked_inside_a_batch(desk: Desk) -> None:
    """A POST with a body of its own is an item like another."""
    user = next(iter(desk.tenant.users))
    item = {
        "id": "1",
        "method": "POST",
        "url": f"/users/{user}/checkMemberGroups",
        "headers": {"Content-Type": "application/json"},
        "body": {"groupIds": ["outer", "other"]},
    }
    [found] = json.loads(desk.ask("POST", "/$batch", {"requests": [item]}).body)["responses"]
    assert (found["status"], found["body"]["value"]) == (200, ["outer"])


@pytest.mark.parametrize(
    ("roles", "status"),
    [
        (["GroupMember.Read.All", "User.Read.All"], 200),
        (["Directory.Read.All"], 200),
        (["User.Read.All"], 403),
        (["GroupMember.Read.All"], 403),
        ([], 403),
    ],
)
def test_membership_needs_rights_to_users_and_groups(desk: Desk, roles: list[str], status: int) -> None:
    """Either of the two alone is not enough."""
    user = next(iter(desk.tenant.users))
    desk.app.roles["graph"] = roles
    assert desk.ask("POST", f"/users/{user}/checkMemberGroups", {"groupIds": ["outer"]}).status == status
