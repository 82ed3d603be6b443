"""The webhook under bursts: POSTs of 100 notifications at rising rates, until it bends.

Offered, not asked: each second's POSTs are sent all at once, whether or not the earlier ones were answered, and the
time counts from then. The queue functions are switched off, since in Azure the webhook has instances of its own.
"""

import base64
import http.client
import json
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from uuid import uuid4

from benchmarks.frame import Claim, Measurement, Plot, Series, Spread, Told, table
from benchmarks.processor_time import ProcessorTime
from local_run.stack import Stack
from shared.storage import Storage
from shared.words import QUEUE_OF_CHECKS

ELEMENTS = 100
"""Notifications in a POST; Graph merges up to about so many."""
RATES = (5, 10, 20, 35, 50, 70, 100, 140)
GOAL = 50
ACCEPTED = 202
SLOW_MILLISECONDS = 2900
"""Answers later than this make Graph call the endpoint slow, when they are more than a tenth of all."""
_BENT_MILLISECONDS = 10_000
"""When one in a hundred waits so long, it has bent, and higher rates tell nothing."""
_SENDERS = 128
"""POSTs under way at a time at most."""
_QUEUE_FUNCTIONS = ("check_photos", "check_poison", "photo_worker", "photo_poison", "begin_sweep", "keep_subscription")


@dataclass(frozen=True)
class Rate:
    """What came of one rate."""

    posts_a_second: int
    """Offered, each second all at once."""
    refused: int
    """Not answered by 202."""
    milliseconds: Spread
    slow: int
    """Answered later than Graph likes."""
    app_share: float
    """Of one core, taken by the app's process."""
    azurite_share: float
    """The same of Azurite."""


@dataclass(frozen=True)
class WebhookUnderLoad:
    """All rates."""

    elements: int
    seconds: int
    """Of each rate."""
    rates: list[Rate]
    accepted: int
    """Users in all POSTs that were answered by 202."""
    stored: int
    """Users in the messages that were on the queue in the end."""


def measure(rates: Sequence[int] = RATES, seconds: int = 8) -> WebhookUnderLoad:
    """Offer each rate for so many seconds."""
    disabled = {f"AzureWebJobs.{name}.Disabled": "true" for name in _QUEUE_FUNCTIONS}
    with tempfile.TemporaryDirectory() as folder, Stack.start(Path(folder), environment=disabled) as stack:
        settings = stack.environment()
        with _Offer(stack.host.url, settings["PHOTOSYNC_CLIENT_STATE"], settings["PHOTOSYNC_TENANT_ID"]) as offer:
            warm = offer.bursts(20, 1)  # connections, threads, the queue itself
            accepted = sum(answer.status == ACCEPTED for answer in warm)
            found: list[Rate] = []
            for rate in rates:
                app, azurite = ProcessorTime(stack.host.process.pid), ProcessorTime(stack.azurite.process.pid)
                answers = offer.bursts(rate, seconds)
                accepted += sum(answer.status == ACCEPTED for answer in answers)
                found.append(_rate(rate, answers, app.share(), azurite.share()))
                if found[-1].milliseconds.p99 > _BENT_MILLISECONDS:
                    break
        return WebhookUnderLoad(ELEMENTS, seconds, found, accepted * ELEMENTS, _stored(settings))


@dataclass(frozen=True)
class _Answer:
    milliseconds: float
    """From when the POST was due."""
    status: int


class _Offer:
    """Sends POSTs over kept connections, as Graph's senders do."""

    def __init__(self, url: str, client_state: str, tenant_id: str) -> None:
        self._address = urlsplit(url).netloc
        self._client_state = client_state
        self._tenant_id = tenant_id
        self._threads = ThreadPoolExecutor(_SENDERS)
        self._mine = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()
        for connection in self._connections:
            connection.close()

    def bursts(self, rate: int, seconds: int) -> list[_Answer]:
        """`rate` POSTs at the beginning of each second; their answers, once all are there."""
        bodies = [self._body() for _ in range(rate * seconds)]
        begun = time.monotonic()
        sent = []
        for number, body in enumerate(bodies):
            due = begun + number // rate
            if (left := due - time.monotonic()) > 0:
                time.sleep(left)
            sent.append(self._threads.submit(self._post, body, due))
        return [answer.result() for answer in sent]

    def _post(self, body: bytes, due: float) -> _Answer:
        if not hasattr(self._mine, "connection"):
            self._mine.connection = http.client.HTTPConnection(self._address, timeout=60)
            self._connections.append(self._mine.connection)
        connection: http.client.HTTPConnection = self._mine.connection
        connection.request("POST", "/api/notifications", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        return _Answer((time.monotonic() - due) * 1000, response.status)

    def _body(self) -> bytes:
        """A POST as Graph sends it: about 50 KB, a user in each element, nobody twice."""
        return json.dumps({"value": [self._element(str(uuid4())) for _ in range(ELEMENTS)]}).encode()

    def _element(self, user: str) -> dict[str, object]:
        return {
            "changeType": "updated",
            "clientState": self._client_state,
            "resource": f"Users/{user}",
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.User",
                "@odata.id": f"Users/{user}",
                "id": user,
                "organizationId": self._tenant_id,
                "sequenceNumber": 636_914_752_080_000_000,
            },
            "subscriptionExpirationDateTime": "2026-12-20T10:00:00+00:00",
            "subscriptionId": "22222222-2222-4222-8222-222222222222",
            "tenantId": self._tenant_id,
        }


