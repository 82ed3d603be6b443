"""Whatever breaks, exactly its check says so, with the way to mend it; the others go on."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.storage.queue import QueueServiceClient

from local_run.azurite import Ports
from local_run.stack import ROOT
from shared import paused, subscription_record
from shared.breaker import Breakers
from shared.failures import Failure, FailureCode
from shared.gates import Service
from shared.runs import RunKind, Users
from shared.tokens import Tokens
from status_page.health import check_queues
from status_page.health.findings import Verdict
from tests.bench import GRAPH_ROLES
from tests.status_page.health.conftest import Healthy, failed, of
from tests.storage_proxy import StorageProxy

type Break = Callable[[Healthy], object]
WITHOUT_STORAGE = {"subscription", "sweep", "gates"}
"""What cannot be read then, and says so."""


def roles(healthy: Healthy, **of_resource: list[str]) -> None:
    """Grant these and no others."""
    healthy.bench.control.call("PATCH", f"/apps/{healthy.bench.client_id}", {"roles": of_resource})


def lose_subscription(healthy: Healthy) -> None:
    """Graph forgets it, silently."""
    record, _ = subscription_record.read(healthy.bench.services.control)
    healthy.bench.control.call("DELETE", f"/subscriptions/{record.id}")


def library(*folders: str) -> Break:
    """The picture library has these folders and no others."""
    return lambda healthy: healthy.bench.control.call("POST", "/sharepoint/library", {"pictureFolders": list(folders)})


def fault(operation: str, *script: str) -> Break:
    """The next calls of this app fare so."""
    return lambda healthy: healthy.bench.control.fault(operation, *script, app=healthy.bench.client_id)


def setting(**settings: str) -> Break:
    """The app has these settings, too."""
    return lambda healthy: healthy.restart(**settings)


def group_that_is_gone(healthy: Healthy) -> None:
    """The settings name a group that nobody knows, and the app may read groups."""
    roles(healthy, graph=[*GRAPH_ROLES, "GroupMember.Read.All"])
    healthy.restart(PHOTOSYNC_SCOPE_GROUP="00000000-0000-4000-8000-000000000001")


def old_sweep(healthy: Healthy) -> None:
    """The last sweep was two hours ago: the timers do not run."""
    runs, ago = healthy.bench.services.runs, healthy.bench.clock.now() - timedelta(hours=2)
    (last,) = runs.newest(RunKind.SWEEP, 1)
    assert runs.change(RunKind.SWEEP, last.run_id, lambda run: replace(run, requested_at=ago, users=Users.ALL))


def open_breaker(healthy: Healthy) -> None:
    """SharePoint has refused nearly everything."""
    breakers, now = Breakers(healthy.bench.services.control), healthy.bench.clock.now()
    for _ in range(20):
        breakers.count([Service.SHAREPOINT], Failure(FailureCode.NOT_PERMITTED, service=Service.SHAREPOINT), now)


def test_all_is_well(healthy: Healthy) -> None:
    """A healthy app passes every check; only the group that no setting names is not asked for."""
    found = healthy.check()
    assert of(found, Verdict.SKIPPED) == {"graph-groups"}
    assert of(found, Verdict.PASSED) == set(found) - {"graph-groups"}
    assert "Profile Pictures" in found["picture-folder"].finding.found
    assert all(result.finding.remedy == "" for result in found.values())


BREAKS: dict[str, tuple[Break, str, str]] = {
    "a permission of Graph is not granted": (
        lambda healthy: roles(healthy, graph=["ProfilePhoto.Read.All"]),
        "graph-users",
        "Microsoft Graph, Application permissions, User.Read.All; then Grant admin consent",
    ),
    "SharePoint's permission for profiles is not granted": (
        lambda healthy: roles(healthy, sharepoint=["Sites.ReadWrite.All"]),
        "sharepoint-profiles",
        "SharePoint, Application permissions, User.ReadWrite.All; then Grant admin consent",
    ),
    "SharePoint's permission for profiles only reads": (
        lambda healthy: roles(healthy, sharepoint=["Sites.ReadWrite.All", "User.Read.All"]),
        "sharepoint-profiles",
        "SharePoint, Application permissions, User.ReadWrite.All; then Grant admin consent",
    ),
    "SharePoint's permission for files is not granted": (
        lambda healthy: roles(healthy, sharepoint=["User.ReadWrite.All"]),
        "sharepoint-files",
        "SharePoint, Application permissions, Sites.ReadWrite.All; then Grant admin consent",
    ),
    "the host reads messages as they are not written": (
        setting(AzureFunctionsJobHost__extensions__queues__messageEncoding="none"),
        "queues",
        '"messageEncoding": "base64"',
    ),
    "the subscription is lost": (lose_subscription, "subscription", "keep_subscription"),
    "the app has another address than the subscription": (
        setting(PHOTOSYNC_PUBLIC_URL="https://moved.contoso.example"),
        "subscription",
        "PHOTOSYNC_PUBLIC_URL",
    ),
    "there is no picture folder": (library(), "picture-folder", "Set PHOTOSYNC_PICTURE_FOLDER"),
    "there are two picture folders": (
        library("Profile Pictures", "Profielafbeeldingen"),
        "picture-folder",
        "Set PHOTOSYNC_PICTURE_FOLDER",
    ),
    "the clocks of Microsoft's services are ten minutes off": (
        lambda healthy: healthy.bench.control.call("POST", "/clock", {"dateOffset": 600}),
        "clock",
        "NTP",
    ),
    "the test user does not exist": (
        setting(PHOTOSYNC_TEST_USER="nobody.at.all@contoso.com"),
        "graph-users",
        "Set PHOTOSYNC_TEST_USER",
    ),
    "the group of the scope does not exist": (
        group_that_is_gone,
        "graph-groups",
        "Set PHOTOSYNC_SCOPE_GROUP",
    ),
    "Graph does not list users for now": (fault("graph.users.list", *["503"] * 3), "graph-users", "service health"),
    "SharePoint speaks in riddles": (fault("sharepoint.profile.get", "garbage"), "sharepoint-profiles", "tried again"),
    "the timers do not run": (old_sweep, "sweep", "POST /api/sweep"),
    "a breaker is open": (open_breaker, "gates", "Grant the application permissions"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_one_fault_fails_one_check(healthy: Healthy, what: str) -> None:
    """Its own check fails, with the remedy; no other does, and what hangs on it is skipped with that reason."""
    do, check, remedy = BREAKS[what]
    do(healthy)
    found = healthy.check()
    assert failed(found) == {check}, {name: found[name].finding for name in failed(found)}
    assert remedy in found[check].finding.remedy
    hang_on_it = {"picture-folder"} if check == "sharepoint-files" else set()
    assert of(found, Verdict.SKIPPED) - {"graph-groups"} == hang_on_it
    assert all("library" in found[name].finding.found for name in hang_on_it)
    if "granted" in what:
        assert found[check].finding.request_id


def test_the_token_tells_what_is_missing_and_what_is_too_much(healthy: Healthy) -> None:
    """Each is named: a permission that another one covers for now, and those that could do more than the app should."""
    roles(
        healthy,
        graph=["User.Read.All", "Directory.ReadWrite.All"],
        sharepoint=["User.ReadWrite.All", "Sites.FullControl.All"],
    )
    found = healthy.check()
    assert failed(found) == set()
    assert of(found, Verdict.WARNING) == {"token-graph", "token-admin", "token-my"}
    graph = found["token-graph"].finding
    assert "lacks ProfilePhoto.Read.All." in graph.found
    assert "does not need Directory.ReadWrite.All" in graph.found
    assert "Remove Directory.ReadWrite.All" in graph.remedy
    assert "Remove Sites.FullControl.All" in found["token-admin"].finding.remedy


def test_a_token_for_another_host_is_found_out(healthy: Healthy) -> None:
    """It fails alone, is not sent anywhere, and what would have needed it says why it was not tried."""

    class Mixed(Tokens):
        def get(self, resource: str, claims_challenge: str | None = None) -> str:
            wrong = "https://graph.microsoft.com"
            return super().get(wrong if "-my." in resource else resource, claims_challenge)

    found = healthy.check(tokens=Mixed(healthy.bench.settings))
    assert failed(found) == {"token-my"}
    assert "not for https://contoso-my.sharepoint.com" in found["token-my"].finding.found
    assert of(found, Verdict.SKIPPED) == {"sharepoint-files", "picture-folder", "graph-groups"}


def test_an_identity_that_gets_no_token_fails_for_that_alone(healthy: Healthy) -> None:
    """Three tokens are refused, with Entra's own code; nothing is asked with none."""
    healthy.bench.control.call("PATCH", f"/apps/{healthy.bench.client_id}", {"certificates": []})
    found = healthy.check()
    assert failed(found) == {"token-graph", "token-admin", "token-my"}
    assert "AADSTS" in found["token-graph"].finding.found
    assert "certificate" in found["token-graph"].finding.remedy
    skipped = {"graph-users", "graph-photos", "subscription", "sharepoint-profiles", "sharepoint-files"}
    assert skipped <= of(found, Verdict.SKIPPED)
    assert found["queues"].finding.verdict is Verdict.PASSED


