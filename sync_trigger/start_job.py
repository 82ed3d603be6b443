"""A manual sync: an administrator names users, the app makes a job of it and tells how it goes."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Self

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from shared.failures import Failure, FailureCode
from shared.photo_queue import QueueUnavailable
from shared.problem import json_answer, problem, problem_of
from shared.runs import ItemRow, Progress, RunRow
from shared.services import Services
from shared.words import ObjectId, Outcome, PhotoEvent, Reason

MOST_USERS = 1000
_RESOLVE_TIME = timedelta(seconds=60)
_QUEUE_SECONDS = 60.0

UserKey = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=320)]


class SyncRequest(BaseModel):
    """The body of `POST /api/sync`: exactly one of `users`, `all` and `group`."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True)

    users: Annotated[list[UserKey], Field(min_length=1, max_length=MOST_USERS)] | None = None
    """Object ids or user principal names."""
    all: bool = False
    group: ObjectId | None = None
    force: bool = False
    """Copy even what is in step."""
    dry_run: bool = False
    """Tell what would be copied; write nothing."""

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if [self.users is not None, self.all, self.group is not None].count(True) != 1:
            raise ValueError('give exactly one of "users", "all": true and "group"')
        return self


def start_job(services: Services, body: bytes, requested_by: str) -> func.HttpResponse:
    """Make a job of the request and put its photo events on the queue."""
    try:
        request = SyncRequest.model_validate_json(body)
    except ValidationError as error:
        return _bad_request(error)
    if request.users is None:
        return problem(
            501,
            "not-yet",
            "Syncing the whole tenant or a group comes with the next version.",
            f'Name the users until then: {{"users": ["a.b@contoso.com"]}}, up to {MOST_USERS} at a time.',
        )
    keys = list(dict.fromkeys(key.lower() for key in request.users))
    try:
        graph = services.graph(services.caller(give_up_at=services.clock.now() + _RESOLVE_TIME))
        found = graph.resolve(keys)
    except Failure as failure:
        return problem_of(failure)
    known = list(dict.fromkeys(user.id for user in found.values() if user is not None))
    unknown = [key for key, user in found.items() if user is None]
    run = services.runs.start(
        now=services.clock.now(),
        requested_by=requested_by,
        total=len(known) + len(unknown),
        force=request.force,
        dry_run=request.dry_run,
    )
    _record_unknown(services, run, unknown)
    events = [
        PhotoEvent(
            user_id=user_id,
            reason=Reason.MANUAL,
            force=request.force,
            dry_run=request.dry_run,
            job_id=run.run_id,
        )
        for user_id in known
    ]
    try:
        services.queue.put_all(events, within=_QUEUE_SECONDS)
    except QueueUnavailable:
        return problem(503, "not-stored", "Not all users could be queued.", "Ask again: what comes twice does no harm.")
    location = f"/api/sync/{run.run_id}"
    return json_answer(202, {"jobId": run.run_id, "total": run.total, "status": location}, {"Location": location})


def tell_progress(services: Services, job_id: str) -> func.HttpResponse:
    """Where a job stands."""
    progress = services.runs.progress(job_id)
    if progress is None:
        return problem(404, "no-such-job", "There is no such job.", "The id comes from the answer of POST /api/sync.")
    return json_answer(200, _told(progress))


def _told(progress: Progress) -> dict[str, Any]:
    run = progress.run
    return {
        "jobId": run.run_id,
        "state": "done" if progress.finished >= run.total else "running",
        "requestedAt": run.requested_at.isoformat(),
        "requestedBy": run.requested_by,
        "force": run.force,
        "dryRun": run.dry_run,
        "total": run.total,
        "finished": progress.finished,
        "counts": {str(outcome): progress.counts[outcome] for outcome in sorted(progress.counts)},
        "failures": [_told_item(item) for item in progress.failures],
        "wouldCopy": [_told_item(item) for item in progress.would_copy],
    }


def _told_item(item: ItemRow) -> dict[str, Any]:
    told: dict[str, Any] = {"userId": item.user_id, "user": item.upn}
    if item.error_code:
        code = FailureCode.read(item.error_code)
        told |= {"error": code, "means": code.sentence, "remedy": code.remedy, "detail": item.error_detail}
    return told


def _record_unknown(services: Services, run: RunRow, keys: Sequence[str]) -> None:
    """Users that Graph does not know end at once, as the job's failures."""
    now = services.clock.now()
    for key in keys:
        # What was typed may hold characters that a row key may not.
        row_key = f"unknown-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        services.runs.record(run.run_id, ItemRow(row_key, Outcome.FAILED, now, key, str(FailureCode.USER_NOT_FOUND)))


def _bad_request(error: ValidationError) -> func.HttpResponse:
    wrong = [
        {
            "at": "/".join(str(part) for part in item["loc"]) or "body",
            "wrong": item["msg"].removeprefix("Value error, "),
        }
        for item in error.errors(include_url=False, include_input=False, include_context=False)[:20]
    ]
    return problem(
        400,
        "bad-request",
        "The body is not what POST /api/sync takes.",
        'Example: {"users": ["a.b@contoso.com"], "force": false, "dryRun": false}',
        errors=wrong,
    )
