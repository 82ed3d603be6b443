"""The facts behind the page's first line, as JSON: for a script, or an alert rule, that asks "is it healthy?"."""

from collections.abc import Mapping
from datetime import datetime

import azure.functions as func

from shared.actions import ActionRow
from shared.clock import Clock
from shared.measures import MeasuredHour
from shared.paused import Pause
from shared.problem import json_answer
from shared.words import UserState
from status_page.answer_shapes import ActionTold, FindingTold, Overview, PauseTold
from status_page.chart_hours import told_hours
from status_page.facts import Facts
from status_page.health_line import Finding, Level, health_line


def tell_overview(facts: Facts, hours: Mapping[datetime, MeasuredHour], clock: Clock) -> func.HttpResponse:
    """The answer: `healthy`, the line, what to do, and the facts."""
    return json_answer(200, told(facts, clock.now(), hours))


def told(facts: Facts, now: datetime, hours: Mapping[datetime, MeasuredHour] | None = None) -> Overview:
    """The facts with the names of the wire. Pure."""
    health = health_line(facts, now)
    record, sweep, tally = facts.subscription, facts.last_sweep, facts.tally
    return {
        "healthy": health.first.level >= Level.WAITING,
        **_finding(health.first),
        "alsoFound": [_finding(finding) for finding in health.others],
        "users": {state: tally.of(state) for state in UserState},
        "failures": dict(tally.failures.most_common()),
        "countedAt": _iso(tally.counted_at),
        "stillCounting": tally.counting,
        "lastCopiedAt": _iso(tally.last_copied_at),
        "subscription": {
            "health": str(facts.subscription_health),
            "means": facts.subscription_health.sentence,
            "validUntil": _iso(record.expires_at),
            "nextRenewal": _iso(record.next_renewal),
            "checkedAt": _iso(record.checked_at),
            "error": record.error_code,
        },
        "sweep": {
            "lastBegan": _iso(sweep.requested_at) if sweep else None,
            "nextDue": _iso(facts.next_sweep),
            "users": sweep.total if sweep else None,
            "error": sweep.error_code if sweep else None,
        },
        "closedGates": {service: _iso(opens) for service, opens in facts.gates.items()},
        "openBreakers": {
            service: {"since": _iso(breaker.open_since), "error": breaker.code}
            for service, breaker in facts.breakers.items()
        },
        "safetyStop": {"since": _iso(facts.stop.since), "wouldRemove": facts.stop.would_remove} if facts.stop else None,
        "unreadableMessages": facts.unreadable,
        "paused": _pause(facts.pause) if facts.pause else None,
        "lastHours": told_hours(hours or {}),
        "latestActions": [_action(action) for action in facts.latest_actions],
    }


def _finding(finding: Finding) -> FindingTold:
    return {
        "kind": finding.kind,
        "level": finding.level.name.lower(),
        "line": finding.line,
        "whatToDo": finding.what_to_do or None,
    }


def _pause(pause: Pause) -> PauseTold:
    return {"since": _iso(pause.since), "by": pause.by, "reason": pause.reason}


def _action(action: ActionRow) -> ActionTold:
    return {
        "at": _iso(action.at),
        "who": action.who,
        "what": action.what,
        "request": f"{action.method} /api/{action.path}",
        "status": action.status,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
