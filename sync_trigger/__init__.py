"""Why a photo is looked at: notifications, sweeps, manual syncs and retries; subscription upkeep.

Here are the bindings: unpack, call, pack. The work is in the modules beside.
"""

import functools
from typing import TYPE_CHECKING

import azure.functions as func

from shared.front_door import FrontDoor
from shared.needs import Needs
from shared.services import services
from shared.unexpected import values_left_out
from shared.words import QUEUE_OF_CHECKS

if TYPE_CHECKING:
    from shared.openapi import Described
    from shared.receive_visit import Visit
    from sync_trigger.receive_notification import Webhook
    from sync_trigger.serve_checks import CheckServer

EVERY_FIVE_MINUTES = "0 */5 * * * *"
BETWEEN_THOSE = "30 2-59/5 * * * *"
"""Every five minutes too, but not at the same moment."""

bp = func.Blueprint()  # type: ignore[no-untyped-call] # the library leaves it unannotated


def _described() -> "Described":
    from sync_trigger.describe import DESCRIBED

    return DESCRIBED


door = FrontDoor(bp, described=_described)


@functools.cache
def _webhook() -> "Webhook":
    from sync_trigger.receive_notification import Webhook

    return Webhook(services())


@door.route("POST", "notifications", Needs.NOTHING, "Receive Graph's change notifications")
def notifications(visit: "Visit") -> func.HttpResponse:
    """Graph's change notifications. Anonymous, since Graph cannot sign in: the client state decides."""
    from sync_trigger.receive_notification import Endpoint

    return _webhook().receive(Endpoint.NOTIFICATIONS, visit.query.get("validationToken"), visit.body)


@door.route("POST", "lifecycle", Needs.NOTHING, "Receive Graph's lifecycle notifications")
def lifecycle(visit: "Visit") -> func.HttpResponse:
    """Graph's lifecycle notifications."""
    from sync_trigger.receive_notification import Endpoint

    return _webhook().receive(Endpoint.LIFECYCLE, visit.query.get("validationToken"), visit.body)


@door.route("POST", "sync", Needs.ACT, "Start a sync of named users, a group or everybody")
def start_sync(visit: "Visit") -> func.HttpResponse:
    """An administrator asks for a manual sync."""
    from sync_trigger.start_job import start_job

    return start_job(services(), visit.body, requested_by=visit.who)


@door.route("GET", "sync/{jobId}", Needs.LOOK, "Tell how a job goes")
def sync_progress(visit: "Visit") -> func.HttpResponse:
    """An administrator asks how a job goes."""
    from sync_trigger.start_job import tell_progress

    return tell_progress(services(), visit.path["jobId"])


@door.route("DELETE", "sync/{jobId}", Needs.ACT, "Cancel a job")
def cancel_sync(visit: "Visit") -> func.HttpResponse:
    """An administrator stops a job."""
    from sync_trigger.start_job import cancel_job

    return cancel_job(services(), visit.path["jobId"])


@door.route("POST", "retry", Needs.ACT, "Try again what failed")
def retry_failed(visit: "Visit") -> func.HttpResponse:
    """An administrator asks for another look at what failed."""
    from sync_trigger.retry import retry

    return retry(services(), visit.body, requested_by=visit.who)


@door.route("POST", "sweep", Needs.ACT, "Begin a sweep")
def sweep_now(visit: "Visit") -> func.HttpResponse:
    """An administrator asks for a sweep."""
    from sync_trigger.start_sweep import start_sweep

    return start_sweep(services(), visit.body, requested_by=visit.who)


@door.route("GET", "sweep/{runId}", Needs.LOOK, "Tell how a sweep goes")
def sweep_progress(visit: "Visit") -> func.HttpResponse:
    """An administrator asks how a sweep goes."""
    from sync_trigger.start_sweep import tell_sweep

    return tell_sweep(services(), visit.path["runId"])


@door.route("POST", "pause", Needs.ACT, "Pause the app")
def pause(visit: "Visit") -> func.HttpResponse:
    """An administrator stops all checking and copying."""
    from sync_trigger.pause_app import pause_app

    return pause_app(services(), visit.body, requested_by=visit.who)


@door.route("DELETE", "pause", Needs.ACT, "Resume the app")
def resume(_visit: "Visit") -> func.HttpResponse:
    """An administrator lets everything go on."""
    from sync_trigger.pause_app import resume_app

    return resume_app(services())


@functools.cache
def _checks() -> "CheckServer":
    from sync_trigger.serve_checks import CheckServer

    return CheckServer(services())


@bp.queue_trigger(arg_name="message", queue_name=QUEUE_OF_CHECKS, connection="AzureWebJobsStorage")
def check_photos(message: func.QueueMessage) -> None:
    """One page of users to list, or one chunk of users to check."""
    with values_left_out():
        _checks().serve(message.get_body().decode())


@bp.queue_trigger(arg_name="message", queue_name=f"{QUEUE_OF_CHECKS}-poison", connection="AzureWebJobsStorage")
def check_poison(message: func.QueueMessage) -> None:
    """One of those that the host gave up on."""
    from sync_trigger.record_check_poison import record_check_poison

    with values_left_out():
        record_check_poison(services(), message.id or "", message.get_body().decode(errors="replace"))


@bp.timer_trigger(arg_name="timer", schedule=BETWEEN_THOSE)
def begin_sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """A sweep begins when it is time; a job that stands still goes on."""
    from sync_trigger.revive_listings import revive_listings
    from sync_trigger.sweep import sweep_when_due

    with values_left_out():
        sweep_when_due(services())
        revive_listings(services())


@bp.timer_trigger(arg_name="timer", schedule=EVERY_FIVE_MINUTES)
def keep_subscription(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """The Graph subscription is looked after."""
    from sync_trigger.ensure_subscription import ensure_subscription

    with values_left_out():
        ensure_subscription(services())
