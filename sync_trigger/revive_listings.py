"""Jobs whose listing stands still are set going again.

Who begins a job writes its row, then the message for its first page. A process that dies between the two leaves a job
that would be `listing` for ever: whoever asked got no answer, but the page shows the job. The sweep's timer finds it.
"""

import logging
from dataclasses import replace
from datetime import datetime

from shared.correlation import Place, standing_at
from shared.logs import Happened, tell
from shared.runs import RunKind, RunRow, RunState
from shared.services import Services
from sync_trigger.check_messages import ListMessage
from sync_trigger.sweep import DEAD_AFTER

_LOOKED_AT = 20
"""Of the latest jobs: a timer comes every five minutes, so none is older when it is found."""
_log = logging.getLogger("photosync.sweep")


def revive_listings(services: Services) -> list[str]:
    """Put the message for the next page of each such job on the queue; gives the jobs.

    A message that was only late does no harm: of two deliveries of a page one goes on, and the other ends.
    """
    now = services.clock.now()
    revived = []
    for job in services.runs.newest(RunKind.JOB, _LOOKED_AT):
        if not stands_still(job, now):
            continue

        def tried(present: RunRow) -> RunRow | None:
            return replace(present, progress_at=now) if stands_still(present, now) else None

        present = services.runs.change(RunKind.JOB, job.run_id, tried)
        if present is None:
            continue
        with standing_at(Place.within(job.correlation_id)):
            message = ListMessage(run_kind=RunKind.JOB, run_id=job.run_id, action=job.action, page=present.page)
            services.checks.put(message)
            tell(_log, Happened.JOB_REVIVED, run_id=job.run_id)
        revived.append(job.run_id)
    return revived


def stands_still(job: RunRow, now: datetime) -> bool:
    """Whether the listing of this job has not come on for so long that its message must be gone. Pure."""
    return job.state is RunState.LISTING and now - (job.progress_at or job.requested_at) >= DEAD_AFTER
