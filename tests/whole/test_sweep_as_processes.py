"""Sweeps, large jobs and retries through the app's own door: the Functions host, its queues and its HTTP surface."""

from collections.abc import Iterator
from typing import Any

import pytest

from local_run.app_host import HostOptions
from local_run.stack import Stack
from shared.control import Control
from shared.storage import Storage
from tests import pictures
from tests.waiting import eventually

PHOTO = pictures.jpeg(300, 300, seed=90)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An app that hears of nothing by itself: there is no subscription."""
    # The timer would begin a sweep when the clock strikes; here they begin when the tests ask.
    settings = {"PHOTOSYNC_BULK_COPIES_PER_MINUTE": "5000", "AzureWebJobs_begin_sweep_Disabled": "true"}
    directory = tmp_path_factory.mktemp("sweeping")
    with Stack.start(directory, environment=settings, options=HostOptions(message_lease_seconds=5)) as running:
        running.tenant.control.notifications("off")
        yield running
        assert running.tenant.control.violations() == []
        assert "Traceback" not in running.host.log()


def told(stack: Stack, path: str) -> dict[str, Any]:
    """The JSON of a GET."""
    return dict(stack.host.call("GET", path).json())


def state(stack: Stack, user: str) -> str:
    """Where the user stands; empty when nobody has looked yet."""
    return str(told(stack, f"/api/status/{user}").get("state", ""))


def test_a_sweep_finds_what_nobody_told_of(stack: Stack) -> None:
    """Asked for by a request: everybody with a photo is copied, the others are on record; it is told at its address."""
    control = stack.tenant.control
    users = [control.add_user(f"swept.{number}@contoso.com", PHOTO) for number in range(5)]
    without = control.add_user("swept.without@contoso.com")
    answer = stack.host.call("POST", "/api/sweep")
    assert answer.status_code == 202
    eventually(lambda: all(state(stack, user) == "in_step" for user in users), within=30)
    assert eventually(lambda: state(stack, without) == "no_photo", within=10)
    run = eventually(lambda: told(stack, answer.headers["Location"]), within=10)
    assert (run["state"], run["requestedBy"], run["different"]) == ("running", "function key", 5)


def test_a_killed_app_goes_on_with_its_job(stack: Stack) -> None:
    """SIGKILL in the midst of a check: after the restart the job over everybody ends, with everybody counted once."""
    control = stack.tenant.control
    for number in range(45):
        control.add_user(f"job.{number}@contoso.com", PHOTO if number < 3 else None)
    total = len(control.users())
    control.fault("graph.batch", "ok", "stall:3")
    job = stack.host.call("POST", "/api/sync", json={"all": True}).headers["Location"]
    eventually(lambda: control.faults()["completed"], within=20, what="the second batch began")
    stack.kill_app()
    stack.start_app()
    done = eventually(lambda: (now := told(stack, job))["state"] == "done" and now, within=40)
    assert (done["total"], done["finished"], sum(done["counts"].values())) == (total, total, total)


def test_failed_users_are_retried(stack: Stack) -> None:
    """One request copies everybody who failed, once the reason is gone; strangers and wrong requests are refused."""
    control = stack.tenant.control
    user = control.add_user("retried@contoso.com", b"no picture")
    stack.host.call("POST", "/api/sync", json={"users": [user]})
    eventually(lambda: state(stack, user) == "failed", within=20)
    control.put_photo(user, PHOTO)
    job = stack.host.call("POST", "/api/retry", json={"all": True}).headers["Location"]
    assert eventually(lambda: (now := told(stack, job))["state"] == "done" and now, within=20)["counts"] == {
        "copied": 1
    }
    assert stack.host.call("DELETE", job).status_code == 409
    assert stack.host.call("DELETE", "/api/sync/none").status_code == 404
    assert stack.host.call("POST", "/api/retry", json={"poison": True}).json() == {"putBack": 0}
    for method, path in (("POST", "/api/sweep"), ("POST", "/api/retry"), ("DELETE", job), ("GET", "/api/sweep/x")):
        assert stack.host.call(method, path, key="").status_code == 401


def test_a_message_that_nobody_can_read_is_set_aside(stack: Stack) -> None:
    """What the host has given up on is kept in Control, from where a request puts it back."""
    storage = Storage(stack.environment())
    storage.queue("photo-checks-poison").create_queue()
    storage.queue("photo-checks-poison").send_message('{"v": 99, "kind": "list"}')
    rows = eventually(lambda: Control(storage).starting_with("unreadable-message "), within=20)
    assert rows[0].values["queue"] == "photo-checks"
