"""Budgets and gates: who was told to wait and does not wait is refused again, and it is written down."""

from datetime import timedelta

import pytest

from simulated_tenant.limits import Limits
from tests.simulated_tenant.desk import Desk, header

MY = "https://contoso-my.sharepoint.com"
ADMIN = "https://contoso-admin.sharepoint.com"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def later(desk: Desk, seconds: float) -> None:
    desk.control("POST", "/clock", {"advanceSeconds": seconds})


def test_budget_refuses_what_is_over_it_and_recovers(desk: Desk) -> None:
    """The units of a minute are used up, then there is 429 with a Retry-After that, when kept, suffices."""
    desk.control("POST", "/budget", {"service": "graph", "perMinute": 4})
    user = desk.person_with_photo()
    statuses = [desk.ask("GET", f"/users/{user.id}/photo").status for _ in range(4)]
    assert statuses == [200] * 4
    refused = desk.ask("GET", f"/users/{user.id}/photo")
    assert refused.status == 429
    later(desk, int(header(refused, "retry-after") or 0))
    assert desk.ask("GET", f"/users/{user.id}/photo").status == 200
    assert desk.violations() == []


def test_throttled_requests_count(desk: Desk) -> None:
    """Each refused request is charged too, so that knocking keeps the door shut longer."""
    limits, now = Limits(), desk.tenant.now()
    limits.per_minute["graph"] = 2
    moments = [now + timedelta(seconds=10 * number) for number in range(5)]
    spent = [limits.charge("a", "graph", 1, moment) for moment in moments]
    assert [one.allowed for one in spent if one] == [True, True, False, False, False]
    # Room for one more comes when all but one of the five have left the window.
    waits = [one.reset_seconds for one in spent if one]
    assert waits[2:] == [50, 50, 50]
    other = limits.charge("another app", "graph", 1, now)
    assert other is not None
    assert other.allowed


def test_batch_items_are_charged_and_the_batch_is_not(desk: Desk) -> None:
    """Of a batch, the items that fit are served, the others are 429 each."""
    users = desk.people(6)
    desk.control("POST", "/budget", {"service": "graph", "perMinute": 4})
    items = [{"id": user.id, "method": "GET", "url": f"/users/{user.id}/photo"} for user in users]
    assert desk.ask("POST", "/$batch", {"requests": items}).status == 200
    inner = [entry.status for entry in desk.tenant.journal.entries if entry.inner]
    assert inner == [200] * 4 + [429] * 2
    assert desk.violations() == []


def test_sharepoint_announces_its_limit(desk: Desk) -> None:
    """From 80 % on, SharePoint's answers carry RateLimit headers, and the refusal carries all of them."""
    desk.app.roles["sharepoint"] = ["Sites.FullControl.All"]
    desk.control("POST", "/budget", {"service": "sharepoint", "perMinute": 10})
    headers = {"authorization": f"Bearer {desk.token(MY)}", "user-agent": "NONISV|Contoso|Test/1.0"}
    answers = [desk.ask("GET", f"{MY}/_api/web", headers=headers) for _ in range(6)]
    assert [answer.status for answer in answers[:5]] == [200] * 5
    assert [header(answer, "ratelimit-remaining") for answer in answers] == [None, None, None, "2", "0", "0"]
    assert answers[5].status == 429
    assert header(answers[5], "ratelimit-limit") == "10"
    assert int(header(answers[5], "retry-after") or 0) >= 59


def test_early_retry_is_refused_and_written_down(desk: Desk) -> None:
    """The same request before its Retry-After is over is a violation and 429; afterwards it is served."""
    user = desk.person_with_photo()
    desk.control("POST", "/faults", {"operation": "graph.photo.metadata", "script": ["429:Retry-After=30"]})
    assert [desk.ask("GET", f"/users/{user.id}/photo").status for _ in range(2)] == [429, 429]
    assert desk.violations() == ["early-retry"]
    later(desk, 31)
    assert desk.ask("GET", f"/users/{user.id}/photo").status == 200
    assert desk.violations() == ["early-retry"]
    sentence = desk.tenant.journal.violations[0].sentence
    assert f"/users/{user.id}/photo" in sentence
    assert "before Retry-After ended" in sentence


