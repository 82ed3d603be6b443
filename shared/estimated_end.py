"""When a run will be done, as far as the pace of bulk work can tell. Pure."""

from datetime import datetime, timedelta

from shared.runs import Progress, RunState


def estimated_end(progress: Progress, now: datetime, interval: timedelta) -> datetime | None:
    """When the run will be done; None when nothing can be said yet, or nothing is left to do.

    Users given to a worker wait for their turn, one every `interval`; of those not checked yet the same share is
    expected to differ.
    """
    run = progress.run
    if run.state is not RunState.RUNNING or progress.is_done:
        return None
    if not progress.chunks:  # named users, at once or at the pace
        return now + interval * max(0, run.total - progress.finished)
    unchecked = max(0, run.total - progress.checked - len(progress.would_copy))
    if progress.checked == 0:
        return None
    expected = round(unchecked * progress.given / progress.checked)
    return max(progress.last_due or now, now) + interval * expected
