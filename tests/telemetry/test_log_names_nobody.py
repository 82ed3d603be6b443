"""The log of everything that can happen, at the level that is kept: whose it was is not to be found in it."""

import io
import json
import logging
import re
import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from photo_worker.record_poison import record_poison
from shared import logs
from shared.gates import Service
from shared.logs import Happened
from shared.runs import RunKind
from shared.unexpected import Unexpected, values_left_out
from shared.words import Outcome, PhotoEvent, Reason
from sync_trigger.ensure_subscription import ensure_subscription
from sync_trigger.receive_notification import Endpoint, Webhook
from sync_trigger.record_check_poison import record_check_poison
from sync_trigger.retry import retry
from sync_trigger.revive_listings import revive_listings
from sync_trigger.start_job import start_job
from sync_trigger.sweep import DEAD_AFTER
from tests import pictures
from tests.bench import CLIENT_STATE
from tests.draining import Died, Drained

NAME = "Zoltán Quincemarker"
LOCAL_PART = "zoltan.quincemarker"


class Log:
    """All that was logged at info and above, as it is passed on: texts, errors' texts and attributes."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.records: list[logging.LogRecord] = []
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        self.handler.addFilter(self._keep)

    def _keep(self, record: logging.LogRecord) -> bool:
        self.records.append(record)
        return True

    @property
    def everything(self) -> str:
        """In small letters."""
        attributes = [json.dumps(vars(record), default=str) for record in self.records]
        return "\n".join([self.stream.getvalue(), *attributes]).lower()

    def of(self, happened: Happened) -> list[dict[str, Any]]:
        """The attributes of every line about such an event."""
        return [vars(record) for record in self.records if vars(record).get("event") == happened]


@pytest.fixture
def log() -> Iterator[Log]:
    """The whole process's log at info, libraries included, set up as the app does."""
    made, root = Log(), logging.getLogger()
    before, levels = root.level, {name: logging.getLogger(name).level for name in logs.QUIET}
    root.addHandler(made.handler)
    root.setLevel(logging.INFO)
    logs.quieten_libraries()
    yield made
    root.removeHandler(made.handler)
    root.setLevel(before)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def person(drained: Drained) -> str:
    """Somebody whose names are seen wherever they appear, in an app whose queues are all drained."""
    drained.services.__dict__["quick_queue"] = drained.services.queue
    photo = pictures.jpeg(200, 200, seed=1)
    return drained.bench.control.add_user(f"{LOCAL_PART}@contoso.com", photo, displayName=NAME)


def post(user: str, state: str = CLIENT_STATE) -> bytes:
    """A POST of Graph about the user."""
    element = {"clientState": state, "resource": f"Users/{user}", "resourceData": {"id": user}}
    return json.dumps({"value": [element]}).encode()


def everything_happens(drained: Drained, user: str) -> None:
    """A life: notified, copied, looked at again, throttled, refused, swept, asked for by name, poison, an error."""
    bench, services, control = drained.bench, drained.services, drained.bench.control
    webhook = Webhook(services)
    for body in (post(user), post(user, "another client state"), b'{"value": "no notification of ' + user.encode()):
        webhook.receive(Endpoint.NOTIFICATIONS, None, body)
    drained.run()
    drained.sweep()
    for fault in ("429:Retry-After=90", "403", "503"):
        control.put_photo(user, pictures.jpeg(200, 200, seed=hash(fault) % 1000 + 2))
        control.fault("sharepoint.file.add", *[fault] * 3)
        webhook.receive(Endpoint.NOTIFICATIONS, None, post(user))
        drained.run()
    control.put_photo(user, b"\xff\xd8 no picture of " + NAME.encode())
    asked = {"users": [f"{LOCAL_PART}@contoso.com", "nobody.quincemarker@contoso.com"]}
    start_job(services, json.dumps(asked).encode(), requested_by=f"{LOCAL_PART}@contoso.com")
    start_job(services, b'{"all": true}', requested_by=f"{LOCAL_PART}@contoso.com")
    drained.run()
    retry(services, b'{"all": true}', requested_by=NAME)
    drained.run()
    ensure_subscription(services)
    for _ in range(25):
        services.breakers.count([Service.GRAPH], failure_of_everybody(), services.clock.now())
    services.breakers.count([Service.GRAPH], None, services.clock.now())
    spoilt = json.dumps({"v": 9, "userId": user, "upn": f"{LOCAL_PART}@contoso.com"})
    record_poison(services, "1", PhotoEvent(user_id=user, reason=Reason.MANUAL).to_message())
    record_poison(services, "2", spoilt)
    record_check_poison(services, "3", spoilt)
    for error in errors_of_the_host(drained, user, spoilt):
        logging.getLogger("Host.Results").error("Executed 'Functions.photo_worker' (Failed): %s", error)
    bench.control.clear_faults()


