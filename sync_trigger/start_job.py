"""A manual sync: an administrator names users, a group or everybody; the app makes a job of it and tells how it goes.

Up to twenty-five named users are looked at at once. More stand in the line of bulk work, at its pace. A group and the
whole tenant are listed and checked by messages, as a sweep is.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Self

import azure.functions as func
from azure.core.exceptions import AzureError
from pydantic import Field, StringConstraints, WithJsonSchema, model_validator

from shared.failures import Failure, FailureCode
from shared.logs import Happened, tell
from shared.pace import AT_ONCE
from shared.photo_queue import QueueUnavailable
from shared.problem import json_answer, problem, problem_of
from shared.runs import ItemRow, RunKind, RunRow, RunState, Users
from shared.services import Services
from shared.spans import span, worth_sending
from shared.telemetry import Metric, measure
from shared.words import Action, ObjectId, Outcome, PhotoEvent, Reason, object_id
from sync_trigger.answer_shapes import JobAccepted
from sync_trigger.list_users import is_unknown_group
from sync_trigger.request_bodies import RequestBody, read_body
from sync_trigger.sweep import start_listing
from sync_trigger.tell_run import tell_run, told_job

MOST_USERS = 1000
_RESOLVE_TIME = timedelta(seconds=60)
_QUEUE_SECONDS = 60.0
_log = logging.getLogger("photosync.job")

_NO_SPACE = r"[^\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""What strip_whitespace leaves at both ends, so that the API's description says the same as the check."""
UserKey = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=320),
    WithJsonSchema({"type": "string", "minLength": 3, "maxLength": 320, "pattern": rf"{_NO_SPACE}[\s\S]+{_NO_SPACE}"}),
]
UserKeys = Annotated[list[UserKey], Field(min_length=1, max_length=MOST_USERS)]


class SyncRequest(RequestBody):
    """The body of `POST /api/sync`: exactly one of `users`, `all` and `group`."""

    users: UserKeys | None = None
    """Object ids or user principal names."""
    all: bool = False
    """Everybody in scope."""
    group: ObjectId | None = None
    """Object id of a group: its members, direct or through other groups, as far as they are in scope."""
    action: Annotated[Action, Field(strict=False)] = Action.COPY
    """`restore` puts back the picture properties that were there before the app first wrote them."""
    force: bool = False
    """Copy even what is in step; and whom a restore has left alone."""
    or_clear: bool = False
    """Restore: clear the picture where nobody knows what was there before."""
    dry_run: bool = False
    """Tell what would be done; write nothing."""

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if [self.users is not None, self.all, self.group is not None].count(True) != 1:
            raise ValueError('give exactly one of "users", "all": true and "group"')
        if self.action is Action.RESTORE and self.force:
            raise ValueError('"force" is for copies: a restore never writes over what somebody else has set')
        if self.action is not Action.RESTORE and self.or_clear:
            raise ValueError('"orClear" goes with "action": "restore" only')
        return self

    @property
    def wanted(self) -> "Wanted":
        """What is to become of the users, whoever they are."""
        lift = self.action is Action.COPY and (self.users is not None or self.force)
        return Wanted(self.action, self.force, self.or_clear, self.dry_run, lift)


@dataclass(frozen=True)
class Wanted:
    """What a job does with its users."""

    action: Action = Action.COPY
    force: bool = False
    or_clear: bool = False
    dry_run: bool = False
    lift: bool = False
    """Copy also whom a restore has left alone."""


@span("job")
def start_job(services: Services, body: bytes, requested_by: str) -> func.HttpResponse:
    """Make a job of the request."""
    example = '{"users": ["a.b@contoso.com"], "force": false, "dryRun": false}'
    request = read_body(SyncRequest, body, path="POST /api/sync", example=example)
    if isinstance(request, func.HttpResponse):
        return request
    if request.users is not None:
        return start_named(services, request.users, requested_by, request.wanted)
    if request.group is not None and (refusal := _refuse_group(services, request.group)) is not None:
        return refusal
    users = Users.ALL if request.group is None else Users.GROUP
    return start_listed(services, users, requested_by, request.wanted, group=request.group)


def start_named(services: Services, users: Sequence[str], requested_by: str, wanted: Wanted) -> func.HttpResponse:
    """A job over users by their object ids or user principal names."""
    keys = list(dict.fromkeys(key.lower() for key in users))
    try:
        found = services.graph(services.caller(give_up_at=services.clock.now() + _RESOLVE_TIME)).resolve(keys)
    except Failure as failure:
        return problem_of(failure)
    ids = {key: user.id if user else _still_on_record(services, key, wanted) for key, user in found.items()}
    known = list(dict.fromkeys(user_id for user_id in ids.values() if user_id is not None))
    unknown = [key for key, user_id in ids.items() if user_id is None]
    return start_known(services, known, requested_by, wanted, unknown=unknown)


