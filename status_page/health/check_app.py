"""What the app knows of itself: its clock, and its sweeps."""

from datetime import timedelta

from azure.core.exceptions import AzureError

from shared import paused
from shared.failures import FailureCode
from shared.gates import Service
from shared.runs import RunKind, Runs, RunState, Users
from status_page import say
from status_page.health.findings import NAMES, Finding, failed, passed, skipped, warning
from status_page.health.kit import Kit

ODD_CLOCK, WRONG_CLOCK = timedelta(seconds=60), timedelta(minutes=5)
"""Entra ID refuses assertions and services refuse tokens from clocks that are five minutes off."""
NO_SWEEP_FOR = timedelta(hours=1)
_SWEEPS = 8


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
        pause = paused.read(kit.control)
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
    if pause is not None:
        return passed(f"{found} None begins while the app is paused.")
    if now - last.requested_at > max(NO_SWEEP_FOR, 4 * every):
        return failed(found, timers)
    if last.state is RunState.FAILED:
        code = FailureCode.read(last.error_code or "")
        return failed(f"{found} It failed: {code.sentence}", code.remedy, last.error_request_id or "")
    return passed(found)


def _name(who: str) -> str:
    return NAMES.get(Service(who), who) if who in set(Service) else "storage"


def _signed(skew: timedelta) -> str:
    seconds = round(skew.total_seconds())
    return f"{seconds:+d} s" if seconds else "0 s"
