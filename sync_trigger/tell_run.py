"""How a run goes, as JSON: its state, its counts, its end as far as that can be told."""

from datetime import datetime, timedelta

import azure.functions as func

from shared.estimated_end import estimated_end
from shared.failures import FailureCode
from shared.problem import json_answer, problem
from shared.runs import ItemRow, Progress, RunKind, RunState
from shared.services import Services
from sync_trigger.answer_shapes import Item, JobAnswer, RunTrouble, SweepAnswer


def tell_run(services: Services, kind: RunKind, run_id: str) -> func.HttpResponse:
    """Where a run stands."""
    progress = services.runs.progress(run_id, kind=kind)
    if progress is None:
        return problem(
            404, f"no-such-{kind}", f"There is no such {kind}.", "The id comes from the answer that began it."
        )
    now = services.clock.now()
    if kind is RunKind.SWEEP:
        return json_answer(200, told_sweep(progress))
    return json_answer(200, told_job(progress, now, services.pace.interval))


def told_job(progress: Progress, now: datetime, interval: timedelta) -> JobAnswer:
    """A job as its administrator sees it."""
    run = progress.run
    end = None if progress.is_done else estimated_end(progress, now, interval)
    return {
        "jobId": run.run_id,
        "state": "done" if progress.is_done else str(run.state),
        "correlationId": run.correlation_id,
        "requestedAt": run.requested_at.isoformat(),
        "requestedBy": run.requested_by,
        "users": run.users,
        "group": run.group,
        "action": run.action,
        "force": run.force,
        "dryRun": run.dry_run,
        "total": run.total,
        "finished": progress.finished,
        "counts": {outcome: progress.counts[outcome] for outcome in sorted(progress.counts)},
        "estimatedEnd": end.isoformat() if end else None,
        "failures": [_told_item(item) for item in progress.failures],
        "wouldCopy": [_told_item(item) for item in progress.would_copy],
        "kept": [_told_item(item) for item in progress.kept],
        **_told_error(progress),
    }


def told_sweep(progress: Progress) -> SweepAnswer:
    """A sweep as the administrator sees it. Whom it gave to a worker, their own rows tell."""
    run = progress.run
    return {
        "runId": run.run_id,
        "state": str(RunState.LISTING if run.state is RunState.LISTING else run.state),
        "correlationId": run.correlation_id,
        "why": run.why,
        "requestedBy": run.requested_by,
        "startedAt": run.requested_at.isoformat(),
        "listedAt": run.listed_at.isoformat() if run.listed_at else None,
        "users": run.total,
        "chunks": run.chunks,
        "different": progress.given,
        **_told_error(progress),
    }


def _told_error(progress: Progress) -> RunTrouble:
    """What keeps the run from going on, or kept some of its users from being checked."""
    if not progress.run.error_code:
        return {}
    code = FailureCode.read(progress.run.error_code)
    return {
        "error": code,
        "means": code.sentence,
        "remedy": code.remedy,
        "detail": progress.run.error_detail,
        "requestId": progress.run.error_request_id,
    }


def _told_item(item: ItemRow) -> Item:
    told: Item = {"userId": item.user_id, "user": item.upn}
    if item.error_code:
        code = FailureCode.read(item.error_code)
        told |= {"error": code, "means": code.sentence, "remedy": code.remedy, "detail": item.error_detail}
    return told
