"""The app as a process that is killed: nothing that was accepted is lost, and nothing is done that nobody asked for."""

from collections import Counter

import pytest

from tests.reliability.kill_points import BURST_POINTS, kill_at_every_point, kill_over_a_burst
from tests.reliability.running_app import RunningApp, photo
from tests.reliability.total_queue import Ledger, Load, allowed_duplicates, check, photo_of, run
from tests.waiting import eventually

SEED = 20261122


def test_a_worker_killed_at_any_of_eight_points_loses_nothing(app: RunningApp) -> None:
    """SIGKILL with eight photos on their way, each at another point: after the restart all eight are in step."""
    assert kill_at_every_point(app) == {}


@pytest.mark.parametrize("point", BURST_POINTS)
def test_a_worker_killed_over_a_burst_loses_nobody(app: RunningApp, point: str) -> None:
    """SIGKILL while twenty users of one notification are checked, or when their photo events are put: all get there."""
    assert kill_over_a_burst(app, point) == []


def test_without_kills_each_version_is_copied_once(app: RunningApp) -> None:
    """16 writers, 8 workers, each notification one to five times: no version is copied twice."""
    report = run(app, Load(SEED, writers=16, changes=6, users=2))
    print(f"\n{report}")
    assert (report.lost, report.unexpected, report.duplicated) == ([], [], 0)
    assert report.accepted == report.attempted == report.done == 96


def test_what_was_accepted_is_done_whenever_the_app_is_killed(app: RunningApp) -> None:
    """200 changes and three SIGKILLs: every accepted change is in SharePoint in the end."""
    load = Load(SEED, writers=8, changes=25, users=3, kills=3)
    report = run(app, load)
    print(f"\n{report}")
    assert (report.lost, report.unexpected) == ([], [])
    assert report.attempted == 200
    assert report.accepted > 100
    assert report.duplicated <= allowed_duplicates(load)


def test_the_checker_sees_a_loss_and_what_nobody_asked_for(app: RunningApp) -> None:
    """A message that vanishes while it is worked on is lost; a picture that its user never had is unexpected."""
    robbed, disguised = app.people(2)
    app.control.put_photo(robbed, photo(photo_of(robbed, 0)))
    app.control.put_photo(disguised, photo(photo_of(disguised, 1)))
    app.tell([disguised])
    eventually(lambda: app.shows(disguised), what="the other picture")
    app.control.fault("graph.batch", "stall:60", match=robbed)
    app.tell([robbed])
    eventually(lambda: app.control.faults()["completed"], what="the message at work")
    app.rob()
    app.kill()
    app.control.clear_faults()
    app.start()
    elements = {(robbed, 0), (disguised, 0)}
    load = Load(SEED, writers=1, changes=2, users=2, kills=1)
    report = check(app, load, [robbed, disguised], Ledger(set(elements), set(elements)), Counter())
    assert report.lost == [(robbed, 0)]
    assert report.unexpected[0] == f"{disguised} shows what was never their photo"