def _rate(rate: int, answers: Sequence[_Answer], app_share: float, azurite_share: float) -> Rate:
    milliseconds = [answer.milliseconds for answer in answers]
    return Rate(
        posts_a_second=rate,
        refused=sum(answer.status != ACCEPTED for answer in answers),
        milliseconds=Spread.of(milliseconds),
        slow=sum(late > SLOW_MILLISECONDS for late in milliseconds),
        app_share=app_share,
        azurite_share=azurite_share,
    )


def _stored(settings: Mapping[str, str]) -> int:
    """Users in everything that is on the queue."""
    queue = Storage(settings).queue(QUEUE_OF_CHECKS)
    messages = queue.receive_messages(messages_per_page=32, visibility_timeout=3600)
    return sum(len(json.loads(base64.b64decode(message.content))["users"]) for message in messages)


def tell(result: WebhookUnderLoad) -> Told:
    """The rates beside each other, and where it bends."""
    goal = next((rate for rate in result.rates if rate.posts_a_second >= GOAL), result.rates[-1])
    offered = goal.posts_a_second * result.elements
    claims = [
        Claim(
            f"at {GOAL} POSTs ({GOAL * result.elements:,} notifications) a second, in bursts, 99 % are answered within"
            " a second, and all by 202",
            f"{goal.milliseconds.p99:,.0f} ms at {offered:,} a second, {goal.refused} refused",
            goal.posts_a_second >= GOAL and goal.milliseconds.p99 < 1000 and not goal.refused,
        ),
        Claim(
            "Graph never has reason to call the endpoint slow (a tenth of answers later than 2.9 s)",
            f"{goal.slow} of {goal.milliseconds.count} later than that",
            goal.slow * 10 <= goal.milliseconds.count,
        ),
        Claim(
            "everything that was answered by 202 is on the queue",
            f"{result.accepted:,} users accepted, {result.stored:,} stored",
            result.stored == result.accepted,
        ),
    ]
    rows = [
        (
            f"{rate.posts_a_second} ({rate.posts_a_second * result.elements:,})",
            f"{rate.milliseconds.median:,.0f} ms",
            f"{rate.milliseconds.p99:,.0f} ms",
            f"{rate.milliseconds.most:,.0f} ms",
            rate.refused,
            rate.slow,
            f"{rate.app_share:.0%}",
            f"{rate.azurite_share:.0%}",
        )
        for rate in result.rates
    ]
    head = ["POSTs (notifications) a second", "median", "p99", "most", "refused", "later than 2.9 s", "app", "Azurite"]
    lines = [
        f"POSTs of {result.elements} notifications, each second's all at once, for {result.seconds} s a rate, over",
        "kept connections; the time counts from when a POST was due. One app process. The last columns say how much of",
        "one core the app and Azurite took; the sender shares them. The users of one POST go into one message,",
        "so a POST costs Storage two writes: the message, and the record of the delivery.",
        "",
        *table(head, rows),
    ]
    series = [
        Series("median", [(rate.posts_a_second, rate.milliseconds.median) for rate in result.rates]),
        Series("p99", [(rate.posts_a_second, rate.milliseconds.p99) for rate in result.rates]),
    ]
    title = "Webhook: time to answer by POSTs of 100 notifications a second"
    limit = ("one second", 1000.0)
    plot = Plot("webhook", title, "POSTs a second, in bursts", "milliseconds", series, log_y=True, limit=limit)
    return Told(claims, lines, [plot])


MEASUREMENT = Measurement("webhook", "The webhook under bursts", WebhookUnderLoad, measure, tell)