def test_another_users_request_to_the_same_path_is_no_retry(desk: Desk) -> None:
    """Many requests about many users share a path: what tells them apart is the query or the body."""
    desk.app.roles["sharepoint"] = ["Sites.FullControl.All"]
    headers = {"authorization": f"Bearer {desk.token(ADMIN)}", "user-agent": "NONISV|Contoso|Test/1.0"}
    path = f"{ADMIN}/_api/SP.UserProfiles.PeopleManager/GetPropertiesFor(accountName=@v)"
    desk.control("POST", "/faults", {"operation": "sharepoint.profile.get", "script": ["429:Retry-After=30"]})
    asked = [f"{path}?@v='i%3A0%23.f%7Cmembership%7C{name}%40contoso.com'" for name in ("one", "other")]
    assert [desk.ask("GET", url, headers=headers).status for url in asked] == [429, 429]
    assert desk.violations() == []
    assert desk.ask("GET", asked[1], headers=headers).status == 429
    assert desk.violations() == ["early-retry"]


def test_whole_service_is_closed_but_what_was_on_its_way_is_no_violation(desk: Desk) -> None:
    """Other requests to the service are refused too; they are violations only when they came after the news."""
    one, other = desk.person_with_photo(), desk.person_with_photo()
    desk.control("POST", "/faults", {"operation": "graph.photo.metadata", "script": ["503:Retry-After=30"]})
    assert desk.ask("GET", f"/users/{one.id}/photo").status == 503
    assert desk.ask("GET", f"/users/{other.id}/photo").status == 429
    assert desk.violations() == []
    later(desk, 5)
    assert desk.ask("GET", f"/users/{other.id}").status == 429
    assert desk.violations() == ["early-retry"]
    assert desk.ask("GET", "https://login.microsoftonline.com/common/discovery/keys").status == 200


def test_a_users_gate_closes_for_that_user_only(desk: Desk) -> None:
    """Where the fault was scripted for a user, only that operation of that user has to wait."""
    one, other = desk.person_with_photo(), desk.person_with_photo()
    fault = {"operation": "graph.photo.metadata", "script": ["429:Retry-After=30"], "user": one.id}
    desk.control("POST", "/faults", fault)
    assert desk.ask("GET", f"/users/{one.id}/photo").status == 429
    later(desk, 5)
    assert desk.ask("GET", f"/users/{other.id}/photo").status == 200
    assert desk.ask("GET", f"/users/{one.id}/photo/$value").status == 200
    assert desk.violations() == []
    assert desk.ask("GET", f"/users/{one.id}/photo").status == 429
    assert desk.violations() == ["early-retry"]


@pytest.mark.parametrize("value", ["0", "-5", "soon"])
def test_retry_after_that_means_nothing_closes_nothing(desk: Desk, value: str) -> None:
    """Zero, negative and unreadable values of Retry-After let the next request through."""
    desk.control("POST", "/faults", {"operation": "graph.users.list", "script": [f"429:Retry-After={value}"]})
    assert [desk.ask("GET", "/users").status for _ in range(2)] == [429, 200]


def test_clearing_faults_opens_the_gates(desk: Desk) -> None:
    """A test can go on without waiting: DELETE /faults forgets what Retry-After said."""
    desk.control("POST", "/faults", {"operation": "graph.users.list", "script": ["429:Retry-After=99999999999"]})
    assert desk.ask("GET", "/users").status == 429
    desk.control("DELETE", "/faults")
    assert desk.ask("GET", "/users").status == 200


@pytest.mark.parametrize(
    ("agent", "fine"),
    [
        ("NONISV|Contoso|PhotoSync/1.2", True),
        ("ISV|Contoso|Photo Sync/1.2 extra", True),
        ("python-requests/2.32", False),
        ("", False),
        ("NONISV|Contoso|PhotoSync", False),
    ],
)
def test_sharepoint_wants_a_decorated_agent(desk: Desk, agent: str, fine: bool) -> None:
    """An undecorated User-Agent at SharePoint is served and written down; at Graph nobody minds."""
    headers = {"authorization": f"Bearer {desk.token(MY)}", "user-agent": agent}
    desk.ask("GET", f"{MY}/_api/web", headers=headers)
    assert ("user-agent" in desk.violations()) is not fine
    count = len(desk.violations())
    desk.ask("GET", "/users", headers={"user-agent": agent})
    assert len(desk.violations()) == count