def test_storage_down_fails_for_itself_alone(healthy: Healthy) -> None:
    """Queues and tables fail, what is recorded there is skipped; Graph and SharePoint are checked all the same."""
    healthy.restart(AzureWebJobsStorage=_closed_storage())
    found = healthy.check()
    assert failed(found) == {"queues", "tables"}
    assert of(found, Verdict.SKIPPED) == WITHOUT_STORAGE | {"graph-groups"}
    assert "firewall" in found["queues"].finding.remedy
    for name in ("graph-users", "graph-photos", "sharepoint-profiles", "sharepoint-files", "picture-folder", "clock"):
        assert found[name].finding.verdict is Verdict.PASSED


def test_a_missing_role_on_storage_is_named(healthy: Healthy) -> None:
    """A refusal is no outage: the role to give stands in the remedy."""
    ports = healthy.storage_ports
    with StorageProxy.start(ports) as proxy:
        healthy.restart(AzureWebJobsStorage=proxy.connection_string)
        proxy.fault("queue.create", "403")
        found = healthy.check()
        assert proxy.completed
    assert failed(found) == {"queues"}
    assert "Storage Queue Data Contributor" in found["queues"].finding.remedy


@pytest.mark.parametrize("service", ["graph", "sharepoint"])
def test_who_asked_for_a_pause_is_left_alone(healthy: Healthy, service: str) -> None:
    """The check that hears of it warns; the others of that service do not ask, and say when the pause ends."""
    operation = {"graph": "graph.users.list", "sharepoint": "sharepoint.profile.get"}[service]
    healthy.bench.control.fault(operation, "429:Retry-After=30", app=healthy.bench.client_id)
    found = healthy.check()
    assert failed(found) == set()
    first = {"graph": "graph-users", "sharepoint": "sharepoint-profiles"}[service]
    assert of(found, Verdict.WARNING) == {first, "gates"}
    assert "30 s" in found[first].finding.found
    silent = {"graph": {"graph-photos", "subscription"}, "sharepoint": {"sharepoint-files", "picture-folder"}}[service]
    assert of(found, Verdict.SKIPPED) - {"graph-groups"} == silent
    assert healthy.bench.control.violations("early-retry") == []


