"""The queue trigger: takes messages in batches, runs the function for each, settles them.

Rules of Azure's queue extension: up to `batchSize` messages at a time; while more than `newBatchThreshold` run, no new
batch; an empty or missing queue is looked at ever more rarely, up to `maxPollingInterval`; a message that failed
`maxDequeueCount` times moves to the poison queue. A message is invisible to others for the length of the lease, which
is renewed at half-life while the function runs: if the host dies, the message comes back when the lease ends.
"""

import asyncio
import logging

from local_run.functions_host import queue_message
from local_run.functions_host.back_off import BackOff
from local_run.functions_host.drain import Drain
from local_run.functions_host.functions import Function
from local_run.functions_host.host_json import QueueRules
from local_run.functions_host.invoking import Invoker, metadata_of
from local_run.functions_host.message_lease import MessageLease, belongs_to_somebody_else
from local_run.functions_host.queue_message import Settlement
from local_run.functions_host.queues import Queue, ReceivedMessage
from local_run.functions_host.storage_account import StorageRefused, StorageUnreachable

log = logging.getLogger("host.queue")

_SETTLE_ATTEMPTS = 4
_SETTLE_PAUSE_SECONDS = 0.25


class QueueListener:
    """Serves one queue function."""

    def __init__(
        self,
        function: Function,
        queue: Queue,
        *,
        rules: QueueRules,
        invoker: Invoker,
        drain: Drain,
        lease_seconds: int,
    ) -> None:
        poison = queue_message.poison_queue_of(queue.name)
        self._function = function
        self._queue = queue
        self._poison = None if poison is None else Queue(queue.account, poison)
        self._rules = rules
        self._invoker = invoker
        self._drain = drain
        self._lease_seconds = lease_seconds
        self._at_work: set[asyncio.Task[None]] = set()
        self._trouble = ""
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Something was just put on the queue by this host: look now."""
        self._nudged.set()

    async def run(self) -> None:
        """Take and settle messages until the host ends; returns when everything taken is settled."""
        back_off = BackOff(self._rules.max_polling_seconds)
        while await self._drain.may_work():
            if len(self._at_work) > self._rules.new_batch_threshold:
                await asyncio.wait(self._at_work, return_when=asyncio.FIRST_COMPLETED)
                continue
            if await self._take_batch():
                back_off.found()
            else:
                await self._wait(back_off.missed())
        if self._at_work:
            await asyncio.wait(self._at_work)

    async def _wait(self, seconds: float) -> None:
        self._nudged.clear()
        pause = asyncio.ensure_future(self._drain.pause(seconds))
        nudge = asyncio.ensure_future(self._nudged.wait())
        await asyncio.wait({pause, nudge}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (pause, nudge):
            waiting.cancel()

    async def _take_batch(self) -> bool:
        """Whether there was anything."""
        try:
            messages = await self._queue.account.call(self._queue.receive, self._rules.batch_size, self._lease_seconds)
        except (StorageRefused, StorageUnreachable) as error:
            self._tell_trouble(error)
            return False
        if self._trouble:
            self._trouble = ""
            log.info("The queue '%s' answers again.", self._queue.name)
        for message in messages:
            task = asyncio.create_task(self._serve(message))
            self._at_work.add(task)
            self._drain.at_work += 1
            task.add_done_callback(self._served)
        return bool(messages)

    def _tell_trouble(self, error: StorageRefused | StorageUnreachable) -> None:
        """A missing queue is usual, and a lasting trouble is told once."""
        missing = isinstance(error, StorageRefused) and error.code == "QueueNotFound"
        if not missing and str(error) != self._trouble:
            self._trouble = str(error)
            log.warning("The queue '%s' cannot be read: %s. Trying again.", self._queue.name, error)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        self._drain.at_work -= 1
        if not task.cancelled() and (error := task.exception()):
            log.error("A message of '%s' could not be served", self._queue.name, exc_info=error)

    async def _serve(self, message: ReceivedMessage) -> None:
        lease = MessageLease(self._queue, message, self._lease_seconds)
        try:
            settlement = await self._run_function(message)
        finally:
            await lease.end()
        await self._settle(message, lease.pop_receipt, settlement)

    async def _run_function(self, message: ReceivedMessage) -> Settlement:
        has_poison_queue, most = self._poison is not None, self._rules.max_dequeue_count
        too_often = queue_message.before_running(message.dequeue_count, most, has_poison_queue=has_poison_queue)
        if too_often is not None:
            return too_often
        try:
            body = queue_message.decode(message.text, self._rules.encoding)
        except ValueError:
            log.error("Message decoding has failed! Check MessageEncoding settings. (%s)", message.id)  # noqa: TRY400 - the words say it all
            return Settlement.POISON if has_poison_queue else Settlement.LET_LEASE_END
        outcome = await self._invoker.run(
            self._function,
            body,
            reason=f"New queue message detected on '{self._queue.name}'.",
            metadata=metadata_of(queue_message.metadata(message, body)),
        )
        return queue_message.after_running(
            message.dequeue_count, most, succeeded=outcome.ok, has_poison_queue=has_poison_queue
        )

    async def _settle(self, message: ReceivedMessage, receipt: str, settlement: Settlement) -> None:
        """Do what was decided. If storage is away for longer than a moment, the message comes back after its lease."""
        for attempt in range(1, _SETTLE_ATTEMPTS + 1):
            try:
                await self._queue.account.call(self._settle_once, message, receipt, settlement)
            except StorageRefused as refusal:
                if belongs_to_somebody_else(refusal):
                    return
                trouble: Exception = refusal
            except StorageUnreachable as error:
                trouble = error
            else:
                return
            if attempt < _SETTLE_ATTEMPTS:
                await asyncio.sleep(_SETTLE_PAUSE_SECONDS * attempt)
        log.warning("Message %s could not be settled and will come again: %s", message.id, trouble)

    def _settle_once(self, message: ReceivedMessage, receipt: str, settlement: Settlement) -> None:
        if settlement is Settlement.SHOW_AGAIN:
            self._queue.change_visibility(message.id, receipt, self._rules.visibility_seconds)
            return
        if settlement is Settlement.POISON and self._poison is not None:
            log.warning(
                "Message has reached MaxDequeueCount of %d. Moving message to queue '%s'.",
                self._rules.max_dequeue_count, self._poison.name,
            )  # fmt: skip
            self._poison.put(message.text)
        if settlement in {Settlement.DELETE, Settlement.POISON}:
            self._queue.delete(message.id, receipt)
