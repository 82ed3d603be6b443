"""An administrator asks for a sweep now."""

import azure.functions as func

from shared import safety_stop
from shared.problem import json_answer, problem
from shared.runs import RunKind
from shared.services import Services
from sync_trigger.answer_shapes import SweepAccepted
from sync_trigger.request_bodies import RequestBody, read_body
from sync_trigger.sweep import Busy, begin_sweep
from sync_trigger.tell_run import tell_run


class SweepRequest(RequestBody):
    """The body of `POST /api/sweep`; it may be empty."""

    force: bool = False
    """Lift the safety stop: pictures of removed photos may be cleared, however many."""


def start_sweep(services: Services, body: bytes, requested_by: str) -> func.HttpResponse:
    """Begin a sweep, unless one is at work."""
    request = read_body(SweepRequest, body, path="POST /api/sweep", example='{"force": false}')
    if isinstance(request, func.HttpResponse):
        return request
    lifted = request.force and safety_stop.lift(services.control, services.clock.now())
    if services.pause_switch.wait(services.clock.now()) is not None:
        return problem(
            409,
            "paused",
            "The app is paused, so no sweep begins.",
            "Resume it on the page or with DELETE /api/pause, then ask again.",
            safetyStopLifted=lifted,
        )
    begun = begin_sweep(services, why="asked for by an administrator", requested_by=requested_by)
    if isinstance(begun, Busy):
        return problem(
            409,
            "sweep-running",
            "A sweep is at work already.",
            f"Of the sweep {begun.run_id} {begun.why}. Ask again when it is done; it checks the same users.",
            runId=begun.run_id,
            safetyStopLifted=lifted,
        )
    location = f"/api/sweep/{begun.run_id}"
    told: SweepAccepted = {"runId": begun.run_id, "status": location, "safetyStopLifted": lifted}
    return json_answer(202, told, {"Location": location})


def tell_sweep(services: Services, run_id: str) -> func.HttpResponse:
    """Where a sweep stands."""
    return tell_run(services, RunKind.SWEEP, run_id)
