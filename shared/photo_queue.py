"""Putting photo events on the queue."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueClient

from shared.storage import Storage, creating
from shared.words import QUEUE_OF_CHANGES, PhotoEvent

KEPT_FOR = timedelta(days=14)
"""A message that nobody took for this long is dropped by the storage service; the sweep finds its photo anyway."""


class QueueUnavailable(Exception):  # noqa: N818 - the house's word for it
    """The queue did not take every photo event in time."""


class PhotoQueue:
    """The way onto the queue of photo changes."""

    def __init__(self, storage: Storage) -> None:
        self._client: QueueClient = storage.queue(QUEUE_OF_CHANGES)
        self._senders = ThreadPoolExecutor(max_workers=8, thread_name_prefix="photo-queue")

    def put(self, event: PhotoEvent, delay: timedelta = timedelta()) -> None:
        """Store one event; nobody sees it before `delay` has passed. Raises `AzureError` when it cannot be stored."""
        creating(
            self._client,
            lambda: self._client.send_message(
                event.to_message(),
                visibility_timeout=round(delay.total_seconds()),
                time_to_live=round(KEPT_FOR.total_seconds()),
            ),
        )

    def put_all(self, events: Sequence[PhotoEvent], within: float) -> None:
        """Store all events, side by side.

        Raises:
            QueueUnavailable: when not all are stored within so many seconds. Some may be: the caller's caller sends
                all of them again, and an event that comes twice does no harm.
        """
        work = [self._senders.submit(self.put, event) for event in events]
        done, late = wait(work, timeout=within)
        for future in late:
            future.cancel()
        failed = [error for future in done if (error := future.exception()) is not None]
        for error in failed:
            if not isinstance(error, AzureError):
                raise error
        if late or failed:
            raise QueueUnavailable(
                f"{len(late)} of {len(events)} photo events not stored in time, {len(failed)} refused"
            )
