"""The probe that writes leaves nothing behind, wherever it is broken off."""

import json

import pytest

from shared.failures import FailureCode
from status_page.health import probe_write
from status_page.health.findings import Verdict
from status_page.health.kit import Kit
from tests import pictures
from tests.status_page.health.conftest import Healthy, failed

FOLDER = "/User Photos/Profile Pictures"


def shown(healthy: Healthy) -> tuple[object, list[str]]:
    """What SharePoint shows of the test user, and every file that a probe has left."""
    files = Kit(healthy.bench.services)
    listed = json.loads(_list(files))
    left = [file["Name"] for file in listed["value"] if file["Name"].startswith("photosync-probe")]
    return healthy.bench.control.target(healthy.user)["properties"], left


def _list(kit: Kit) -> bytes:
    from shared.caller import Call
    from shared.gates import Service

    path = "%2FUser%20Photos%2FProfile%20Pictures"
    url = f"https://{kit.central.my}/_api/web/GetFolderByServerRelativePath(DecodedUrl='{path}')/Files?$select=Name"
    return kit.caller().send(Call(Service.SHAREPOINT, "GET", url)).body


def test_a_picture_is_written_seen_and_taken_back(healthy: Healthy) -> None:
    """Afterwards SharePoint has for the test user what it had before; the picture really was there."""
    before = shown(healthy)
    found = healthy.check(probe=True)
    assert failed(found) == set()
    assert found["probe-write"].finding.verdict is Verdict.PASSED
    asked = healthy.bench.requests("sharepoint")
    for operation in ("file.add", "file.content", "process_query", "file.delete"):
        assert f"sharepoint.{operation}" in asked
    assert shown(healthy) == before
    assert before[1] == []


def test_without_a_test_user_nothing_is_written(healthy: Healthy) -> None:
    """The remedy names the setting; nobody's picture is written."""
    healthy.restart(PHOTOSYNC_TEST_USER="")
    found = healthy.check(probe=True)
    assert failed(found) == {"probe-write"}
    assert "PHOTOSYNC_TEST_USER" in found["probe-write"].finding.remedy
    assert not {"sharepoint.file.add", "sharepoint.process_query"} & set(healthy.bench.requests("sharepoint"))


@pytest.mark.parametrize(
    ("operation", "script"),
    [
        ("sharepoint.file.add", ["403"]),
        ("sharepoint.file.add", ["lost"] * 3),
        ("sharepoint.file.content", ["500"] * 3),
        ("sharepoint.file.content", ["garbage"]),
        ("sharepoint.process_query", ["403"]),
        ("sharepoint.process_query", ["lost"] * 3),
        ("sharepoint.process_query", ["429:Retry-After=20"]),
        ("sharepoint.profile.get", ["ok", "ok", "500", "500", "500"]),
    ],
)
def test_wherever_it_breaks_it_is_taken_back(healthy: Healthy, operation: str, script: list[str]) -> None:
    """The probe says what went wrong; the earlier picture is back and the probe's file is gone all the same."""
    before = shown(healthy)
    healthy.bench.control.fault(operation, *script, app=healthy.bench.client_id)
    found = healthy.check(probe=True)
    assert healthy.bench.control.faults()["completed"]
    assert found["probe-write"].finding.verdict in {Verdict.FAILED, Verdict.WARNING}
    assert "What was written is taken back" in found["probe-write"].finding.found
    assert shown(healthy) == before
    assert healthy.bench.services.control.get(probe_write.ROW) == {}


@pytest.mark.parametrize("operation", ["sharepoint.process_query", "sharepoint.file.delete"])
def test_what_could_not_be_taken_back_is_by_the_next_probe(healthy: Healthy, operation: str) -> None:
    """The answer says so with what to do, a plain check warns of it, and the next probe does it."""
    before = shown(healthy)
    tries = ["ok", *["403"] * 2] if operation.endswith("query") else ["403"] * 2
    healthy.bench.control.fault(operation, *tries, app=healthy.bench.client_id)
    found = healthy.check(probe=True)
    assert failed(found) == {"probe-write"}
    assert "could not be taken back" in found["probe-write"].finding.found
    assert "photosync-probe" in found["probe-write"].finding.remedy
    assert shown(healthy) != before
    healthy.bench.control.clear_faults()
    assert "broken off" in healthy.check()["gates"].finding.found
    assert failed(healthy.check(probe=True)) == set()
    assert shown(healthy) == before


def test_a_probe_that_is_killed_is_taken_back_by_the_next(healthy: Healthy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends between writing and taking back leaves a record of what was there before."""
    before = shown(healthy)
    with monkeypatch.context() as killed:
        killed.setattr(probe_write, "_take_back", lambda *_: None)
        healthy.check(probe=True)
    assert shown(healthy) != before
    assert failed(healthy.check(probe=True)) == set()
    assert shown(healthy) == before


def test_who_writes_meanwhile_is_newer(healthy: Healthy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that comes while the probe's picture is shown stays: only the probe's own values are put back."""
    taken_back = probe_write._take_back

    def copied_meanwhile(kit: Kit, written: probe_write.Written) -> object:
        healthy.bench.control.put_photo(healthy.user, pictures.jpeg(200, 200, seed=12))
        healthy.bench.look(healthy.user)
        return taken_back(kit, written)

    monkeypatch.setattr(probe_write, "_take_back", copied_meanwhile)
    assert failed(healthy.check(probe=True)) == set()
    properties, left = shown(healthy)
    row = healthy.bench.row(healthy.user)
    assert left == []
    assert isinstance(properties, dict)
    assert properties["PictureURL"] == row.picture_url
    assert properties["SPS-PictureTimestamp"] == row.picture_timestamp


def test_a_user_without_a_profile_is_not_written_to(healthy: Healthy) -> None:
    """SharePoint knows no such profile: the probe fails with what to do, and uploads nothing."""
    upn = "new.starter@contoso.com"
    healthy.bench.control.add_user(upn, hasProfile=False)
    healthy.restart(PHOTOSYNC_TEST_USER=upn)
    finding = healthy.check(probe=True)["probe-write"].finding
    assert finding.verdict is Verdict.FAILED
    assert finding.remedy == FailureCode.NO_TARGET_PROFILE.remedy
    assert "sharepoint.file.add" not in healthy.bench.requests("sharepoint")
