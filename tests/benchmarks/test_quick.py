"""What the benchmarks claim, on a small scale: counts and ratios within one run, never seconds."""

from collections.abc import Sequence

from benchmarks import budget, cold_start, imaging, requests_per_photo, sweep_size, throughput, webhook
from benchmarks.frame import Claim


def broken(claims: Sequence[Claim]) -> list[str]:
    """The claims that do not hold, with what was measured."""
    return [f"{claim.text}: {claim.measured}" for claim in claims if not claim.held]


def test_a_photo_costs_six_requests_and_an_unchanged_one_costs_one() -> None:
    """2 requests to Graph and 4 to SharePoint for a changed photo, 1 for an unchanged one, 1/20 in a sweep."""
    found = requests_per_photo.measure(photos=20)
    assert not broken(requests_per_photo.tell(found).claims)
    assert (found.published.graph, found.published.sharepoint) == (2, 6)


def test_the_webhook_loads_nothing_that_it_does_not_need() -> None:
    """Imaging, token code and the HTTP client are not imported when a notification has been answered."""
    assert cold_start.measure(processes=1).unneeded == []


def test_what_the_webhook_accepts_in_a_burst_is_on_the_queue() -> None:
    """Ten POSTs of a hundred at once: all answered by 202, and every user of theirs stored, in one message a POST."""
    found = webhook.measure(rates=(10,), seconds=1)
    assert [rate.refused for rate in found.rates] == [0]
    assert found.stored == found.accepted == (20 + 10) * 100


def test_a_pace_that_is_too_fast_is_slowed_down_politely() -> None:
    """At twice the pace that fits, hardly a request is refused, nobody comes back early, and every photo is copied."""
    found = budget.backfill(budget.TOO_FAST, 150)
    assert found.throttled < found.requests / 100
    assert found.early_retries == 0
    assert found.copied == found.photos


def test_a_stall_is_worked_off_politely() -> None:
    """A minute's work at once, at a pace without slack: hardly a request is refused, and every photo is copied."""
    found = budget.backfill(budget.FITTING, 160, stall_minutes=1)
    assert found.throttled < found.requests / 100
    assert found.early_retries == 0
    assert found.copied == found.photos


def test_one_instance_is_many_times_quicker_than_one_user_after_another() -> None:
    """With 150 ms a request: six requests a photo, and at least eight times the pace of the published flow."""
    found = throughput.measure(instances=(1,), photos=96, published=4)
    [one] = found.rounds
    assert one.requests == 6 * one.photos
    assert one.photos_a_minute >= 8 * found.published_a_minute


def test_a_sweep_costs_one_request_for_twenty_users() -> None:
    """400 users: one page and twenty batches; no photo event when nobody differs, and four when four do."""
    quiet, changed = sweep_size.measure(sizes=(400,), largest_changed=400).sweeps
    assert (quiet.requests, quiet.photo_events) == (21, 0)
    assert (changed.requests, changed.photo_events) == (21, 4)


def test_large_photos_take_less_than_half_the_memory_of_the_straightforward_way() -> None:
    """The decoder skips detail that nobody will see; peak memory says whether it does."""
    [found] = imaging.measure(names=("12 MP",), repeats=1).sources
    assert found.ours.megabytes * 2 < found.plain.megabytes
