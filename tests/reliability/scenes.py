"""The operations that the app calls, each in a scene: what is prepared, what is done, whether all is well in the end.

A scene tells how what was done has ended in the words of `faults.md`.
"""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

from azure.core.exceptions import AzureError

from photo_worker.lease import LEASE
from shared import subscription_record
from shared.failures import Failure, FailureCode, FailureKind
from shared.subscription_record import SubscriptionHealth
from shared.words import QUEUE_OF_CHANGES, Action, Outcome, PhotoEvent, Reason
from sync_trigger.ensure_subscription import ensure_subscription
from sync_trigger.receive_notification import Endpoint, Webhook
from tests import pictures
from tests.bench import CLIENT_STATE, Bench
from tests.storage_proxy import StorageProxy
from tests.sync_trigger.public_endpoint import PublicEndpoint

PHOTOS = tuple(pictures.jpeg(96, 96, seed=seed) for seed in range(8))
WORDS = {
    FailureCode.TOO_MANY_REQUESTS: "slow",
    FailureCode.SERVICE_UNAVAILABLE: "wait",
    FailureCode.ANSWER_NOT_UNDERSTOOD: "odd",
    FailureCode.REQUEST_REFUSED: "refused",
    FailureCode.SUBSCRIPTION_REFUSED: "refused",
    FailureCode.NOT_PERMITTED: "rights",
    FailureCode.SIGN_IN_FAILED: "sign-in",
    FailureCode.PHOTO_REFUSED: "picture",
    FailureCode.ENDPOINT_NOT_REACHED: "endpoint",
}
VISIBILITY = 10
"""Seconds until the host shows a message again whose invocation failed, as host.json says."""
STORAGE_SPOILT = (AzureError, UnicodeDecodeError, AttributeError, ValueError)
"""What the storage libraries raise; the last three when an answer is no answer at all."""


@dataclass
class World:
    """One app on spoilable Storage, in one tenant."""

    bench: Bench
    proxy: StorageProxy
    endpoint: PublicEndpoint
    direct: str
    """Connection string of Storage without the proxy, for whom that is quicker."""
    impatient: bool = False
    """Whether the app was started with short timeouts."""

    def fault(self, operation: str, script: list[str]) -> None:
        """Script an operation of the tenant or, with a `/` and a text to look for, of Storage."""
        name, _, match = operation.partition("/")
        if name.startswith(("queue.", "table.")):
            self.proxy.fault(name, *script, match=match or None)
        else:
            self.bench.control.fault(name, *script)

    @property
    def completed(self) -> bool:
        """Whether every instruction was met, by the tenant and by Storage."""
        return self.proxy.completed and bool(self.bench.control.faults()["completed"])

    def use(self, *, spoilable: bool, impatient: bool, signed_in: bool) -> None:
        """The app as a case needs it: Storage through the proxy or not, timeouts short or not, with a token or without.

        It is started again only when it must be.
        """
        storage = self.proxy.connection_string if spoilable else self.direct
        present = self.bench.environment["AzureWebJobsStorage"]
        if storage != present or impatient or self.impatient or not signed_in:
            self.bench.start_afresh(AzureWebJobsStorage=storage)
            self.endpoint.restarted(self.bench.services)
        self.impatient = impatient

    def clean(self) -> None:
        """No faults, and nothing that the app remembers of earlier ones."""
        self.bench.control.clear_faults()
        self.bench.control.clear_records()
        self.proxy.clear_faults()
        for row in self.bench.services.storage.table("Control").list_entities():
            if not row["RowKey"].startswith("picture-folder"):
                self.bench.services.control.remove(row["RowKey"])
        for known in ("gates", "breakers"):
            self.bench.services.__dict__.pop(known, None)


