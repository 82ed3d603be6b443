"""One attempt at one photo, under the lease: check, decide, copy; or restore, which is in `restore_photo`.

    look (Graph: the user and the photo's version) ─▶ decide ─┬─ in step, no photo, out of scope ─▶ ending
                                                              ├─ gone for good ─▶ clear (SharePoint) ─▶ ending
                                                              └─ download ─┬─ same bytes ─▶ ending
                                                                           └─ thumbnails ─▶ copy (SharePoint) ─▶ ending

Before the first write to SharePoint the row forgets what was agreed, and learns it again after the last: so a copy that
is broken off anywhere, by a fault or by the death of the process, is seen by the next look as "nothing agreed".
Before the very first write what SharePoint shows is read and kept, for a restore.
"""

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any

from photo_worker.copy_photo import Target, clear_target, copy_photo, next_timestamp
from photo_worker.decide import ClearTarget, Download, Plan, Rules, bytes_differ, decide
from photo_worker.earlier_picture import OwnNames, Picture, keep, must_read
from photo_worker.endings import (
    NOTHING_AGREED,
    Agreement,
    Ending,
    cleared,
    copied,
    left_alone,
    no_photo,
    not_cleared,
    passed_over,
    same_bytes,
    settled,
)
from photo_worker.lease import WRITING_TIME, Lease
from photo_worker.picture_folder import PictureFolders
from photo_worker.restore_photo import Restore
from photo_worker.restore_plan import Course, course
from shared.caller import Caller
from shared.failures import Failure, FailureCode
from shared.gates import Service
from shared.graph import Graph, GraphUser, Source
from shared.picture_names import account_name, base_name
from shared.recipe import hosts_of, recipe
from shared.removals import allow_removal
from shared.scope import Scope
from shared.services import Services
from shared.setting_values import ExchangeSyncState, FileNaming, RemovedPhoto
from shared.sharepoint import SharePoint
from shared.status import StatusRow
from shared.words import Outcome, PhotoEvent, UserState

MOST_REQUEST_IDS = 8
"""So many of a service go into the line of an attempt; a copy has four of SharePoint."""


