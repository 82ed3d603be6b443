"""`python -m tests.golden.record`: write down what the present version leaves in Storage. See README.md."""

import base64
import json
import os
import sys
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from azure.storage.queue import QueueClient, QueueMessage

from local_run.azurite import Azurite
from photo_worker.lease import take
from photo_worker.record_poison import record_poison
from shared import safety_stop, sweep_wanted
from shared.failures import Failure, FailureCode
from shared.gates import Service
from shared.settings import VERSION
from shared.words import QUEUE_OF_CHANGES, QUEUE_OF_CHECKS, Outcome, PhotoEvent, Reason, UserState
from simulated_tenant.client import start_tenant
from sync_trigger import lifecycle_events
from sync_trigger.ensure_subscription import ensure_subscription
from sync_trigger.lifecycle_events import LifecycleEvent
from sync_trigger.receive_notification import Endpoint, Webhook
from sync_trigger.serve_checks import CheckServer
from sync_trigger.start_job import start_job
from sync_trigger.sweep import begin_sweep
from tests import pictures
from tests.bench import CLIENT_STATE, Bench, bench_on
from tests.certificates import key_pair
from tests.golden.stored import HERE, to_json, write
from tests.sync_trigger.public_endpoint import public_endpoint

PHOTO, NEWER = pictures.jpeg(96, 96, seed=1), pictures.jpeg(96, 96, seed=2)


def main() -> int:
    """Play everything, and write the folder of the present version."""
    with Azurite.start() as azurite, start_tenant() as tenant:
        os.environ.update(tenant.environment)
        bench = bench_on(tenant, azurite, key_pair("golden"))
        tenant.control.notifications("off")
        with public_endpoint(bench.services) as endpoint:
            tenant.control.route("https://photosync.contoso.example", endpoint.url)
            ensure_subscription(bench.services)
        messages = _play(bench)
        folder = HERE / VERSION
        for name, texts in messages.items():
            write(folder, name, texts)
        for table in sorted(_tables(bench)):
            rows = [to_json(entity) for entity in bench.services.storage.table(table).list_entities()]
            write(folder, table, rows)
            print(f"{folder.name}/{table}.json: {len(rows)} rows")
    return 0


def _play(bench: Bench) -> dict[str, list[str]]:
    """Bring about every kind of row; gives the messages of each queue."""
    services, control = bench.services, bench.services.control
    _users(bench)
    webhook = Webhook(services)
    element = {"clientState": CLIENT_STATE, "resource": f"Users/{bench.person(PHOTO)}"}
    for state in (CLIENT_STATE, "wrong"):
        body = json.dumps({"value": [element | {"clientState": state}]}).encode()
        webhook.receive(Endpoint.NOTIFICATIONS, None, body)
    many = json.dumps({"value": [element | {"resource": f"Users/{bench.person(PHOTO)}"} for _ in range(5)]}).encode()
    webhook.receive(Endpoint.NOTIFICATIONS, None, many)
    named = json.dumps({"users": [bench.person(PHOTO), "nobody@contoso.com"], "force": True}).encode()
    assert start_job(services, named, "function key").status_code == 202
    assert start_job(services, b'{"all": true, "dryRun": true}', "function key").status_code == 202
    begin_sweep(services, why="recorded for the next version", requested_by="timer")
    checks = _serve_checks(bench)
    for event in _changes(bench):
        if event.job_id is not None:
            bench.worker.handle(event)
    now = bench.clock.now()
    lifecycle_events.write_down(control, LifecycleEvent.MISSED, now)
    sweep_wanted.ask_for_sweep(control, "Graph said missed.", now)
    safety_stop.set_(control, now, would_remove=25, allowed=10)
    control.claim("picture-name a_b_contoso_com", str(UUID(int=7)))
    record_poison(services, "message-1", "{not ours")
    failure = Failure(FailureCode.NOT_PERMITTED, "HTTP 403", "request-1", service=Service.GRAPH)
    for _ in range(20):
        services.breakers.count([Service.GRAPH], failure, bench.clock.now())
    return {QUEUE_OF_CHANGES: _put_and_taken(bench), QUEUE_OF_CHECKS: checks}


def _users(bench: Bench) -> None:
    """A row in each state, with as many fields as there are."""
    services = bench.services
    bench.look(bench.person(PHOTO, displayName="Зорница О'Нийл & Co."))
    bench.look(bench.person())
    bench.look(bench.person(PHOTO, userType="Guest"))
    bench.look(bench.person(b"no picture"))
    waiting = bench.person(PHOTO)
    bench.control.fault("graph.photo.value", "503", "503", "503")
    bench.look(waiting)
    throttled = bench.person(PHOTO)
    bench.control.fault("graph.photo.value", "429:Retry-After=60")
    bench.look(throttled)
    bench.clock.sleep(90)
    cleared = bench.person(PHOTO)
    bench.look(cleared)
    bench.control.delete_photo(cleared)
    bench.look(cleared)
    seen = services.status.get(cleared)
    assert seen is not None
    since = bench.clock.now() - timedelta(hours=2)
    services.status.replace(replace(seen.row, no_photo_since=since), seen.etag)
    assert bench.look(cleared) is Outcome.CLEARED
    pending, copying = bench.person(PHOTO), bench.person(PHOTO)
    take(services.status, pending, bench.clock.now(), mark_dirty=True)
    lease = take(services.status, copying, bench.clock.now(), mark_dirty=True)
    assert lease is not None
    lease.save(state=UserState.COPYING, seen_etag="A", picture_timestamp="63905923200")
    assert take(services.status, copying, bench.clock.now(), mark_dirty=True) is None


def _serve_checks(bench: Bench) -> list[str]:
    """Do what the queue of checks asks for until it is empty; gives every message that was on it."""
    server, queue, seen = CheckServer(bench.services), bench.services.storage.queue(QUEUE_OF_CHECKS), []
    while found := [base64.b64decode(one.content).decode() for one in _taken(queue)]:
        for text in found:
            seen.append(text)
            server.serve(text)
    return seen


def _changes(bench: Bench) -> list[PhotoEvent]:
    """The photo events that are on the queue and may be looked at now; takes them away."""
    queue = bench.services.storage.queue(QUEUE_OF_CHANGES)
    return [PhotoEvent.from_message(base64.b64decode(one.content).decode()) for one in _taken(queue)]


def _put_and_taken(bench: Bench) -> list[str]:
    """Photo events of every kind, as they come off the queue."""
    user, now = bench.person(PHOTO), bench.clock.now()
    queue = bench.services.storage.queue(QUEUE_OF_CHANGES)
    for event in (
        PhotoEvent(user_id=user, reason=Reason.NOTIFICATION, noticed_at=now),
        PhotoEvent(user_id=user, reason=Reason.SWEEP, attempt=3, noticed_at=now),
        PhotoEvent(user_id=user, reason=Reason.MANUAL, job_id="job-1", force=True, noticed_at=now),
        PhotoEvent(user_id=user, reason=Reason.MANUAL, job_id="job-2", dry_run=True, noticed_at=now),
    ):
        bench.services.queue.put(event)
    return [base64.b64decode(one.content).decode() for one in _taken(queue)]


def _taken(queue: QueueClient) -> list[QueueMessage]:
    """What can be taken now; takes it away."""
    messages = list(queue.receive_messages(messages_per_page=32))
    for message in messages:
        queue.delete_message(message)
    return messages


def _tables(bench: Bench) -> list[str]:
    return [table.name for table in bench.services.storage._tables.list_tables()]


if __name__ == "__main__":
    sys.exit(main())
