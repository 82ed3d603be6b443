"""Putting messages on a queue: photo events, and the work of sweeps and large jobs."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Protocol

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueClient

from shared.storage import Storage, creating
from shared.words import QUEUE_OF_CHANGES, PhotoEvent

KEPT_FOR = timedelta(days=14)
"""A message that nobody took for this long is dropped by the storage service; the sweep finds its photo anyway."""


class QueueUnavailable(Exception):  # noqa: N818 - the house's word for it
    """The queue did not take every message in time."""


class Message(Protocol):
    """What goes on a queue."""

    def to_message(self) -> str:
        """The message's text."""
        ...


class MessageQueue[Kind: Message]:
    """The way onto one queue."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._client: QueueClient = storage.queue(name)
        self._senders = ThreadPoolExecutor(max_workers=8, thread_name_prefix=name)

    def put(self, message: Kind, delay: timedelta = timedelta()) -> None:
        """Store one message; nobody sees it before `delay` (7 days at most) has passed.

        Raises `AzureError` when it cannot be stored.
        """
        self.put_text(message.to_message(), delay)

    def put_text(self, text: str, delay: timedelta = timedelta()) -> None:
        """Store a message as it once was; for who puts back what was set aside."""
        creating(
            self._client,
            lambda: self._client.send_message(
                text,
                visibility_timeout=round(delay.total_seconds()),
                time_to_live=round(KEPT_FOR.total_seconds()),
            ),
        )

    def put_all(self, messages: Sequence[Kind], within: float) -> None:
        """Store all messages, side by side.

        Raises:
            QueueUnavailable: when not all are stored within so many seconds. Some may be: the caller's caller sends
                all of them again, and a message that comes twice does no harm.
        """
        self.put_all_later([(message, timedelta()) for message in messages], within)

    def put_all_later(self, messages: Sequence[tuple[Kind, timedelta]], within: float) -> None:
        """The same, each with a delay of its own."""
        work = [self._senders.submit(self.put, message, delay) for message, delay in messages]
        done, late = wait(work, timeout=within)
        for future in late:
            future.cancel()
        failed = [error for future in done if (error := future.exception()) is not None]
        for error in failed:
            if not isinstance(error, AzureError):
                raise error
        if late or failed:
            raise QueueUnavailable(f"{len(late)} of {len(work)} messages not stored in time, {len(failed)} refused")

    def waiting(self) -> int:
        """How many messages are on the queue, visible or not, as far as Storage knows; it does not count exactly."""
        try:
            return self._client.get_queue_properties().approximate_message_count or 0
        except ResourceNotFoundError:
            return 0


class PhotoQueue(MessageQueue[PhotoEvent]):
    """The way onto the queue of photo changes."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage, QUEUE_OF_CHANGES)
