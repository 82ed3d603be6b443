"""Where users stand, as JSON: one page of rows, or one user with the latest attempts."""

from dataclasses import asdict
from typing import Any

import azure.functions as func
from pydantic.alias_generators import to_camel

from shared.failures import FailureCode
from shared.problem import json_answer, problem
from shared.services import Services
from shared.status import HistoryRow, StatusRow
from shared.words import UserState, object_id

PAGE_SIZE = 100
_INTERNAL = {"lease_owner", "lease_until", "dirty", "refused_etag", "recipe"}


def list_status(services: Services, state: str | None, after: str | None) -> func.HttpResponse:
    """One page of users in the order of their object ids, of one state or all; `after` is the last id seen."""
    wanted = next((member for member in UserState if member == state), None)
    if state is not None and wanted is None:
        return problem(400, "bad-request", "There is no such state.", f"The states are: {', '.join(UserState)}.")
    try:
        last = object_id(after) if after is not None else None
    except ValueError as error:
        return problem(400, "bad-request", "The query parameter after is wrong.", str(error))
    rows = services.status.page(wanted, last, PAGE_SIZE)
    following = rows[-1].user_id if len(rows) == PAGE_SIZE else None
    return json_answer(200, {"users": [_told(row) for row in rows], "after": following})


def tell_user(services: Services, user_id: str) -> func.HttpResponse:
    """One user with the latest attempts, newest first."""
    try:
        seen = services.status.get(object_id(user_id))
    except ValueError as error:
        return problem(400, "bad-request", "The user is named by object id.", str(error))
    if seen is None:
        return problem(
            404, "never-looked-at", "This user's photo was never looked at.", "POST /api/sync makes the app look."
        )
    history = [_attempt(row) for row in services.history.of(seen.row.user_id)]
    return json_answer(200, _told(seen.row) | {"history": history})


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
        if value is not None and name not in _INTERNAL
    }
