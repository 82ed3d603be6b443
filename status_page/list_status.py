"""Where users stand, as JSON: one page of rows, or one user with the latest attempts."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import azure.functions as func
from pydantic.alias_generators import to_camel

from shared.failures import Failure, FailureCode
from shared.problem import json_answer, problem
from shared.services import Services
from shared.status import HistoryRow, Seen, StatusRow
from shared.words import UserState, object_id
from status_page.find_users import Asked, find_users, folded

PAGE_SIZE = 100
MOST = 1000
_ASK_GRAPH_FOR = timedelta(seconds=5)
INTERNAL = {"lease_owner", "lease_until", "dirty", "refused_etag", "recipe"}


def read_filters(
    state: str | None, text: str | None, after: str | None, size: str | None = None
) -> Asked | func.HttpResponse:
    """What a query asks for, or the problem with it."""
    wanted = next((member for member in UserState if member == state), None)
    if state and wanted is None:
        return problem(400, "bad-request", "There is no such state.", f"The states are: {', '.join(UserState)}.")
    number = int(size) if size and size.isdecimal() and len(size) < 6 else 0
    if size and not 1 <= number <= MOST:
        return problem(400, "bad-request", "The query parameter size is wrong.", f"It is a number from 1 to {MOST}.")
    try:
        place = after if after is None or after.startswith("~") else object_id(after)
    except ValueError as error:
        return _no_place(error)
    return Asked(wanted, text or "", place, number or PAGE_SIZE)


def list_status(
    services: Services, state: str | None, after: str | None, text: str | None = None, size: str | None = None
) -> func.HttpResponse:
    """One page of users in the order of their object ids, of one state or all, perhaps only those with this text.

    `after` is what the answer before gave. A search that ran out of time says so, and goes on from there.
    """
    asked = read_filters(state, text, after, size)
    if isinstance(asked, func.HttpResponse):
        return asked
    try:
        found = find_users(services.status, asked, fields=())
    except ValueError as error:
        return _no_place(error)
    told = {"users": [_told(row) for row in found.rows], "after": found.after}
    return json_answer(200, told | ({"stopped": True, "lookedAt": found.looked_at} if found.stopped else {}))


def tell_user(services: Services, user: str) -> func.HttpResponse:
    """One user, by object id or UPN, with the latest attempts, newest first."""
    seen = find_one(services, user)
    if seen is None:
        return never_looked_at()
    history = [_attempt(row) for row in services.history.of(seen.row.user_id)]
    return json_answer(200, _told(seen.row) | {"history": history})


def find_one(services: Services, user: str) -> Seen | None:
    """The row of a user by object id or UPN; None when there is none.

    A UPN is asked of Graph, which knows present names and costs one request; only if that fails, or knows nobody, is
    the table searched for the name that it holds.
    """
    try:
        return services.status.get(object_id(user))
    except ValueError:
        pass
    try:
        found = services.graph(services.caller(give_up_at=services.clock.now() + _ASK_GRAPH_FOR)).resolve([user])
        known = next(iter(found.values()), None)
    except Failure:
        known = None
    if known is not None:
        return services.status.get(known.id)
    upn = folded(user)
    rows = find_users(services.status, Asked(text=user, size=PAGE_SIZE)).rows
    return next((services.status.get(row.user_id) for row in rows if folded(row.upn or "") == upn), None)


def never_looked_at() -> func.HttpResponse:
    """The problem of a user who has no row."""
    return problem(
        404, "never-looked-at", "This user's photo was never looked at.", "POST /api/sync makes the app look."
    )


def _no_place(error: ValueError) -> func.HttpResponse:
    return problem(400, "bad-request", "The query parameter after is wrong.", str(error))


def _told(row: StatusRow) -> dict[str, Any]:
    told = _camel(asdict(row)) | {"means": row.state.sentence}
    if row.error_code:
        code = FailureCode.read(row.error_code)
        told |= {"errorMeans": code.sentence, "remedy": code.remedy}
    return told


def _attempt(row: HistoryRow) -> dict[str, Any]:
    return _camel(asdict(row))


def _camel(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that say something, with the names of the wire; moments in ISO 8601."""
    return {
        to_camel(name): value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in fields.items()
        if value is not None and name not in INTERNAL
    }
