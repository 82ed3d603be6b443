"""The first line: each trouble has its sentence, its remedy and its place in the order."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.actions import ActionRow
from shared.breaker import Breaker
from shared.failures import FailureCode
from shared.gates import Service
from shared.paused import Pause
from shared.runs import RunRow, RunState, Users
from shared.safety_stop import SafetyStop
from shared.subscription_record import SubscriptionHealth, SubscriptionRecord
from shared.words import UserState
from status_page.facts import Facts
from status_page.health_line import Level, health_line
from status_page.overview import told
from status_page.tally import Tally

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
SWEEP = RunRow("1", NOW - timedelta(minutes=7), "timer", total=1300, users=Users.ALL)
SUBSCRIPTION = SubscriptionRecord(id="s", expires_at=datetime(2026, 12, 14, tzinfo=UTC), checked_at=NOW)
WELL = Facts(
    tally=Tally(Counter({"in_step": 1204, "no_photo": 40}), Counter(), NOW - timedelta(minutes=2), NOW),
    subscription=SUBSCRIPTION,
    subscription_health=SubscriptionHealth.VALID,
    sweeps=(SWEEP,),
)
PAUSE = Pause(datetime(2026, 11, 22, 10, 2, tzinfo=UTC), "maria@contoso.com", "SharePoint is being moved")
STOP = SafetyStop(NOW, would_remove=61, allowed=60)
OPEN = Breaker(open_since=NOW - timedelta(minutes=12), code="NotPermitted", next_probe_at=NOW + timedelta(minutes=3))


def failed(**failures: int) -> Tally:
    """A tally with so many failed users by code."""
    return replace(
        WELL.tally, states=Counter({"in_step": 9, "failed": sum(failures.values())}), failures=Counter(failures)
    )


def of_record(health: SubscriptionHealth, **fields: Any) -> dict[str, Any]:
    """The facts of a subscription in this health."""
    return {"subscription": replace(SUBSCRIPTION, **fields), "subscription_health": health}


def late(hours: int) -> tuple[RunRow, ...]:
    """Sweeps of which the last began so long ago."""
    return (replace(SWEEP, requested_at=NOW - timedelta(hours=hours)),)


CASES: dict[str, tuple[dict[str, Any], Level, str, str]] = {
    "well": (
        {},
        Level.WELL,
        "All is well – 1,204 photos in step, last change copied 2 min ago, subscription valid until 14 Dec.",
        "",
    ),
    "on the way": (
        {"tally": replace(WELL.tally, states=Counter({"in_step": 1, "pending": 2, "copying": 1, "deferred": 4}))},
        Level.WELL,
        "All is well – 1 photo in step, last change copied 2 min ago, subscription valid until 14 Dec, 7 on the way.",
        "",
    ),
    "paused": (
        {"pause": PAUSE},
        Level.STOPPED,
        "Paused by maria@contoso.com since 10:02 UTC: nothing is copied.",
        "The reason given: SharePoint is being moved. Resume when it may go on.",
    ),
    "paused, since yesterday": (
        {"pause": Pause(datetime(2026, 11, 21, 23, 9, tzinfo=UTC), "function key"), "sweeps": late(19)},
        Level.STOPPED,
        "Paused by function key since 21 Nov, 23:09 UTC: nothing is copied.",
        "Resume when it may go on. Until then changes are received and kept; none is lost.",
    ),
    "breaker-sharepoint": (
        {"breakers": {Service.SHAREPOINT: OPEN}},
        Level.STOPPED,
        "No photo is copied: SharePoint has refused nearly everything for 12 min. A Microsoft service refused the app",
        "Grant the application permissions",
    ),
    "breaker-graph": (
        {"breakers": {Service.GRAPH: replace(OPEN, code="ServiceUnavailable")}},
        Level.WAITING,
        "No photo is copied: Microsoft Graph has refused nearly everything for 12 min.",
        "There is nothing to do.",
    ),
    "subscription-missing": (
        of_record(SubscriptionHealth.MISSING, error_code="SubscriptionRefused", error_detail="HTTP 403"),
        Level.TO_DO,
        "There is no valid subscription",
        "Graph said: HTTP 403",
    ),
    "subscription-alarm": (
        of_record(SubscriptionHealth.ALARM, error_code="NotPermitted"),
        Level.TO_DO,
        "The subscription is still valid, but will end",
        "Grant the application permissions",
    ),
    "subscription-alarm, timers": (
        of_record(SubscriptionHealth.ALARM, checked_at=NOW - timedelta(hours=7)),
        Level.TO_DO,
        "The subscription was last looked after 7 h ago: the app's timers do not run.",
        "Check in Azure that the Function App is running",
    ),
    "subscription-new": (
        {"subscription": SubscriptionRecord(), "subscription_health": SubscriptionHealth.MISSING},
        Level.WAITING,
        "There is no subscription yet",
        "within five minutes",
    ),
    "subscription-missing, not reached yet": (
        of_record(SubscriptionHealth.MISSING, error_code="EndpointNotReached"),
        Level.WAITING,
        "There is no valid subscription",
        "an app that is just starting",
    ),
    "safety-stop": (
        {"stop": STOP},
        Level.TO_DO,
        "So many people have lost their photo at once",
        "Look whether Microsoft 365 really has no photo",
    ),
    "gate-sharepoint": (
        {"gates": {Service.SHAREPOINT: NOW + timedelta(minutes=3), Service.GRAPH: NOW + timedelta(seconds=9)}},
        Level.WAITING,
        "SharePoint asked the app to slow down. It goes on by itself in 3 min.",
        "There is nothing to do.",
    ),
    "failed": (
        {"tally": failed(PhotoRefused=1, NotPermitted=11)},
        Level.TO_DO,
        "12 people's photos could not be copied. 11 of them: A Microsoft service refused the app for want",
        "Grant the application permissions",
    ),
    "failed, one": (
        {"tally": failed(PhotoRefused=1)},
        Level.TO_DO,
        "1 person's photo could not be copied. The photo cannot be used",
        "Replace the person's photo",
    ),
    "sweep-late": ({"sweeps": late(2)}, Level.TO_DO, "The last sweep began 2 h ago: the timers", "sweep now"),
    "sweep-failed": (
        {"sweeps": (replace(SWEEP, state=RunState.FAILED, error_code="SignInFailed", error_detail="AADSTS700027"),)},
        Level.TO_DO,
        "The last sweep did not come to its end. Entra ID gave the app no token.",
        "AADSTS700027",
    ),
    "sweep-none": ({"sweeps": ()}, Level.WAITING, "No sweep has looked at everybody yet.", "within 15 min"),
    "unreadable": ({"unreadable": 1}, Level.TO_DO, "1 message was set aside", "put them back"),
    "nobody": (
        {"tally": Tally(), "sweeps": ()},
        Level.WAITING,
        "The app is new here: it has not looked at anybody yet.",
        "The first sweep begins within 15 min",
    ),
    "nobody, swept": ({"tally": Tally()}, Level.WAITING, "Nobody has been looked at yet", "who is in scope"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_trouble_has_its_sentence_and_its_remedy(case: str) -> None:
    """The line says what is wrong in words, and what to do; nothing is said that is not so."""
    changed, level, line, remedy = CASES[case]
    health = health_line(replace(WELL, **changed), NOW)
    assert health.first.level is level
    assert health.first.line.startswith(line)
    assert remedy in health.first.what_to_do
    assert health.others == ()
    assert health.first.kind == case.partition(",")[0] or level is Level.WELL


def test_what_stops_everything_comes_first() -> None:
    """Of several troubles the one that stops all is the line; the others stand below, what mends itself last."""
    facts = replace(
        WELL,
        tally=failed(PhotoRefused=3),
        breakers={Service.SHAREPOINT: OPEN},
        gates={Service.GRAPH: NOW + timedelta(minutes=1)},
        stop=STOP,
        sweeps=late(3),
        unreadable=2,
    )
    health = health_line(facts, NOW)
    paused = health_line(replace(facts, pause=PAUSE), NOW)
    assert paused.first.kind == "paused"
    assert "sweep-late" not in {finding.kind for finding in paused.others}  # none begins in a pause
    kinds = [health.first.kind, *(finding.kind for finding in health.others)]
    assert kinds == ["breaker-sharepoint", "safety-stop", "sweep-late", "unreadable", "failed", "gate-graph"]


@pytest.mark.parametrize("minutes", [59, 61, 239, 241])
def test_a_long_interval_between_sweeps_is_no_alarm(minutes: int) -> None:
    """With a sweep an hour, the alarm comes after four hours; with one every quarter of an hour, after one."""
    facts = replace(WELL, sweeps=(replace(SWEEP, requested_at=NOW - timedelta(minutes=minutes)),))
    assert (health_line(facts, NOW).first.kind == "sweep-late") == (minutes > 60)
    hourly = replace(facts, sweep_every=timedelta(hours=1))
    assert (health_line(hourly, NOW).first.kind == "sweep-late") == (minutes > 240)


@pytest.mark.parametrize("code", list(FailureCode))
def test_every_failure_can_be_the_line(code: FailureCode) -> None:
    """Whatever users, the subscription or a breaker fail with, the line has the table's sentence and remedy."""
    for changed in (
        {"tally": failed(**{str(code): 2})},
        {"breakers": {Service.GRAPH: replace(OPEN, code=str(code))}},
        of_record(SubscriptionHealth.ALARM, error_code=str(code)),
    ):
        first = health_line(replace(WELL, **changed), NOW).first
        assert code.sentence in first.line
        assert code.remedy in first.what_to_do