def failure_of_everybody() -> Any:
    """What opens the breaker; its detail names somebody, as Microsoft's texts may."""
    from shared.failures import Failure, FailureCode

    return Failure(FailureCode.NOT_PERMITTED, f"HTTP 403 for {LOCAL_PART}@contoso.com", service=Service.GRAPH)


def errors_of_the_host(drained: Drained, user: str, spoilt: str) -> Iterator[str]:
    """What the host writes of a function that failed: with Storage away, and with a message that cannot be read."""
    away = drained.bench.environment | {"AzureWebJobsStorage": UNREACHABLE}
    from photo_worker.look_at_photo import PhotoWorker
    from shared.services import Services

    worker = PhotoWorker(Services(drained.bench.settings, away, drained.bench.clock))
    worker._services.__dict__["storage"] = worker._services.quick_storage
    event = PhotoEvent(user_id=user, reason=Reason.SWEEP)
    for fail in (
        lambda: worker.handle(event),
        lambda: PhotoEvent.from_message(spoilt),
        lambda: raise_about(user),
    ):
        with pytest.raises(Unexpected) as raised, values_left_out():
            fail()
        yield "".join(traceback.format_exception(raised.value))


def raise_about(user: str) -> None:
    """An error, and its cause, that tell of what they are about, as libraries do."""
    try:
        dict[str, str]()[f"/PhotoStatus(RowKey='{user}')"]
    except KeyError as cause:
        raise KeyError(f"{NAME}: {user}") from cause


UNREACHABLE = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=QUFBQQ==;"
    "QueueEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a;"
)


def test_nobody_and_no_secret_is_named(drained: Drained, person: str, log: Log) -> None:
    """Names, user principal names, object ids, tokens, keys: in no line, attribute or text of an error."""
    everything_happens(drained, person)
    told = log.everything
    key = drained.bench.environment["PHOTOSYNC_CERTIFICATE"].splitlines()[1]
    hidden = {
        "the name": "quincemarker",
        "the name, as JSON": json.dumps(NAME).strip('"').lower(),
        "the object id": person,
        "the client state": CLIENT_STATE,
        "a token": "eyj0",
        "an authorization": "bearer ",
        "the private key": key.lower(),
        "the account's key": "eby8vdm02xnocqflq",
    }
    assert {what for what, text in hidden.items() if text.lower() in told} == set()
    happened = {record.event for record in log.records if hasattr(record, "event")}
    assert happened >= {
        Happened.DELIVERY_JUDGED,
        Happened.EVENTS_QUEUED,
        Happened.COPIED,
        Happened.DEFERRED,
        Happened.FAILED,
        Happened.SWEEP_BEGUN,
        Happened.RUN_LISTED,
        Happened.CHECK_DONE,
        Happened.JOB_BEGUN,
        Happened.GATE_CLOSED,
        Happened.BREAKER_OPENED,
        Happened.BREAKER_CLOSED,
        Happened.POISON,
        Happened.UNREADABLE_MESSAGE,
        Happened.UNEXPECTED,
    }


