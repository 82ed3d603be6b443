"""The whole app as processes: Azurite, the tenant, and the Functions host with Microsoft's worker."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local_run.alike import look_alike
from local_run.app_host import HostOptions
from local_run.stack import ROOT, Stack
from tests import pictures
from tests.waiting import eventually


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The app with its subscription, as after a deployment."""
    directory = tmp_path_factory.mktemp("stack")
    # Without the sweep's timer: what is proven here must not be owed to it by chance.
    environment = {"AzureWebJobs.begin_sweep.Disabled": "true"}
    with Stack.start(directory, environment=environment, options=HostOptions(message_lease_seconds=5)) as running:
        running.host.run_function("keep_subscription")
        eventually(lambda: running.tenant.control.notifications()["subscriptions"], what="the subscription")
        yield running
        control = running.tenant.control
        assert control.violations() == []
        assert "Traceback" not in running.host.log()


def status(stack: Stack, user: str) -> dict[str, Any]:
    """What the app says of the user; empty as long as it never looked."""
    answer = stack.host.call("GET", f"/api/status/{user}")
    return dict(answer.json()) if answer.ok else {}


def in_step_with(stack: Stack, user: str, photo: bytes) -> Callable[[], bool]:
    """Whether the app says "in step" and SharePoint shows this photo."""

    def look() -> bool:
        large = stack.tenant.control.target_file(user, "L")
        return status(stack, user).get("state") == "in_step" and large is not None and look_alike(photo, large)

    return look


def test_a_change_reaches_sharepoint_by_itself(stack: Stack) -> None:
    """A photo is put into Microsoft 365; nobody does anything; SharePoint shows it, and then the next one."""
    control = stack.tenant.control
    user = control.add_user("by.itself@contoso.com")
    for seed in (1, 2):
        photo = pictures.jpeg(400, 400, seed=seed)
        control.put_photo(user, photo)
        eventually(in_step_with(stack, user, photo), within=20)
    history = status(stack, user)["history"]
    assert [row["outcome"] for row in history].count("copied") == 2
    assert {row["reason"] for row in history} == {"notification"}


def test_duplicated_and_disordered_notifications_end_with_the_newest_photo(stack: Stack) -> None:
    """Six changes in a row, each told several times and out of order: the last one is what SharePoint shows."""
    control = stack.tenant.control
    control.notifications("duplicate")
    user = control.add_user("many.changes@contoso.com")
    photos = [pictures.jpeg(300, 300, seed=seed) for seed in range(10, 16)]
    for photo in photos:
        control.put_photo(user, photo)
    control.notifications("on")
    eventually(in_step_with(stack, user, photos[-1]), within=30)
    uploads = [
        request for request in control.requests(operation="sharepoint.file.add") if user in str(request.get("path", ""))
    ]
    assert len(uploads) <= 3 * len(photos)


def test_a_manual_sync_runs_to_its_end(stack: Stack) -> None:
    """Notifications are off; an administrator names the users; the job tells how it ended."""
    control = stack.tenant.control
    control.notifications("off")
    photo = pictures.jpeg(350, 300, seed=20)
    users = [control.add_user(f"manual.{number}@contoso.com", photo) for number in range(5)]
    broken = control.add_user("manual.broken@contoso.com", b"no picture")
    control.notifications("on")
    named = [f"manual.{number}@contoso.com" for number in range(5)]
    answer = stack.host.call("POST", "/api/sync", json={"users": [*named, broken, "nobody@contoso.com"]})
    assert answer.status_code == 202
    location = answer.headers["Location"]

    def done() -> dict[str, Any]:
        told = stack.host.call("GET", location).json()
        return dict(told) if told["state"] == "done" else {}

    told = eventually(done, within=30)
    assert told["counts"] == {"copied": 5, "failed": 2}
    assert {failure["error"] for failure in told["failures"]} == {"PhotoRefused", "UserNotFound"}
    assert all(in_step_with(stack, user, photo)() for user in users)


def test_the_surface_is_closed_to_strangers(stack: Stack) -> None:
    """Without a key there is a 401 everywhere but at Graph's two endpoints, which believe nobody either."""
    for method, path in (
        ("POST", "/api/sync"),
        ("GET", "/api/sync/x"),
        ("GET", "/api/status"),
        ("GET", "/api/status/x"),
    ):
        assert stack.host.call(method, path, key="").status_code == 401, path
    forged = {"value": [{"clientState": "forged", "resource": "Users/78ccf530-bbf0-47e4-aae6-da5f8c6fb142"}]}
    assert stack.host.call("POST", "/api/notifications", key="", json=forged).status_code == 202
    assert stack.host.call("GET", "/api/status/78ccf530-bbf0-47e4-aae6-da5f8c6fb142").status_code == 404


def test_status_is_paged_and_filtered(stack: Stack) -> None:
    """A page of users by state; a wrong state is refused with the right ones."""
    users = stack.host.call("GET", "/api/status?state=in_step").json()["users"]
    assert users
    assert {user["state"] for user in users} == {"in_step"}
    after = users[0]["userId"]
    following = stack.host.call("GET", f"/api/status?state=in_step&after={after}").json()["users"]
    assert [user["userId"] for user in following] == [user["userId"] for user in users[1:]]
    refused = stack.host.call("GET", "/api/status?state=happy")
    assert refused.status_code == 400
    assert "in_step" in refused.json()["detail"]


def test_a_killed_app_goes_on_where_it_was(stack: Stack) -> None:
    """SIGKILL in the midst of an upload: after the restart the message comes back, and the photo is copied whole."""
    control = stack.tenant.control
    user = control.add_user("killed@contoso.com")
    photo = pictures.jpeg(333, 333, seed=30)
    control.fault("sharepoint.file.add", "ok", "stall:5", match=user)
    control.put_photo(user, photo)
    eventually(lambda: control.faults()["completed"], within=20, what="the second upload began")
    stack.kill_app()
    # The dead worker's lease would keep others out for minutes: end it as time would.
    end_lease(stack, user)
    stack.start_app()
    eventually(in_step_with(stack, user, photo), within=40)


def end_lease(stack: Stack, user: str) -> None:
    """Let the lease of a dead worker run out now."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from shared.status import StatusTable
    from shared.storage import Storage

    table = StatusTable(Storage(stack.environment()))
    seen = table.get(user)
    assert seen is not None
    assert seen.row.state == "copying"
    table.replace(replace(seen.row, lease_until=datetime.now(UTC)), seen.etag)


def test_missing_settings_end_the_start_in_one_message(stack: Stack) -> None:
    """An app whose settings are not complete says so, all of it, and does not serve."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PHOTOSYNC_")}
    ended = subprocess.run(
        [sys.executable, "-m", "local_run.functions_host", "--app", str(ROOT), "--port", "0"],
        cwd=ROOT,
        env=environment | {"AzureWebJobsStorage": stack.azurite.connection_string},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    for name in ("PHOTOSYNC_TENANT_ID", "PHOTOSYNC_SHAREPOINT_NAME", "PHOTOSYNC_CLIENT_STATE", "PHOTOSYNC_PUBLIC_URL"):
        assert name in ended.stderr


def test_the_demo_is_true() -> None:
    """`make demo` ends with 0, which it does only when everything that it tells was so."""
    demo = subprocess.run(
        [sys.executable, "-m", "local_run.demo"], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "21 in_step, 1 failed, 1 out_of_scope, 1 no_photo" in demo.stdout
    assert (ROOT / ".local" / "contact-sheet.png").stat().st_size > 10_000
