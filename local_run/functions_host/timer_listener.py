"""The timer trigger: one run at a time, on one host at a time, in UTC, with missed runs made up for once.

Which host runs a timer is settled by a blob lease, as in Azure; the run times are kept in the blob container
`azure-webjobs-hosts`. Errors do not stop the schedule.
"""

import asyncio
import json
import logging
from datetime import UTC, datetime

from local_run.functions_host import timer_status
from local_run.functions_host.back_off import BackOff
from local_run.functions_host.blobs import Blob
from local_run.functions_host.drain import Drain
from local_run.functions_host.functions import Function, TimerTrigger
from local_run.functions_host.invoking import Invoker
from local_run.functions_host.protos import TypedData
from local_run.functions_host.storage_account import StorageAccount, StorageRefused, StorageUnreachable
from local_run.functions_host.timer_status import FirstRun, TimerStatus
from local_run.functions_host.worker import Retry

log = logging.getLogger("host.timer")

LOCK_SECONDS = 15
"""The shortest lease that storage grants: after a crash the timers stand still for no longer."""
_LOOK_AGAIN_SECONDS = 1.0
"""A host without the lease asks this often."""


class TimerListener:
    """Serves one timer function."""

    def __init__(
        self,
        function: Function,
        trigger: TimerTrigger,
        *,
        account: StorageAccount,
        host_id: str,
        invoker: Invoker,
        drain: Drain,
    ) -> None:
        self._function = function
        self._schedule = trigger.schedule
        self._run_on_startup = trigger.run_on_startup
        self._account = account
        self._status_blob = Blob(account, f"timers/{host_id}/{function.name}/status")
        self._lock_blob = Blob(account, f"locks/{host_id}/{function.name}.Listener")
        self._invoker = invoker
        self._drain = drain
        self._lease_id: str | None = None
        self._keeps_status = timer_status.is_worth_keeping(trigger.schedule, datetime.now(UTC))

    async def run(self) -> None:
        """Run the function on its schedule until the host ends."""
        back_off = BackOff(_LOOK_AGAIN_SECONDS * 15)
        while await self._drain.may_work():
            try:
                self._lease_id = await self._account.call(self._lock_blob.acquire_lease, LOCK_SECONDS)
                if self._lease_id is None:
                    await self._drain.pause(_LOOK_AGAIN_SECONDS)
                    continue
                await self._hold_and_run()
                back_off.found()
            except (StorageRefused, StorageUnreachable) as error:
                log.warning("The timer '%s' waits for storage: %s", self._function.name, error)
                await self._drain.pause(back_off.missed())

    async def _hold_and_run(self) -> None:
        """Follow the schedule for as long as the lease is ours, then give it back. A run under way always ends."""
        running = asyncio.create_task(self._follow_schedule())
        while True:
            await asyncio.wait({running}, timeout=LOCK_SECONDS / 3)
            if running.done():
                break
            await self._renew()
        if self._lease_id is not None:
            await self._account.call(self._lock_blob.release_lease, self._lease_id)
        running.result()

    async def _renew(self) -> None:
        try:
            ours = await self._account.call(self._lock_blob.renew_lease, self._lease_id)
        except (StorageRefused, StorageUnreachable) as error:
            log.warning("The lease of the timer '%s' could not be renewed: %s", self._function.name, error)
            return
        if not ours:
            log.warning("Another host took over the timer '%s'.", self._function.name)
            self._lease_id = None

    async def _follow_schedule(self) -> None:
        kept = await self._kept_status()
        first, status = timer_status.at_start(
            kept, self._schedule, datetime.now(UTC), run_on_startup=self._run_on_startup
        )
        self._run_on_startup = False
        await self._keep(status)
        if first is not FirstRun.WAIT:
            status = await self._run_once(kept or status, past_due=first is FirstRun.PAST_DUE, reason=first.name)
        log.info("The next run of '%s' is at %s.", self._function.name, status.next.isoformat())
        while self._lease_id is not None and not self._drain.begun:
            seconds = (status.next - datetime.now(UTC)).total_seconds()
            if seconds > 0:
                # The wall clock may be set and the lease may be lost meanwhile: look again now and then.
                await self._drain.pause(min(seconds, LOCK_SECONDS / 3))
            else:
                status = await self._run_once(status, past_due=False, reason="schedule")

    async def _run_once(self, before: TimerStatus, *, past_due: bool, reason: str) -> TimerStatus:
        began = datetime.now(UTC)
        value = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": before.described(),
            "IsPastDue": past_due,
        }
        self._drain.at_work += 1
        try:
            await self._with_retries(TypedData(json=json.dumps(value)), f"Timer fired: {reason.lower()}")
        finally:
            self._drain.at_work -= 1
        after = timer_status.after_run(self._schedule, began)
        await self._keep(after)
        return after

    async def _with_retries(self, value: TypedData, reason: str) -> None:
        policy, attempt = self._function.retry, Retry()
        while True:
            outcome = await self._invoker.run(self._function, value, reason=reason, retry=attempt)
            wait = None if outcome.ok or policy is None else policy.wait_before(attempt.count + 1)
            if wait is None or policy is None or self._drain.begun:
                return
            self._invoker.retries_waiting += 1
            try:
                await self._drain.pause(wait)
            finally:
                self._invoker.retries_waiting -= 1
            attempt = Retry(attempt.count + 1, policy.most, outcome.error)

    async def _kept_status(self) -> TimerStatus | None:
        content = await self._account.call(self._status_blob.read) if self._keeps_status else None
        return None if content is None else TimerStatus.parse(content)

    async def _keep(self, status: TimerStatus) -> None:
        if self._keeps_status:
            content = json.dumps(status.described()).encode()
            await self._account.call(self._status_blob.write, content)
