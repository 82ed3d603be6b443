"""Why a photo is looked at: notifications, manual sync, subscription upkeep.

Here are the bindings: unpack, call, pack. The work is in the modules beside.
"""

import functools

import azure.functions as func

from shared.services import services
from sync_trigger.receive_notification import Endpoint, Webhook

EVERY_FIVE_MINUTES = "0 */5 * * * *"

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

    return start_job(services(), req.get_body(), requested_by="function key")


@bp.route("sync/{jobId}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def sync_progress(req: func.HttpRequest) -> func.HttpResponse:
    """An administrator asks how a job goes."""
    from sync_trigger.start_job import tell_progress

    return tell_progress(services(), req.route_params["jobId"])


@bp.timer_trigger(arg_name="timer", schedule=EVERY_FIVE_MINUTES)
def keep_subscription(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """The Graph subscription is looked after."""
    from sync_trigger.ensure_subscription import ensure_subscription

    ensure_subscription(services())
