"""What happens to one photo: check, decide, copy, record. Here are the bindings; the work is in the modules beside."""

import functools
from typing import TYPE_CHECKING

import azure.functions as func

from shared.services import services
from shared.unexpected import values_left_out
from shared.words import QUEUE_OF_CHANGES, PhotoEvent

if TYPE_CHECKING:
    from photo_worker.look_at_photo import PhotoWorker

bp = func.Blueprint()  # type: ignore[no-untyped-call] # the library leaves it unannotated


@functools.cache
def _worker() -> "PhotoWorker":
    from photo_worker.look_at_photo import PhotoWorker

    return PhotoWorker(services())


@bp.queue_trigger(arg_name="message", queue_name=QUEUE_OF_CHANGES, connection="AzureWebJobsStorage")
def photo_worker(message: func.QueueMessage) -> None:
    """One photo event."""
    with values_left_out():
        _worker().handle(PhotoEvent.from_message(message.get_body().decode()), message.dequeue_count or 1)


@bp.queue_trigger(arg_name="message", queue_name=f"{QUEUE_OF_CHANGES}-poison", connection="AzureWebJobsStorage")
def photo_poison(message: func.QueueMessage) -> None:
    """A photo event that the host gave up on."""
    from photo_worker.record_poison import record_poison

    with values_left_out():
        record_poison(services(), message.id or "", message.get_body().decode(errors="replace"))
