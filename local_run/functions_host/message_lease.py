"""The hold on one message while its function runs: renewed at half-life, given up before the message is settled."""

import asyncio
import logging

from local_run.functions_host.queues import Queue, ReceivedMessage
from local_run.functions_host.storage_account import StorageRefused, StorageUnreachable

log = logging.getLogger("host.queue")

_SOMEBODY_ELSES = {"PopReceiptMismatch", "MessageNotFound", "QueueNotFound"}


def belongs_to_somebody_else(refusal: StorageRefused) -> bool:
    """Whether storage says that this receipt holds no longer: the message was settled or taken by another."""
    return refusal.code in _SOMEBODY_ELSES or refusal.status == 404


class MessageLease:
    """Keeps a message invisible to others. `pop_receipt` is the one that holds now."""

    def __init__(self, queue: Queue, message: ReceivedMessage, seconds: int) -> None:
        self._queue = queue
        self._message = message
        self._seconds = seconds
        self._over = asyncio.Event()
        self.pop_receipt = message.pop_receipt
        self._keeping = asyncio.create_task(self._keep())

    async def end(self) -> None:
        """Stop renewing; a renewal under way ends first, so that `pop_receipt` is the last one."""
        self._over.set()
        await self._keeping

    async def _keep(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._seconds / 2):
                    await self._over.wait()
            except TimeoutError:
                pass
            else:
                return
            try:
                self.pop_receipt = await self._queue.account.call(
                    self._queue.change_visibility, self._message.id, self.pop_receipt, self._seconds
                )
            except StorageRefused as refusal:
                if belongs_to_somebody_else(refusal):
                    return
                log.warning("The lease of message %s could not be renewed: %s", self._message.id, refusal)
            except StorageUnreachable as error:
                log.warning("The lease of message %s could not be renewed: %s", self._message.id, error)
