"""The one line that answers "is it healthy?", or names the one thing to do. Pure.

Every rule looks at the facts and either finds something or does not. What a person must do comes before what mends
itself; what stops everything comes before what concerns a few.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from shared.failures import FailureCode, FailureKind
from shared.gates import Service
from shared.runs import RunState
from shared.subscription_record import SubscriptionHealth
from shared.words import UserState
from status_page import say
from status_page.facts import Facts

NO_SWEEP_FOR = timedelta(hours=1)
"""After so long without a sweep, or four times its interval if that is longer, the timers do not run."""
_CHECK_AZURE = "Check in Azure that the Function App is running and that none of its functions is disabled"
NAMES = {Service.GRAPH: "Microsoft Graph", Service.SHAREPOINT: "SharePoint", Service.ENTRA: "Entra ID"}


class Level(IntEnum):
    """How bad it is, the worst first."""

    STOPPED = 0
    """Nothing goes on until a person does something."""
    TO_DO = 1
    """It works; something or somebody needs a person."""
    WAITING = 2
    """It mends itself; there is nothing to do."""
    WELL = 3


@dataclass(frozen=True)
class Finding:
    """Something worth saying."""

    kind: str
    """Names the rule, for scripts and for the page's announcements."""
    level: Level
    line: str
    what_to_do: str = ""


@dataclass(frozen=True)
class Health:
    """The answer: the first finding, and the others."""

    first: Finding
    others: tuple[Finding, ...] = ()


def health_line(facts: Facts, now: datetime) -> Health:
    """What to say on top of the page."""
    found = [finding for rule in _RULES if (finding := rule(facts, now)) is not None]
    ordered = sorted(found, key=lambda finding: finding.level)
    return Health(ordered[0], tuple(ordered[1:])) if ordered else Health(_all_is_well(facts, now))


def _paused(facts: Facts, now: datetime) -> Finding | None:
    if facts.pause is None:
        return None
    line = f"Paused by {facts.pause.by} since {say.since(facts.pause.since, now)}: nothing is copied."
    why = f"The reason given: {facts.pause.reason}. " if facts.pause.reason else ""
    what_to_do = f"{why}Resume when it may go on. Until then changes are received and kept; none is lost."
    return Finding("paused", Level.STOPPED, line, what_to_do)


def _breaker(facts: Facts, now: datetime) -> Finding | None:
    for service, breaker in facts.breakers.items():
        code = FailureCode.read(breaker.code or "")
        since = say.lasts(now - breaker.open_since) if breaker.open_since else "a while"
        probe = f" It is tried again {say.until(breaker.next_probe_at, now)}." if breaker.next_probe_at else ""
        theirs = code.kind is not FailureKind.WAIT
        return Finding(
            f"breaker-{service}",
            Level.STOPPED if theirs else Level.WAITING,
            f"No photo is copied: {NAMES[service]} has refused nearly everything for {since}. {code.sentence}",
            f"{code.remedy}{probe} Everybody who failed meanwhile is looked at again by itself.",
        )
    return None


def _subscription(facts: Facts, now: datetime) -> Finding | None:
    record, health = facts.subscription, facts.subscription_health
    if health in {SubscriptionHealth.VALID, SubscriptionHealth.RETRYING}:
        return None
    if record.error_code:
        code = FailureCode.read(record.error_code)
        detail = f" Graph said: {record.error_detail}" if record.error_detail else ""
        level = Level.WAITING if code.kind is FailureKind.WAIT and health is SubscriptionHealth.MISSING else Level.TO_DO
        return Finding(f"subscription-{health}", level, f"{health.sentence} {code.sentence}", code.remedy + detail)
    if record.checked_at is None:
        first = "The app asks Graph for a subscription within five minutes of its start. There is nothing to do yet."
        return Finding("subscription-new", Level.WAITING, "There is no subscription yet: no notification comes.", first)
    return Finding(
        f"subscription-{health}",
        Level.TO_DO,
        f"The subscription was last looked after {say.ago(record.checked_at, now)}: the app's timers do not run.",
        f"{_CHECK_AZURE}.",
    )


def _safety_stop(facts: Facts, _now: datetime) -> Finding | None:
    if facts.stop is None:
        return None
    code = FailureCode.REMOVALS_STOPPED
    gone = say.counted(facts.stop.would_remove, "picture", "pictures")
    line = f"{code.sentence} {gone} would have been cleared, and {say.number(facts.stop.allowed)} are allowed at once."
    return Finding("safety-stop", Level.TO_DO, line, code.remedy)