class Scene:
    """One operation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bench = world.bench
        self.detail = ""
        """What the administrator is told of the latest failure."""

    def prepare(self) -> None:
        """What must be so before."""

    def act(self) -> str:
        """Do it; how it ended."""
        raise NotImplementedError

    def wait(self, end: str) -> None:
        """Time passes after such an end, until the next look."""
        self.bench.clock.sleep({"again": VISIBILITY, "held": LEASE.total_seconds() + 1}.get(end, 130))

    def agrees(self) -> bool:
        """Whether target = source."""
        raise NotImplementedError


class Look(Scene):
    """A photo event of a user with a new photo."""

    job: str | None = None
    action = Action.COPY
    deliveries = 0

    def prepare(self) -> None:
        """A person whose photo nobody has seen."""
        self.photo = PHOTOS[0]
        self.user = self.bench.person(self.photo)

    def act(self) -> str:
        """Handle one photo event, as the host does."""
        before = self.bench.waiting()
        self.deliveries += 1
        event = PhotoEvent(user_id=self.user, reason=Reason.NOTIFICATION, action=self.action, job_id=self.job)
        try:
            outcome = self.bench.worker.handle(event, self.deliveries)
        except STORAGE_SPOILT:
            return "again"
        if outcome in {Outcome.DEFERRED, Outcome.LEFT_TO_HOLDER}:
            assert self.bench.waiting() > before, "what is deferred is on the queue again"
            self.deliveries = 0
        if outcome is Outcome.LEFT_TO_HOLDER:
            return "held"
        row = self.bench.row(self.user)
        match outcome:
            case Outcome.DEFERRED | Outcome.FAILED:
                self.detail = row.error_detail or ""
                code = FailureCode.read(row.error_code or "")
                assert (outcome is Outcome.DEFERRED) == (code.kind is FailureKind.WAIT)
                return WORDS[code]
            case Outcome.COPIED | Outcome.UNCHANGED | Outcome.SAME_BYTES | Outcome.CLEARED | Outcome.RESTORED:
                return "ok"
        return str(outcome)

    def agrees(self) -> bool:
        """SharePoint shows the photo, and the row says so."""
        return self.bench.row(self.user).state == "in_step" and self.bench.shows(self.user, self.photo)


class ChangedLook(Look):
    """A photo event of a user who has changed the photo."""

    def prepare(self) -> None:
        """Somebody in step gets another photo."""
        super().prepare()
        self.bench.look(self.user)
        self.photo = PHOTOS[1]
        self.bench.control.put_photo(self.user, self.photo)


class JobLook(Look):
    """A photo event of a job, which records how each user ended."""

    def prepare(self) -> None:
        """A job for one."""
        super().prepare()
        now = self.bench.clock.now()
        self.job = self.bench.services.runs.start(
            now=now, requested_by="a test", total=1, force=False, dry_run=False
        ).run_id

    def agrees(self) -> bool:
        """The job knows, too."""
        progress = self.bench.services.runs.progress(self.job or "")
        return super().agrees() and progress is not None and progress.finished == 1


class PutBack(Look):
    """A photo event that goes back on the queue, because Graph asks for a pause."""

    def prepare(self) -> None:
        """Graph is busy, for longer than the host waits before it shows a message again."""
        super().prepare()
        self.bench.control.fault("graph.batch", "429:Retry-After=30")


class Clearing(Look):
    """A photo that has been gone for long."""

    def prepare(self) -> None:
        """In step once; the photo was taken away, which was seen two hours ago."""
        super().prepare()
        self.bench.look(self.user)
        self.bench.control.delete_photo(self.user)
        self.bench.look(self.user)
        seen = self.bench.services.status.get(self.user)
        assert seen is not None
        since = self.bench.clock.now() - timedelta(hours=2)
        self.bench.services.status.replace(replace(seen.row, no_photo_since=since), seen.etag)

    def act(self) -> str:
        """A look; nothing left to clear is as good as cleared."""
        word = super().act()
        return "ok" if word == "no_photo" and self.bench.row(self.user).picture_url is None else word

    def agrees(self) -> bool:
        """SharePoint shows its placeholder, and the files are gone."""
        target = self.bench.control.target(self.user)
        return target["properties"].get("SPS-PicturePlaceholderState") == "1" and not any(
            shown and shown.get("sha256") for shown in target["files"].values()
        )


class Restoring(Look):
    """A restore of somebody in step."""

    action = Action.RESTORE

    def prepare(self) -> None:
        """Somebody in step, of whom it is known that there was no picture before."""
        super().prepare()
        self.bench.worker.handle(PhotoEvent(user_id=self.user, reason=Reason.NOTIFICATION))

    def agrees(self) -> bool:
        """SharePoint shows its placeholder, each file was taken away or said to be gone, the person is left alone."""
        target, row = self.bench.control.target(self.user), self.bench.row(self.user)
        removed = self.bench.control.requests(operation="sharepoint.file.recycle")
        files = {request["path"] for request in removed if self.user in request["path"]}
        return target["pictureUrl"] is None and len(files) == 3 and row.left_alone is not None


class UsersList(Scene):
    """The list of all users."""

    def prepare(self) -> None:
        """Somebody to be listed."""
        self.user = self.bench.person(PHOTOS[0])

    def act(self) -> str:
        """Ask for every page."""
        listed: list[str] = []
        graph = self.bench.services.graph(self.bench.services.caller())
        try:
            page = graph.users_page(None)
            listed += [user.id for user in page.users]
            while page.next_link:
                page = graph.users_page(page.next_link)
                listed += [user.id for user in page.users]
        except Failure as failure:
            self.detail = failure.detail
            return WORDS[failure.code]
        self.listed = listed
        return "ok"

    def agrees(self) -> bool:
        """Everybody is listed, once."""
        return sorted(self.listed) == sorted(user["id"] for user in self.bench.control.users())


class Subscribing(Scene):
    """An app that has no subscription."""

    def prepare(self) -> None:
        """A new deployment."""
        for one in self._subscriptions():
            self.bench.control.call("DELETE", f"/subscriptions/{one}")

    def act(self) -> str:
        """The timer fires."""
        ensure_subscription(self.bench.services)
        record, _ = subscription_record.read(self.bench.services.control)
        if record.error_code is None:
            return "ok"
        self.detail = record.error_detail or ""
        return WORDS[FailureCode.read(record.error_code)]

    def wait(self, _: str) -> None:
        """Until the timer fires again, when the pace allows it."""
        self.bench.clock.sleep(3700)

    def agrees(self) -> bool:
        """There is one subscription, valid for long, and the app knows it."""
        now = self.bench.clock.now()
        record, _ = subscription_record.read(self.bench.services.control)
        valid = subscription_record.health(record, now) is SubscriptionHealth.VALID
        return valid and self._subscriptions() == [record.id] and record.expires_at is not None

    def _subscriptions(self) -> list[str]:
        every = self.bench.control.notifications()["subscriptions"]
        return [str(one["id"]) for one in every if one["app"] == self.bench.client_id]


class Renewing(Subscribing):
    """An app whose subscription is to be renewed."""

    def prepare(self) -> None:
        """It was made a day ago."""
        super().prepare()
        assert self.act() == "ok"
        self.bench.clock.sleep(25 * 3600)
        record, _ = subscription_record.read(self.bench.services.control)
        assert record.expires_at is not None
        self.before = record.expires_at

    def agrees(self) -> bool:
        """Its end has moved on."""
        if not self._has_moved():  # a 404 for one that is still there: it is adopted anew, and renewed by the next run
            self.wait("ok")
            assert self.act() == "ok"
        return super().agrees() and self._has_moved()

    def _has_moved(self) -> bool:
        record, _ = subscription_record.read(self.bench.services.control)
        return (record.expires_at or self.before) > self.before


class Notified(Scene):
    """A POST of Graph with one notification."""

    def prepare(self) -> None:
        """A person whose photo has changed."""
        self.user = self.bench.person(PHOTOS[0])
        self.webhook = Webhook(self.bench.services)

    def act(self) -> str:
        """Graph sends it; what is not taken, Graph sends again."""
        element = {
            "clientState": CLIENT_STATE,
            "tenantId": self.bench.tenant.tenant_id,
            "resource": f"Users/{self.user}",
            "changeType": "updated",
            "subscriptionId": str(uuid4()),
            "resourceData": {"id": self.user},
        }
        body = json.dumps({"value": [element]}).encode()
        try:
            answer = self.webhook.receive(Endpoint.NOTIFICATIONS, None, body)
        except STORAGE_SPOILT:
            return "again"  # the host answers 500
        assert answer.status_code in {202, 503}
        return "ok" if answer.status_code == 202 else "again"

    def agrees(self) -> bool:
        """The photo event is on the queue, for this user."""
        return self.user in waiting_users(self.bench)


def waiting_users(bench: Bench) -> set[str]:
    """The users of the photo events that can be taken now; takes them away."""
    queue = bench.services.storage.queue(QUEUE_OF_CHANGES)
    users = set()
    for message in queue.receive_messages(messages_per_page=32):
        with suppress(ValueError):
            users.add(PhotoEvent.from_message(base64.b64decode(message.content).decode()).user_id)
        queue.delete_message(message)
    return users


SCENES: dict[str, tuple[str, Callable[[World], Scene], int]] = {
    "token": ("entra.token", Look, 0),
    "user list": ("graph.users.list", UsersList, 0),
    "batch": ("graph.batch", Look, 0),
    "photo metadata": ("graph.photo.metadata", Look, 0),
    "photo bytes": ("graph.photo.value", Look, 0),
    "upload": ("sharepoint.file.add", ChangedLook, 1),
    "property write": ("sharepoint.process_query", Look, 0),
    "profile read": ("sharepoint.profile.get", Look, 0),
    "restore, read": ("sharepoint.profile.get", Restoring, 0),
    "restore, write": ("sharepoint.process_query", Restoring, 0),
    "restore, delete": ("sharepoint.file.recycle", Restoring, 1),
    "delete": ("sharepoint.file.recycle", Clearing, 0),
    "subscription create": ("graph.subscriptions.create", Subscribing, 0),
    "subscription renew": ("graph.subscriptions.update", Renewing, 0),
    "queue put, webhook": ("queue.put", Notified, 0),
    "queue put, worker": ("queue.put", PutBack, 0),
    "table get": ("table.get/PhotoStatus", ChangedLook, 0),
    "table insert": ("table.insert/PhotoStatus", Look, 0),
    "table update": ('table.update/PhotoStatus & "state": "in_step"', Look, 0),
    "table upsert": ("table.upsert/SyncRunItems", JobLook, 0),
}
"""The operation as its fault is scripted, its scene, and how many calls of it go well before."""