def test_without_care_they_would_be_named(drained: Drained, person: str, log: Log) -> None:
    """The test above can fail: heard at info, the libraries alone give the object id away."""
    for name in logs.QUIET:
        logging.getLogger(name).setLevel(logging.INFO)
    drained.bench.look(person)
    assert person in log.everything
    with pytest.raises(KeyError, match=person):
        raise_about(person)


def test_one_id_leads_from_the_delivery_to_the_copy(drained: Drained, person: str, log: Log) -> None:
    """Delivery, copy, pause and copy after it: their lines carry one id, with Microsoft's request ids; so does the
    history, which alone says whose photo it was.
    """  # noqa: D205 - one promise, a line too long
    drained.bench.control.fault("sharepoint.file.add", "429:Retry-After=90")
    Webhook(drained.services).receive(Endpoint.NOTIFICATIONS, None, post(person))
    drained.run()
    (judged,) = log.of(Happened.DELIVERY_JUDGED)
    (deferred,) = log.of(Happened.DEFERRED)
    (copied,) = log.of(Happened.COPIED)
    (closed,) = log.of(Happened.GATE_CLOSED)
    ids = {line["correlation"] for line in (judged, deferred, copied, closed)}
    assert len(ids) == 1
    history = drained.services.history.of(person)
    assert [row.outcome for row in history] == [Outcome.COPIED, Outcome.DEFERRED]
    assert {row.correlation_id for row in history} == ids
    assert deferred["request_id"] == history[1].error_request_id
    served = drained.bench.control.requests(service="sharepoint", app=drained.bench.client_id, inner=False)
    assert len(copied["sharepoint_request_ids"].split(",")) == copied["sharepoint_requests"] >= 4
    assert len(served) >= copied["sharepoint_requests"]


def test_a_sweep_has_one_id_to_the_last_copy(drained: Drained, person: str, log: Log) -> None:
    """The sweep, its listing, its checks, and the copies of whom it found: one id, which its run tells too."""
    begun = drained.sweep()
    assert begun is not None
    lines = [log.of(kind) for kind in (Happened.SWEEP_BEGUN, Happened.RUN_LISTED, Happened.CHECK_DONE, Happened.COPIED)]
    assert [len(of_kind) for of_kind in lines] == [1, 1, 1, 1]
    assert {line["correlation"] for (line,) in lines} == {begun.correlation_id}
    assert drained.services.history.of(person)[0].correlation_id == begun.correlation_id


def test_the_fields_can_be_read_from_the_text(drained: Drained, person: str, log: Log) -> None:
    """What a query takes out of a line's text is what the line was given, whatever characters are in it."""
    drained.sweep()
    assert log.of(Happened.COPIED)
    ours = [record for record in log.records if hasattr(record, "event")]
    for record in ours:
        fields = dict(re.findall(r'(\w+)=("[^"]*"|\S+)', record.getMessage()))
        assert fields["event"] == record.event
        for name, text in fields.items():
            assert text.strip('"') == str(vars(record)[name]).replace('"', "'")
    assert person not in log.everything


def test_a_job_that_is_set_going_again_keeps_its_id(drained: Drained, person: str, log: Log) -> None:
    """A process that dies before the job's first message does not cut the job off from its id."""
    drained.sweep()  # makes the tables
    drained.die_at(2)
    with pytest.raises(Died):
        start_job(drained.services, b'{"all": true, "force": true}', requested_by="a test")
    drained.live()
    drained.pass_time(DEAD_AFTER + timedelta(minutes=1))
    (run_id,) = revive_listings(drained.services)
    drained.run()
    run = drained.services.runs.seen(RunKind.JOB, run_id)
    assert run is not None
    assert run.row.correlation_id is not None
    assert [line["correlation"] for line in log.of(Happened.JOB_REVIVED)] == [run.row.correlation_id]
    assert drained.services.history.of(person)[0].correlation_id == run.row.correlation_id