def test_scripts_read_the_same_facts() -> None:
    """The overview says healthy when nobody needs to do anything, and carries line, counts and dates."""
    well = told(WELL, NOW)
    assert well["healthy"] is True
    assert well["users"] == {str(state): {"in_step": 1204, "no_photo": 40}.get(state, 0) for state in UserState}
    assert well["subscription"]["validUntil"] == "2026-12-14T00:00:00+00:00"
    assert well["sweep"]["nextDue"] == "2026-11-22T18:08:00+00:00"
    waiting = told(replace(WELL, gates={Service.GRAPH: NOW + timedelta(minutes=1)}), NOW)
    assert (waiting["healthy"], waiting["level"]) == (True, "waiting")
    trouble = told(replace(WELL, breakers={Service.SHAREPOINT: OPEN}, stop=STOP), NOW)
    assert trouble["healthy"] is False
    assert trouble["openBreakers"][Service.SHAREPOINT]["error"] == "NotPermitted"
    assert [finding["kind"] for finding in trouble["alsoFound"]] == ["safety-stop"]
    assert (well["paused"], well["latestActions"]) == (None, [])
    action = ActionRow(NOW, "maria@contoso.com", "Pause the app", "POST", "pause", 200)
    paused = told(replace(WELL, pause=PAUSE, latest_actions=(action,)), NOW)
    assert paused["paused"] == {
        "since": "2026-11-22T10:02:00+00:00",
        "by": "maria@contoso.com",
        "reason": "SharePoint is being moved",
    }
    [told_action] = paused["latestActions"]
    assert (told_action["who"], told_action["request"]) == ("maria@contoso.com", "POST /api/pause")