def test_nobodys_state_is_touched(healthy: Healthy) -> None:
    """Checking writes no row of any user, no history, no message on a queue of work; its own queue is gone again."""
    services = healthy.bench.services

    def state() -> tuple[object, ...]:
        """All that the app knows of the user, and all that waits."""
        waiting = (services.queue.waiting(), services.checks.waiting())
        return services.status.get(healthy.user), services.history.of(healthy.user), waiting

    before = state()
    healthy.check(probe=True)
    assert state() == before
    assert services.storage.queue_names(check_queues.SCRATCH) == []


def test_what_a_killed_check_left_is_removed(healthy: Healthy) -> None:
    """A scratch queue that is older than any check can be goes; a younger one may be in use, and stays."""
    account = QueueServiceClient.from_connection_string(healthy.bench.environment["AzureWebJobsStorage"])
    now = int(healthy.bench.clock.now().timestamp())
    old, young = (f"{check_queues.SCRATCH}{made:x}-{made:08x}" for made in (now - 900, now - 60))
    with account:
        for name in (old, young):
            account.create_queue(name)
        assert failed(healthy.check()) == set()
        assert healthy.bench.services.storage.queue_names(check_queues.SCRATCH) == [young]
        account.delete_queue(young)


def test_without_a_test_user_somebody_in_step_is_looked_at(healthy: Healthy) -> None:
    """Also when Graph does not list users, so that one missing permission does not hide the others."""
    healthy.restart(PHOTOSYNC_TEST_USER="")
    roles(healthy, graph=[GRAPH_ROLES[0]])
    found = healthy.check()
    assert failed(found) == {"graph-users"}
    assert "somebody's photo" in found["graph-photos"].finding.found
    assert found["sharepoint-profiles"].finding.verdict is Verdict.PASSED


