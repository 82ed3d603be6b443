"""Histories that chance alone seldom plays to their end, played on purpose in the world of the state machine."""

import pytest

from tests.bench import Bench
from tests.whole.test_state_machine import PHOTOS, Tenant


def played(bench: Bench) -> Tenant:
    """A tenant with somebody in step, for a history that is played on purpose."""
    tenant: Tenant = type("TenantOnBench", (Tenant,), {"bench": bench})()
    tenant.begin()
    tenant.change_photo(0, PHOTOS[2], told=True)
    tenant.deliver(0)
    return tenant


@pytest.mark.parametrize("at", range(2, 11))
def test_a_worker_that_sleeps_through_its_lease_leaves_nothing_old(own_bench: Bench, at: int) -> None:
    """Whichever deed the sleeper still does when it wakes, the newer photo is what SharePoint ends with."""
    tenant = played(own_bench)
    tenant.oversleep(0, PHOTOS[0], PHOTOS[1], at)
    tenant.teardown()


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("at", range(2, 11))
def test_a_copy_that_dies_is_not_mistaken_for_the_old_photo(own_bench: Bench, at: int, before: bool) -> None:
    """Whichever deed was the last of a dying worker: when the old photo is back, all of it is."""
    tenant = played(own_bench)
    tenant.change_and_change_back(0, PHOTOS[0], PHOTOS[1], at, before=before)
    tenant.teardown()


def test_a_paused_app_asks_nothing_of_microsoft(own_bench: Bench) -> None:
    """Changes, notifications and sweeps come; nobody is called until the resume, and then everybody ends in step."""
    tenant = played(own_bench)
    tenant.pause()
    tenant.change_photo(0, PHOTOS[0], told=True)
    tenant.change_photo(1, PHOTOS[1], told=False)
    tenant.sweep()
    for _ in range(6):
        tenant.wait(60)
        tenant.deliver(0)
    tenant.resume()
    tenant.teardown()
