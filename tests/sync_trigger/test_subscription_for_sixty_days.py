"""Sixty days of upkeep on real Storage and a running tenant, in seconds: the subscription never lapses silently."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from shared.failures import FailureCode
from shared.subscription_record import SubscriptionHealth
from tests.sync_trigger.kept_subscription import Kept

RENEWING = ("graph.subscriptions.update",)
ALL_OF_GRAPH = ("graph.subscriptions.list", "graph.subscriptions.create", "graph.subscriptions.update")


@dataclass
class Diary:
    """What was seen at each step."""

    step: timedelta = timedelta(hours=8)
    missing: list[datetime] = field(default_factory=list)
    """When Graph had no subscription of ours."""
    alarms: list[timedelta] = field(default_factory=list)
    """At each alarm, the time left until the end."""

    def live(self, kept: Kept, days: float) -> None:
        """Let so many days go by, one step at least; Control must always say whether Graph has a subscription."""
        for _ in range(max(1, round(timedelta(days=days) / self.step))):
            kept.run(self.step)
            there = bool(kept.subscriptions())
            assert there is (kept.health() is not SubscriptionHealth.MISSING)
            if not there:
                self.missing.append(kept.now)
            if kept.health() is SubscriptionHealth.ALARM:
                assert kept.record.failing_since is not None
                assert kept.record.expires_at is not None
                assert kept.record.error_code == FailureCode.SERVICE_UNAVAILABLE
                self.alarms.append(kept.record.expires_at - kept.now)


def fail(kept: Kept, operations: tuple[str, ...]) -> None:
    """From now on these answer 503."""
    for operation in operations:
        kept.bench.control.fault(operation, *["503"] * 500)


def mend(kept: Kept) -> None:
    """Graph works again."""
    kept.bench.control.clear_faults()


def renewals(kept: Kept) -> list[datetime]:
    """When Graph moved the expiry."""
    asked = kept.bench.control.requests(operation="graph.subscriptions.update", app=kept.bench.client_id)
    return [datetime.fromisoformat(request["at"]) for request in asked if request["status"] == 200]


def test_sixty_days_with_outages_of_one_five_and_twenty_eight_days(kept: Kept) -> None:
    """One day and five days of failures do no harm; before a lapse there was an alarm for weeks; after it, a sweep."""
    diary = Diary()
    kept.run()
    first = kept.record.id
    assert kept.asked_for_sweep() == "The subscription is the first."
    diary.live(kept, 3)
    assert kept.health() is SubscriptionHealth.VALID

    for outage, days in ((RENEWING, 1.7), (ALL_OF_GRAPH, 5)):
        fail(kept, outage)
        diary.live(kept, days)
        assert kept.record.failing_since is not None
        mend(kept)
        diary.live(kept, 0)
        assert kept.health() is SubscriptionHealth.VALID, "the first run that can mends everything"
        diary.live(kept, 2)
    assert diary.missing == []
    assert kept.record.id == first
    assert kept.asked_for_sweep() is None

    while kept.record.failing_since is None:  # the longest outage begins just when a renewal is due
        fail(kept, RENEWING)
        diary.live(kept, 0)
    diary.alarms.clear()
    fail(kept, ALL_OF_GRAPH)
    diary.live(kept, 28)
    assert diary.missing, "no subscription outlives four weeks without a renewal"
    assert diary.alarms[0] > timedelta(days=25), "the alarm came more than three weeks before the end"
    assert len(diary.alarms) * diary.step > timedelta(days=25), "and stayed"
    assert kept.asked_for_sweep() is None, "as long as no notification can come, a sweep would have to be repeated"
    mend(kept)
    diary.live(kept, 0)
    assert kept.health() is SubscriptionHealth.VALID
    assert kept.record.id != first
    reason = kept.asked_for_sweep()
    assert reason is not None
    assert "had ended" in reason

    diary.missing.clear()
    diary.live(kept, 17)
    assert diary.missing == []
    assert len(kept.subscriptions()) == 1
    moved = renewals(kept)
    assert 22 <= len(moved) <= 34, "about once on each day that allowed it"
    assert min(later - sooner for sooner, later in pairwise(moved)) >= timedelta(minutes=10)


def test_an_outage_shorter_than_the_margin_never_lapses(kept: Kept) -> None:
    """Twenty-six days without Graph, begun at the worst moment, and notifications came all the time."""
    kept.run()
    kept.asked_for_sweep()
    diary = Diary(step=timedelta(days=1))
    fail(kept, ALL_OF_GRAPH)
    diary.live(kept, 26)
    assert diary.missing == []
    assert kept.health() is SubscriptionHealth.ALARM
    mend(kept)
    diary.live(kept, 0)
    assert kept.health() is SubscriptionHealth.VALID
    assert kept.asked_for_sweep() is None
