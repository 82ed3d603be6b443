"""Why a photo is looked at: notifications, sweeps, manual syncs and retries; subscription upkeep.

Here are the bindings: unpack, call, pack. The work is in the modules beside.
"""

import functools
from typing import TYPE_CHECKING

import azure.functions as func

from shared.asked_by import asked_by
from shared.services import services
from shared.words import QUEUE_OF_CHECKS
from sync_trigger.receive_notification import Endpoint, Webhook

if TYPE_CHECKING:
    from sync_trigger.serve_checks import CheckServer

EVERY_FIVE_MINUTES = "0 */5 * * * *"
BETWEEN_THOSE = "30 2-59/5 * * * *"
"""Every five minutes too, but not at the same moment."""

bp = func.Blueprint()  # type: ignore[no-untyped-call] # the library leaves it unannotated


@functools.cache
def _webhook() -> Webhook:
    return Webhook(services())


@bp.route("notifications", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def notifications(req: func.HttpRequest) -> func.HttpResponse:
    """Graph's change notifications. Anonymous, since Graph cannot sign in: the client state decides."""
    return _webhook().receive(Endpoint.NOTIFICATIONS, req.params.get("validationToken"), req.get_body())


@bp.route("lifecycle", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def lifecycle(req: func.HttpRequest) -> func.HttpResponse:
    """Graph's lifecycle notifications."""
    return _webhook().receive(Endpoint.LIFECYCLE, req.params.get("validationToken"), req.get_body())


@bp.route("sync", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
def start_sync(req: func.HttpRequest) -> func.HttpResponse:
    """An administrator asks for a manual sync."""
    from sync_trigger.start_job import start_job

    return start_job(services(), req.get_body(), requested_by=asked_by(req.headers))


@bp.route("sync/{jobId}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def sync_progress(req: func.HttpRequest) -> func.HttpResponse:
    """An administrator asks how a job goes."""
    from sync_trigger.start_job import tell_progress

    return tell_progress(services(), req.route_params["jobId"])


@bp.route("sync/{jobId}", methods=["DELETE"], auth_level=func.AuthLevel.FUNCTION)
def cancel_sync(req: func.HttpRequest) -> func.HttpResponse:
    """An administrator stops a job."""
    from sync_trigger.start_job import cancel_job

    return cancel_job(services(), req.route_params["jobId"])


@bp.route("retry", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
def retry_failed(req: func.HttpRequest) -> func.HttpResponse:
    """An administrator asks for another look at what failed."""
    from sync_trigger.retry import retry

    return retry(services(), req.get_body(), requested_by=asked_by(req.headers))


@bp.route("sweep", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
def sweep_now(req: func.HttpRequest) -> func.HttpResponse:
    """An administrator asks for a sweep."""
    from sync_trigger.start_sweep import start_sweep

    return start_sweep(services(), req.get_body(), requested_by=asked_by(req.headers))


@bp.route("sweep/{runId}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def sweep_progress(req: func.HttpRequest) -> func.HttpResponse:
    """An administrator asks how a sweep goes."""
    from sync_trigger.start_sweep import tell_sweep

    return tell_sweep(services(), req.route_params["runId"])


@functools.cache
def _checks() -> "CheckServer":
    from sync_trigger.serve_checks import CheckServer

    return CheckServer(services())


@bp.queue_trigger(arg_name="message", queue_name=QUEUE_OF_CHECKS, connection="AzureWebJobsStorage")
def check_photos(message: func.QueueMessage) -> None:
    """One page of users to list, or one chunk of users to check."""
    _checks().serve(message.get_body().decode())


@bp.queue_trigger(arg_name="message", queue_name=f"{QUEUE_OF_CHECKS}-poison", connection="AzureWebJobsStorage")
def check_poison(message: func.QueueMessage) -> None:
    """One of those that the host gave up on."""
    from sync_trigger.record_check_poison import record_check_poison

    record_check_poison(services(), message.id or "", message.get_body().decode(errors="replace"))


@bp.timer_trigger(arg_name="timer", schedule=BETWEEN_THOSE)
def begin_sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """A sweep begins when it is time."""
    from sync_trigger.sweep import sweep_when_due

    sweep_when_due(services())


@bp.timer_trigger(arg_name="timer", schedule=EVERY_FIVE_MINUTES)
def keep_subscription(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """The Graph subscription is looked after."""
    from sync_trigger.ensure_subscription import ensure_subscription

    ensure_subscription(services())
