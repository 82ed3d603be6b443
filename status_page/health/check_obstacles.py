"""What keeps the app from working though all is well around it: gates, breakers, the pause switch, a safety stop."""

from collections.abc import Iterator

from azure.core.exceptions import AzureError

from shared import paused, safety_stop
from shared.breaker import Breaker
from shared.failures import FailureCode, FailureKind
from shared.gates import Service, row_of
from shared.rows import from_entity
from status_page import say
from status_page.health import probe_write
from status_page.health.findings import NAMES, Finding, failed, overall, passed, skipped, warning
from status_page.health.kit import Kit

_BREAKER = "breaker "


def check_obstacles(kit: Kit) -> Finding:
    """All of them, in one finding with the worst verdict."""
    try:
        found = [*_gates(kit), *_breakers(kit), *_switches(kit)]
    except AzureError as error:
        return skipped(f"They cannot be read: {type(error).__name__}.")
    if not found:
        return passed("Nothing keeps the app from working.")
    return Finding(
        overall(one.verdict for one in found),
        " ".join(one.found for one in found),
        " ".join(dict.fromkeys(one.remedy for one in found)),
    )


def _gates(kit: Kit) -> Iterator[Finding]:
    now = kit.clock.now()
    for service in Service:
        opens = kit.control.get(row_of(service)).get("opensAt")
        if opens is not None and opens > now:
            yield warning(
                f"{NAMES[service]} has asked the app for a pause, which ends {say.until(opens, now)}.",
                "There is nothing to do about that: the app goes on by itself.",
            )


def _breakers(kit: Kit) -> Iterator[Finding]:
    now = kit.clock.now()
    for row in kit.control.starting_with(_BREAKER):
        breaker, service = from_entity(Breaker, row.values), Service(row.name.removeprefix(_BREAKER))
        if breaker.open_since is None:
            continue
        code, lasts = FailureCode.read(breaker.code or ""), say.lasts(now - breaker.open_since)
        finding = warning if code.kind is FailureKind.WAIT else failed
        yield finding(
            f"No photo is copied: {NAMES[service]} has refused nearly everything for {lasts}. {code.sentence}",
            f"{code.remedy} Everybody who failed meanwhile is looked at again by itself.",
        )


def _switches(kit: Kit) -> Iterator[Finding]:
    stop, pause = safety_stop.read(kit.control), paused.read(kit.control)
    if pause is not None:
        yield warning(
            f"Somebody paused the app {say.ago(pause.since, kit.clock.now())}: nothing is checked or copied.",
            "DELETE /api/pause, or the page's button, lets it go on.",
        )
    if stop is not None and stop.in_force:
        yield warning(FailureCode.REMOVALS_STOPPED.sentence, FailureCode.REMOVALS_STOPPED.remedy)
    if (left := probe_write.left_behind(kit)) is not None:
        yield left