class Attempt:
    """One look at one photo, with its own count of requests and its own end of time."""

    def __init__(self, services: Services, folders: PictureFolders, started: datetime) -> None:
        self._services = services
        self._settings = services.settings
        self._folders = folders
        self._caller: Caller = services.caller(give_up_at=started + WRITING_TIME)
        self._graph: Graph = services.graph(self._caller)
        self.started = started
        self.kept_before: dict[str, str] = {}
        """What was there before the app's first write, if this attempt has read it; for the history."""
        self._ended: datetime | None = None

    @property
    def ended(self) -> datetime:
        """When it was over; for as long as it is not, now."""
        return self._ended or self._services.clock.now()

    @property
    def milliseconds(self) -> int:
        """How long it took."""
        return round((self.ended - self.started).total_seconds() * 1000)

    def end(self) -> None:
        """It is over."""
        self._ended = self._services.clock.now()

    @property
    def called(self) -> list[Service]:
        """The services that this attempt has called; who answered with a token has worked too."""
        called = [service for service, count in self._caller.meter.requests.items() if count]
        return [*called, Service.ENTRA] if called else []

    def requests(self, service: Service) -> int:
        """HTTP requests made to the service so far."""
        return self._caller.meter.requests[service]

    def request_ids(self, service: Service) -> str:
        """The service's own ids of the latest answers, with commas between; what its support asks for."""
        return ",".join(filter(None, self._caller.meter.request_ids[service][-MOST_REQUEST_IDS:]))

    def check(self, user_id: str, row: StatusRow, *, force: bool) -> tuple[Source, Plan]:
        """What Graph says, and what that calls for; raises `Failure`."""
        scope = Scope.of(self._settings)
        source = self._graph.look(user_id, scope.groups)
        rules = Rules(
            recipe=self._recipe(source.user) if source.user else "",
            scope=scope,
            clear_removed=self._settings.removed_photo is RemovedPhoto.CLEAR,
        )
        return source, decide(source, row, rules, self._services.clock.now(), force=force)

    def answer(self, lease: Lease, event: PhotoEvent) -> Ending:
        """Do what the event means for this user; raises `Failure` when that cannot be, `LeaseLost`."""
        match course(event, lease.row):
            case Course.RESTORE:
                return self._restore().run(lease, event)
            case Course.LEAVE_ALONE:
                return left_alone(lease.row, self._services.clock.now())
            case Course.PASS_OVER:
                return passed_over()
            case Course.COPY:
                if lease.row.left_alone is not None:
                    lease.save(left_alone=None)
                ending = self.sync(lease, force=event.force)
                wished = {"wish_at": max(event.noticed_at, lease.row.wish_at or event.noticed_at)}
                return replace(ending, changes=ending.changes | wished) if event.lift else ending

    def rehearse(self, row: StatusRow, event: PhotoEvent) -> Ending:
        """What the event would come to, without writing anything; raises `Failure`."""
        match course(event, row):
            case Course.RESTORE:
                return self._restore().rehearse(row, event)
            case Course.LEAVE_ALONE:
                return left_alone(row, self.started)
            case Course.PASS_OVER:
                return passed_over()
            case Course.COPY:
                source, plan = self.check(event.user_id, row, force=event.force)
                ending = settled(plan, row, self.started) or Ending(Outcome.WOULD_COPY, {})
                return replace(ending, changes=ending.changes | ({"upn": source.user.upn} if source.user else {}))

    def _restore(self) -> Restore:
        return Restore(self._services, self._folders, self._caller, self._graph)

    def sync(self, lease: Lease, *, force: bool) -> Ending:
        """Bring the target in step; raises `Failure` when that cannot be, `LeaseLost` when it is no longer ours."""
        source, plan = self.check(lease.row.user_id, lease.row, force=force)
        known = {"upn": source.user.upn, "display_name": source.user.display_name} if source.user else {}
        if isinstance(plan, Download) and source.user is not None:
            lease.note(seen_etag=plan.media_etag, **known)
            return self._copy(lease, source.user, plan.media_etag, force=force)
        if isinstance(plan, ClearTarget) and source.user is not None:
            lease.note(**known)
            return self._clear(lease, source.user, plan.picture_url)
        ending = settled(plan, lease.row, self._services.clock.now())
        if ending is None:
            raise AssertionError(f"no ending for {plan}")
        return replace(ending, changes=ending.changes | known)

    def _copy(self, lease: Lease, user: GraphUser, media_etag: str, *, force: bool) -> Ending:
        """Download, and write to SharePoint unless the target was made from the same bytes."""
        from photo_worker.make_thumbnails import PhotoRefused, make_thumbnails  # imaging is loaded when it is needed

        settings, clock = self._settings, self._services.clock
        content = self._graph.download(user.id, settings.max_photo_megabytes * 1024 * 1024)
        if content is None:
            return no_photo(lease.row, clock.now())
        agreement = Agreement(media_etag, hashlib.sha256(content).hexdigest(), self._recipe(user))
        if not bytes_differ(agreement.sha256, lease.row, recipe=agreement.recipe, force=force):
            return same_bytes(agreement, clock.now())

        try:
            thumbnails = make_thumbnails(content, settings.large_size)
        except PhotoRefused as refused:
            if content != self._graph.download(user.id, settings.max_photo_megabytes * 1024 * 1024):
                # Bytes that were spoilt on their way must not count against the photo until it changes.
                detail = "Graph gave other bytes than a moment before"
                raise Failure(FailureCode.ANSWER_NOT_UNDERSTOOD, detail, service=Service.GRAPH) from refused
            lease.save(refused_etag=media_etag)
            raise Failure(FailureCode.PHOTO_REFUSED, str(refused)) from refused
        self._claim_name(user)
        target = Target(
            hosts=hosts_of(settings, user.data_location),
            base=base_name(settings.file_naming, user.id, user.upn),
            upn=user.upn,
            exchange_sync_state=settings.exchange_sync_state,
        )
        sharepoint = SharePoint(self._caller, target.hosts)
        writes = self._keep_earlier(sharepoint, lease.row, target) | {"restored_at": None}
        if settings.exchange_sync_state is not ExchangeSyncState.LEAVE:
            writes["exchange_sync_state"] = str(settings.exchange_sync_state)
        timestamp = next_timestamp(clock.now(), lease.row.picture_timestamp)
        lease.save(state=UserState.COPYING, picture_timestamp=timestamp, **NOTHING_AGREED, **writes)
        url = copy_photo(sharepoint, self._folders, target, thumbnails, timestamp=timestamp)
        return copied(agreement, url, clock.now())

    def _keep_earlier(self, sharepoint: SharePoint, row: StatusRow, target: Target) -> dict[str, Any]:
        """What SharePoint shows before our first write there, as fields of the row; nothing after that.

        Raises:
            Failure: NoTargetProfile when SharePoint has no profile yet, before anything is uploaded for nobody.
        """
        if not must_read(row, target.hosts):
            return {}
        profile = sharepoint.profile(account_name(target.upn))
        if profile is None:
            detail = "no profile, or one that cannot be read"
            raise Failure(FailureCode.NO_TARGET_PROFILE, detail, service=Service.SHAREPOINT)
        own = OwnNames(target.hosts, target.base)
        kept = keep(row, Picture.of(profile.properties), own, self._services.clock.now())
        self.kept_before = {name: value for name, value in kept.items() if name not in {"before_at", "before_host"}}
        return kept

    def _clear(self, lease: Lease, user: GraphUser, picture_url: str) -> Ending:
        """Take the picture of somebody whose photo is gone out of SharePoint."""
        clock = self._services.clock
        try:
            allow_removal(self._services.control, self._settings.most_removals_percent, clock.now())
        except Failure as stopped:
            return not_cleared(lease.row, stopped, clock.now())
        timestamp = next_timestamp(clock.now(), lease.row.picture_timestamp)
        lease.save(state=UserState.COPYING, picture_timestamp=timestamp, **NOTHING_AGREED)
        hosts = hosts_of(self._settings, user.data_location)
        clear_target(SharePoint(self._caller, hosts), picture_url, user.upn, timestamp)
        return cleared(lease.row, clock.now())

    def _recipe(self, user: GraphUser) -> str:
        return recipe(self._settings, user.id, user.upn, user.data_location)

    def _claim_name(self, user: GraphUser) -> None:
        """With names from the UPN two users can end with one name; the first keeps it."""
        if self._settings.file_naming is not FileNaming.UPN:
            return
        base = base_name(FileNaming.UPN, user.id, user.upn)
        if not self._services.control.claim(f"picture-name {base}", user.id):
            raise Failure(FailureCode.NAME_COLLISION, f"{base} belongs to another user")