def start_known(
    services: Services,
    user_ids: Sequence[str],
    requested_by: str,
    wanted: Wanted,
    *,
    unknown: Sequence[str] = (),
) -> func.HttpResponse:
    """A job over users by their object ids; `unknown` are names that are its failures from the beginning."""
    now = services.clock.now()
    at_once = len(user_ids) <= AT_ONCE
    delays = (timedelta(),) * len(user_ids) if at_once else services.pace.claim(len(user_ids), now)
    if len(delays) < len(user_ids):
        services.pace.release(len(delays), now)
        return problem(
            503,
            "line-too-long",
            "So many photos are waiting to be copied that there is no room for more.",
            f"Name up to {AT_ONCE} users, who do not stand in that line, or ask again tomorrow.",
            {"Retry-After": "86400"},
        )
    total = len(user_ids) + len(unknown)
    run = services.runs.start(
        now=now,
        requested_by=requested_by,
        total=total,
        action=wanted.action,
        force=wanted.force,
        or_clear=wanted.or_clear,
        dry_run=wanted.dry_run,
    )
    _record_unknown(services, run, unknown)
    events = [
        PhotoEvent(
            user_id=user_id,
            reason=Reason.MANUAL,
            action=wanted.action,
            force=wanted.force,
            lift=wanted.lift,
            or_clear=wanted.or_clear,
            dry_run=wanted.dry_run,
            bulk=not at_once,
            job_id=run.run_id,
            noticed_at=now,
        )
        for user_id in user_ids
    ]
    try:
        services.queue.put_all_later(list(zip(events, delays, strict=True)), within=_QUEUE_SECONDS)
    except QueueUnavailable:
        return _not_stored()
    tell(_log, Happened.JOB_BEGUN, run_id=run.run_id, users=total)
    tell(_log, Happened.EVENTS_QUEUED, events=len(events), reason=Reason.MANUAL)
    measure(Metric.PHOTO_EVENTS, len(events), reason=Reason.MANUAL)
    worth_sending()
    return _accepted(run)


def start_listed(
    services: Services,
    users: Users,
    requested_by: str,
    wanted: Wanted,
    *,
    group: str | None = None,
) -> func.HttpResponse:
    """A job whose users are yet to be listed."""
    try:
        run = start_listing(
            services,
            RunKind.JOB,
            users,
            requested_by=requested_by,
            now=services.clock.now(),
            group=group,
            action=wanted.action,
            force=wanted.force,
            or_clear=wanted.or_clear,
            dry_run=wanted.dry_run,
        )
    except AzureError:
        return _not_stored()
    return _accepted(run)


def _still_on_record(services: Services, key: str, wanted: Wanted) -> str | None:
    """The object id of somebody whom Graph no longer knows, but whose picture may still be in SharePoint."""
    try:
        user_id = object_id(key)
    except ValueError:
        return None
    return user_id if wanted.action is Action.RESTORE and services.status.get(user_id) else None


def tell_progress(services: Services, job_id: str) -> func.HttpResponse:
    """Where a job stands."""
    return tell_run(services, RunKind.JOB, job_id)


def cancel_job(services: Services, job_id: str) -> func.HttpResponse:
    """Stop a job: what has not begun does not begin; what has begun is brought to its end."""
    runs, now = services.runs, services.clock.now()
    progress = runs.progress(job_id)
    if progress is None:
        return tell_run(services, RunKind.JOB, job_id)
    if progress.is_done or progress.run.state is RunState.FAILED:
        return problem(409, "job-ended", "The job has ended already.", "There is nothing left to cancel.")

    def cancelled(run: RunRow) -> RunRow | None:
        return None if run.state is RunState.CANCELLED else replace(run, state=RunState.CANCELLED)

    if runs.change(RunKind.JOB, job_id, cancelled) is not None:
        # Its places in the line are free again: other bulk work need not wait for nothing.
        waiting = progress.last_due is not None and progress.last_due > now
        services.pace.release(max(0, progress.given - progress.finished_by_workers) if waiting else 0, now)
    progress = runs.progress(job_id) or progress
    return json_answer(200, told_job(progress, now, services.pace.interval))


def _refuse_group(services: Services, group: str) -> func.HttpResponse | None:
    """The problem of a group that cannot be listed; None when it can."""
    try:
        services.graph(services.caller(give_up_at=services.clock.now() + _RESOLVE_TIME)).users_page(None, group)
    except Failure as failure:
        if is_unknown_group(failure):
            return problem(
                404, "no-such-group", "Microsoft Graph knows no such group.", "Check the group's object id in Entra ID."
            )
        return problem_of(failure)
    return None


def _accepted(run: RunRow) -> func.HttpResponse:
    location = f"/api/sync/{run.run_id}"
    told: JobAccepted = {
        "jobId": run.run_id,
        "total": run.total,
        "status": location,
        "correlationId": run.correlation_id,
    }
    return json_answer(202, told, {"Location": location})


def _not_stored() -> func.HttpResponse:
    return problem(503, "not-stored", "Not all users could be queued.", "Ask again: what comes twice does no harm.")


def _record_unknown(services: Services, run: RunRow, keys: Sequence[str]) -> None:
    """Users that Graph does not know end at once, as the job's failures."""
    now = services.clock.now()
    for key in keys:
        # What was typed may hold characters that a row key may not.
        row_key = f"unknown-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        services.runs.record(run.run_id, ItemRow(row_key, Outcome.FAILED, now, key, str(FailureCode.USER_NOT_FOUND)))