def _sweep(facts: Facts, now: datetime) -> Finding | None:
    last = facts.last_sweep
    if facts.pause is not None:
        return None  # no sweep begins then, and that is said already
    if last is None:
        if facts.tally.users == 0:
            return None
        soon = f"The first begins within {say.lasts(facts.sweep_every)} of the app's start."
        return Finding("sweep-none", Level.WAITING, "No sweep has looked at everybody yet.", soon)
    if last.state in {RunState.FAILED, RunState.ABANDONED} or (last.error_code and last.state is RunState.LISTING):
        code = FailureCode.read(last.error_code or "")
        level = Level.WAITING if code.kind is FailureKind.WAIT else Level.TO_DO
        detail = f" Detail: {last.error_detail}" if last.error_detail else ""
        return Finding(
            "sweep-failed", level, f"The last sweep did not come to its end. {code.sentence}", code.remedy + detail
        )
    if now - last.requested_at > max(NO_SWEEP_FOR, 4 * facts.sweep_every):
        return Finding(
            "sweep-late",
            Level.TO_DO,
            f"The last sweep began {say.ago(last.requested_at, now)}: the timers do not run, or a queue is stuck.",
            f"{_CHECK_AZURE}; then sweep now.",
        )
    return None


def _unreadable(facts: Facts, _now: datetime) -> Finding | None:
    if not facts.unreadable:
        return None
    code = FailureCode.UNREADABLE_MESSAGE
    several = say.counted(facts.unreadable, "message was", "messages were")
    line = f"{several} set aside, because this version of the app cannot read them."
    return Finding("unreadable", Level.TO_DO, line, f"{code.remedy} Then put them back.")


def _failed(facts: Facts, _now: datetime) -> Finding | None:
    failed = facts.tally.of(UserState.FAILED)
    if not failed:
        return None
    worst, often = facts.tally.failures.most_common(1)[0] if facts.tally.failures else ("", failed)
    code = FailureCode.read(worst)
    who = say.counted(failed, "person's photo", "people's photos")
    share = "" if often == failed else f"{say.number(often)} of them: "
    return Finding("failed", Level.TO_DO, f"{who} could not be copied. {share}{code.sentence}", code.remedy)


def _gates(facts: Facts, now: datetime) -> Finding | None:
    if not facts.gates:
        return None
    service, opens = max(facts.gates.items(), key=lambda item: item[1])
    line = f"{NAMES[service]} asked the app to slow down. It goes on by itself {say.until(opens, now)}."
    return Finding(f"gate-{service}", Level.WAITING, line, "There is nothing to do.")


def _counting(facts: Facts, _now: datetime) -> Finding | None:
    if not facts.tally.counting:
        return None
    so_far = f" {say.counted(facts.tally.users, 'person', 'people')} so far." if facts.tally.users else ""
    line = f"People are being counted for the first time.{so_far}"
    return Finding("counting", Level.WAITING, line, "It takes some seconds; then this line says how things are.")


def _nobody(facts: Facts, _now: datetime) -> Finding | None:
    if facts.tally.users or facts.tally.counting:
        return None
    if facts.last_sweep is not None:
        line = "Nobody has been looked at yet; a sweep is under way, or found nobody in scope."
        return Finding("nobody", Level.WAITING, line, "If it stays so, check the settings that say who is in scope.")
    soon = f"The first sweep begins within {say.lasts(facts.sweep_every)} of the app's start, and looks at everybody."
    return Finding("nobody", Level.WAITING, "The app is new here: it has not looked at anybody yet.", soon)


_RULES: tuple[Callable[[Facts, datetime], Finding | None], ...] = (
    _paused,
    _breaker,
    _subscription,
    _safety_stop,
    _sweep,
    _unreadable,
    _failed,
    _gates,
    _counting,
    _nobody,
)


def _all_is_well(facts: Facts, now: datetime) -> Finding:
    tally, record = facts.tally, facts.subscription
    parts = [f"{say.counted(tally.of(UserState.IN_STEP), 'photo', 'photos')} in step"]
    if tally.last_copied_at:
        parts.append(f"last change copied {say.ago(tally.last_copied_at, now)}")
    if record.expires_at:
        parts.append(f"subscription valid until {say.day(record.expires_at, now)}")
    under_way = sum(tally.of(state) for state in (UserState.PENDING, UserState.COPYING, UserState.DEFERRED))
    if under_way:
        parts.append(f"{say.number(under_way)} on the way")
    return Finding("well", Level.WELL, f"All is well – {', '.join(parts)}.")
