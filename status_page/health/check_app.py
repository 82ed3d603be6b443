"""What the app knows of itself: its clock, its sweeps, and what keeps it from working."""

from datetime import timedelta

from azure.core.exceptions import AzureError

from shared import safety_stop
from shared.breaker import Breaker
from shared.failures import FailureCode, FailureKind
from shared.gates import Service, row_of
from shared.rows import from_entity
from shared.runs import RunKind, Runs, RunState, Users
from status_page import say
from status_page.health import probe_write
from status_page.health.findings import NAMES, Finding, Verdict, failed, passed, skipped, warning
from status_page.health.kit import Kit

ODD_CLOCK, WRONG_CLOCK = timedelta(seconds=60), timedelta(minutes=5)
"""Entra ID refuses assertions and services refuse tokens from clocks that are five minutes off."""
NO_SWEEP_FOR = timedelta(hours=1)
_SWEEPS = 8
_BREAKER = "breaker "


def check_clock(kit: Kit) -> Finding:
    """Our own clock against the Date headers of those that answered."""
    seen = kit.learned.dates
    if not seen:
        return skipped("Nobody has answered, so there is no clock to compare with.")
    off = {who: date.ours - date.theirs for who, date in sorted(seen.items())}
    told = ", ".join(f"{_signed(skew)} against {_name(who)}" for who, skew in off.items())
    worst = max(abs(skew) for skew in off.values())
    if worst < ODD_CLOCK:
        return passed(f"The app's clock is right: {told}.")
    remedy = (
        "In Azure, restart the app, so that it runs on another machine; if it stays, ask Azure's support. "
        "On your own machine, let its clock be set from the network (NTP)."
    )
    if len(off) > 1 and min(abs(skew) for skew in off.values()) < ODD_CLOCK:
        remedy = f"Others agree with the app's clock, so it is probably not the app's that is wrong. {remedy}"
    finding = failed if worst >= WRONG_CLOCK else warning
    return finding(f"The app's clock and another one differ: {told}.", remedy)


def check_sweep(kit: Kit) -> Finding:
    """The last sweep over everybody, and its age."""
    now, every = kit.clock.now(), timedelta(minutes=kit.settings.sweep_minutes)
    try:
        runs = Runs(kit.storage).newest(RunKind.SWEEP, _SWEEPS)
    except AzureError as error:
        return skipped(f"The record of sweeps cannot be read: {type(error).__name__}.")
    last = next((run for run in runs if run.users is Users.ALL), None)
    timers = (
        "Check in Azure that the Function App is running and that the function begin_sweep is not disabled. "
        "POST /api/sweep begins one now."
    )
    if last is None:
        return warning("There was no sweep yet.", f"The first begins within five minutes of the app's start. {timers}")
    found = f"The last sweep began {say.ago(last.requested_at, now)}; one is due every {say.lasts(every)}."
    if now - last.requested_at > max(NO_SWEEP_FOR, 4 * every):
        return failed(found, timers)
    if last.state is RunState.FAILED:
        code = FailureCode.read(last.error_code or "")
        return failed(f"{found} It failed: {code.sentence}", code.remedy, last.error_request_id or "")
    return passed(found)


def check_gates(kit: Kit) -> Finding:
    """Gates that are closed, breakers that are open, a safety stop."""
    now = kit.clock.now()
    try:
        closed = {service: kit.control.get(row_of(service)).get("opensAt") for service in Service}
        breakers = {
            Service(row.name.removeprefix(_BREAKER)): from_entity(Breaker, row.values)
            for row in kit.control.starting_with(_BREAKER)
        }
        stop = safety_stop.read(kit.control)
        probe = probe_write.left_behind(kit)
    except AzureError as error:
        return skipped(f"They cannot be read: {type(error).__name__}.")
    verdict, told, remedies = Verdict.PASSED, list[str](), list[str]()
    for service, opens in closed.items():
        if opens is not None and opens > now:
            verdict = max(verdict, Verdict.WARNING, key=_ORDER.index)
            told.append(f"{NAMES[service]} has asked the app for a pause, which ends {say.until(opens, now)}.")
            remedies.append("There is nothing to do about a pause: the app goes on by itself.")
    for service, breaker in breakers.items():
        if breaker.open_since is None:
            continue
        code = FailureCode.read(breaker.code or "")
        mends_itself = code.kind is FailureKind.WAIT
        verdict = max(verdict, Verdict.WARNING if mends_itself else Verdict.FAILED, key=_ORDER.index)
        told.append(
            f"No photo is copied: {NAMES[service]} has refused nearly everything for "
            f"{say.lasts(now - breaker.open_since)}. {code.sentence}"
        )
        remedies.append(f"{code.remedy} Everybody who failed meanwhile is looked at again by itself.")
    if stop is not None and stop.in_force:
        verdict = max(verdict, Verdict.WARNING, key=_ORDER.index)
        told.append(FailureCode.REMOVALS_STOPPED.sentence)
        remedies.append(FailureCode.REMOVALS_STOPPED.remedy)
    if probe is not None:
        verdict = max(verdict, probe.verdict, key=_ORDER.index)
        told.append(probe.found)
        remedies.append(probe.remedy)
    return Finding(verdict, " ".join(told) or "Nothing keeps the app from working.", " ".join(dict.fromkeys(remedies)))


_ORDER = (Verdict.PASSED, Verdict.WARNING, Verdict.FAILED)


def _name(who: str) -> str:
    return NAMES.get(Service(who), who) if who in set(Service) else "storage"


def _signed(skew: timedelta) -> str:
    seconds = round(skew.total_seconds())
    return f"{seconds:+d} s" if seconds else "0 s"