def test_a_photo_that_is_not_there_is_told_by_how(healthy: Healthy) -> None:
    """What Graph answers for somebody without a photo is one of the open questions; the check answers it."""
    healthy.bench.control.delete_photo(healthy.user)
    assert "says by" in healthy.check()["graph-photos"].finding.found


def test_each_location_of_a_multi_geo_tenant_is_checked(healthy: Healthy) -> None:
    """Its hosts are asked for themselves: one without a picture folder fails, the central one passes."""
    for name, location in (("contosoeur", "EUR"), ("contosoapc", "APC")):
        healthy.bench.control.call("POST", "/geos", {"name": name, "location": location})
    healthy.bench.control.call("POST", "/sharepoint/library", {"pictureFolders": [], "geo": "contosoapc"})
    healthy.bench.control.call("POST", "/sharepoint/library", {"pictureFolders": ["Bilder"], "geo": "contosoeur"})
    healthy.restart(PHOTOSYNC_GEOS="EUR=contosoeur, APC=contosoapc")
    found = healthy.check()
    assert failed(found) == {"geo-apc"}
    assert "Bilder on contosoeur-my" in found["geo-eur"].finding.found


def test_an_unusual_address_is_said(healthy: Healthy) -> None:
    """Azure's name for the app and the public address differ: a warning, since a gateway may be meant."""
    healthy.restart(WEBSITE_HOSTNAME="photosync-contoso.azurewebsites.net", REGION_NAME="West Europe")
    found = healthy.check()
    assert of(found, Verdict.WARNING) == {"settings"}
    assert "region West Europe" in found["settings"].finding.found
    assert "photosync-contoso.azurewebsites.net" in found["settings"].finding.found


def test_a_paused_app_says_so(healthy: Healthy) -> None:
    """A warning with the way on; that no sweep began since is then no failure."""
    old_sweep(healthy)
    healthy.bench.services.control.put(paused.ROW, {"since": healthy.bench.clock.now(), "by": "Zaphod"})
    found = healthy.check()
    healthy.bench.services.control.remove(paused.ROW)
    assert of(found, Verdict.WARNING) == {"gates"}
    assert "DELETE /api/pause" in found["gates"].finding.remedy
    assert "Zaphod" not in found["gates"].finding.found
    assert failed(found) == set()


def test_every_table_of_the_app_is_looked_into() -> None:
    """The check goes by the one list of tables, and no module reaches a table that is not in it."""
    packages = ("shared", "sync_trigger", "photo_worker", "status_page")
    sources = [file for package in packages for file in (ROOT / package).rglob("*.py")]
    assert not [file.name for file in sources if re.search(r"\.table\(\s*[\"']", file.read_text("utf-8"))]


def _closed_storage() -> str:
    """A storage account at ports where nothing listens."""
    with StorageProxy.start(Ports()) as proxy:
        return proxy.connection_string
