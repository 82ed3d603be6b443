"""An administrator pauses the app, or lets it go on."""

import logging
from typing import Annotated

import azure.functions as func
from pydantic import Field, StringConstraints

from shared.logs import Happened, tell
from shared.problem import json_answer
from shared.services import Services
from sync_trigger.answer_shapes import Paused, Resumed
from sync_trigger.request_bodies import RequestBody, read_body

LONGEST_REASON = 200
_log = logging.getLogger("photosync.pause")


class PauseRequest(RequestBody):
    """The body of `POST /api/pause`; it may be empty."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_REASON)] = Field(default="")
    """Why, for those who find the app paused."""


def pause_app(services: Services, body: bytes, requested_by: str) -> func.HttpResponse:
    """Pause: nothing is checked and nothing copied until somebody resumes. A second pause changes nothing."""
    request = read_body(PauseRequest, body, path="POST /api/pause", example='{"reason": "Maintenance"}')
    if isinstance(request, func.HttpResponse):
        return request
    pause = services.pause_switch.pause(services.clock.now(), requested_by, request.reason or None)
    tell(_log, Happened.PAUSED, since=pause.since.isoformat())
    told: Paused = {"paused": True, "since": pause.since.isoformat(), "by": pause.by, "reason": pause.reason}
    return json_answer(200, told)


def resume_app(services: Services) -> func.HttpResponse:
    """Let everything go on, within about a minute. Without a pause it changes nothing."""
    ended = services.pause_switch.resume(services.clock.now())
    if ended is not None:
        tell(_log, Happened.RESUMED, since=ended.since.isoformat())
    told: Resumed = {"paused": False, "wasPausedSince": ended.since.isoformat() if ended else None}
    return json_answer(200, told)
