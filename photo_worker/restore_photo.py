"""Restores one person: the picture properties that were there before the app first wrote, and our files away.

    mark the row ─▶ who (Graph) ─▶ what SharePoint shows (read) ─▶ plan ─▶ properties, in one request ─▶ three files

The row is marked first and says to the end what is known: so a restore that is broken off anywhere, or cannot be done
now, is finished by a later look, whoever asked for that one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from photo_worker.copy_photo import write_then_remove
from photo_worker.earlier_picture import NO_PICTURE, OwnNames, Picture
from photo_worker.endings import NOTHING_AGREED, Ending, not_restored, restored
from photo_worker.lease import Lease
from photo_worker.picture_folder import PictureFolders
from photo_worker.restore_plan import PutBack, plan_restore
from shared.caller import Caller
from shared.failures import Failure, FailureCode
from shared.graph import Graph
from shared.picture_names import Hosts, account_name, base_name, picture_url
from shared.recipe import hosts_of
from shared.services import Services
from shared.sharepoint import SharePoint
from shared.status import StatusRow
from shared.words import Action, Outcome, PhotoEvent, UserState

_WRITING = {UserState.COPYING, UserState.DEFERRED, UserState.FAILED, UserState.PENDING}
"""States in which a first copy may have left files that no row tells of."""


@dataclass(frozen=True)
class _Found:
    """What a restore has learnt before it writes anything."""

    upn: str
    sharepoint: SharePoint
    plan: PutBack


class Restore:
    """One restore, within one attempt."""

    def __init__(self, services: Services, folders: PictureFolders, caller: Caller, graph: Graph) -> None:
        self._services = services
        self._folders = folders
        self._caller = caller
        self._graph = graph

    def run(self, lease: Lease, event: PhotoEvent) -> Ending:
        """Put back what was there; raises `Failure`, `LeaseLost`."""
        now, row = self._services.clock.now(), lease.row
        mark = self._mark(event, row, now)
        if row.picture_timestamp is None:
            return restored(Outcome.NEVER_WRITTEN, mark, now)
        before = _before(row, event)
        if before is None:
            return not_restored(Failure(FailureCode.EARLIER_NOT_KNOWN))
        known = {**before.as_before, "before_at": row.before_at or now}
        lease.save(state=UserState.COPYING, **NOTHING_AGREED, **known, **mark)
        found = self._look(row, before)
        plan = found.plan
        if plan.kept:
            mark["left_alone"] = f"somebody else has set the picture since, and it stays; {mark['left_alone']}"
        mark["upn"] = found.upn
        write_then_remove(found.sharepoint, account_name(found.upn), plan.properties, plan.files)
        return restored(Outcome.KEPT if plan.kept else Outcome.RESTORED, mark, self._services.clock.now())

    def rehearse(self, row: StatusRow, event: PhotoEvent) -> Ending:
        """What `run` would do; writes nothing. Raises `Failure`."""
        if row.picture_timestamp is None:
            return Ending(Outcome.NEVER_WRITTEN, {})
        before = _before(row, event)
        if before is None:
            return not_restored(Failure(FailureCode.EARLIER_NOT_KNOWN))
        found = self._look(row, before)
        return Ending(Outcome.KEPT if found.plan.kept else Outcome.WOULD_RESTORE, {"upn": found.upn})

    def _look(self, row: StatusRow, before: Picture) -> _Found:
        """Who it is, what SharePoint shows, and what that calls for. Raises `Failure`."""
        settings = self._services.settings
        user = self._graph.resolve([row.user_id])[row.user_id]
        # Somebody who is gone from Entra ID may still have a profile and files, under the name that we know.
        upn = user.upn if user else row.upn or ""
        hosts = self._hosts(row, user.data_location if user else None)
        sharepoint = SharePoint(self._caller, hosts)
        profile = sharepoint.profile(account_name(upn))
        present = None if profile is None else Picture.of(profile.properties)
        base = base_name(settings.file_naming, row.user_id, upn)
        written = row.picture_url
        if written is None and row.state in _WRITING:
            written = self._folders.use(hosts.my, sharepoint, lambda folder: picture_url(hosts, folder, base))
        plan = plan_restore(row, before, present, OwnNames(hosts, base), written)
        return _Found(upn, sharepoint, plan)

    def _hosts(self, row: StatusRow, data_location: str | None) -> Hosts:
        """Where the app wrote: the geography that the row tells, else the person's present one."""
        suffix = self._services.settings.cloud.endpoints.sharepoint_suffix
        name, found, rest = (row.before_host or "").rpartition("-my.")
        return Hosts.of(name, suffix) if found and rest == suffix else hosts_of(self._services.settings, data_location)

    def _mark(self, event: PhotoEvent, row: StatusRow, now: datetime) -> dict[str, Any]:
        """What the row says of who wanted it, from now on; a restore that is only finished keeps its mark."""
        if event.action is not Action.RESTORE and row.left_alone is not None:
            return {"left_alone": row.left_alone}
        run = self._services.runs.job(event.job_id) if event.job_id else None
        by = f" by {run.requested_by}" if run else ""
        words = f"restored on {now:%Y-%m-%d}{by}; left alone until a copy is asked for by name"
        return {"left_alone": words, "wish_at": event.noticed_at}


def _before(row: StatusRow, event: PhotoEvent) -> Picture | None:
    """What is to be put back; None when nobody knows."""
    return Picture.before(row) or (NO_PICTURE if event.or_clear else None)
