"""The webhook, on real Storage: handshake, 202 when all is stored, 503 when not, a record of every delivery."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.deliveries import DeliveryRow
from shared.services import Services
from shared.settings import Settings
from shared.words import QUEUE_OF_CHANGES, PhotoEvent, Reason
from sync_trigger import lifecycle_events
from sync_trigger.receive_notification import Endpoint, Webhook
from tests.bench import CLIENT_STATE, Bench

SETTINGS = {
    "PHOTOSYNC_TENANT_ID": "11111111-2222-3333-4444-555555555555",
    "PHOTOSYNC_SHAREPOINT_NAME": "contoso",
    "PHOTOSYNC_PUBLIC_URL": "https://photosync.contoso.example",
    "PHOTOSYNC_CLIENT_STATE": CLIENT_STATE,
}
UNREACHABLE = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=AAAA;"
    "QueueEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a;"
)


@pytest.fixture
def webhook(bench: Bench) -> Iterator[Webhook]:
    """The webhook of an app whose queue is empty."""
    bench.services.queue.put(PhotoEvent(user_id=str(uuid4()), reason=Reason.SWEEP))
    bench.services.storage.queue(QUEUE_OF_CHANGES).clear_messages()
    yield Webhook(bench.services)
    bench.services.storage.queue(QUEUE_OF_CHANGES).clear_messages()


def post(*users: str, state: str = CLIENT_STATE) -> bytes:
    """The body of a POST about these users."""
    elements: list[dict[str, Any]] = [
        {"clientState": state, "resource": f"Users/{user}", "resourceData": {"id": user}} for user in users
    ]
    return json.dumps({"value": elements}).encode()


def queued(bench: Bench) -> list[PhotoEvent]:
    """The photo events on the queue."""
    messages = bench.services.storage.queue(QUEUE_OF_CHANGES).receive_messages(max_messages=32)
    import base64

    return [PhotoEvent.from_message(base64.b64decode(message.content).decode()) for message in messages]


def latest(bench: Bench) -> DeliveryRow:
    """The newest delivery."""
    return next(bench.services.deliveries.of_day(datetime.now(UTC)))


def test_believed_notifications_become_photo_events(bench: Bench, webhook: Webhook) -> None:
    """Each user once, base64 as the trigger expects; 202; the delivery is on record, without its body."""
    one, two = str(uuid4()), str(uuid4())
    answer = webhook.receive(Endpoint.NOTIFICATIONS, None, post(one, two, one, two.upper()))
    assert answer.status_code == 202
    events = queued(bench)
    assert {event.user_id for event in events} == {one, two}
    assert {event.reason for event in events} == {Reason.NOTIFICATION}
    row = latest(bench)
    assert (row.endpoint, row.status, row.elements, row.accepted, row.events) == ("notifications", 202, 4, 4, 2)


def test_forged_notifications_are_answered_and_ignored(bench: Bench, webhook: Webhook) -> None:
    """A wrong client state gets 202, so that nothing is learned of it, and no photo event."""
    assert webhook.receive(Endpoint.NOTIFICATIONS, None, post(str(uuid4()), state="forged")).status_code == 202
    assert queued(bench) == []
    assert latest(bench).refusals == "wrong client state: 1"


def test_a_lifecycle_event_is_kept_for_the_timer(bench: Bench, webhook: Webhook) -> None:
    """It is written down at once; the upkeep of the subscription reads it."""
    body = json.dumps({"value": [{"clientState": CLIENT_STATE, "lifecycleEvent": "reauthorizationRequired"}]}).encode()
    assert webhook.receive(Endpoint.LIFECYCLE, None, body).status_code == 202
    noted = lifecycle_events.read(bench.services.control)
    assert [note.event for note in noted] == ["reauthorizationRequired"]
    lifecycle_events.clear(bench.services.control, noted)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<xml/>"])
def test_what_graph_never_sends_is_refused(webhook: Webhook, body: bytes) -> None:
    """A 400 with problem details, since no resending helps."""
    answer = webhook.receive(Endpoint.NOTIFICATIONS, None, body)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"


def test_a_body_beyond_the_bound_is_refused(webhook: Webhook) -> None:
    """It is not even parsed."""
    assert webhook.receive(Endpoint.NOTIFICATIONS, None, b"[" * (4 * 1024 * 1024 + 1)).status_code == 413


LIFECYCLE = json.dumps({"value": [{"clientState": CLIENT_STATE, "lifecycleEvent": "missed"}]}).encode()


MANY = post(*(str(uuid4()) for _ in range(100)))


@pytest.mark.parametrize("body", [post(str(uuid4())), MANY, LIFECYCLE], ids=["change", "many changes", "lifecycle"])
def test_what_cannot_be_stored_is_refused_so_that_graph_sends_it_again(body: bytes) -> None:
    """Storage is away: 503 with Retry-After, and an answer nevertheless in time."""
    environment = SETTINGS | {"AzureWebJobsStorage": UNREACHABLE}
    webhook = Webhook(Services(Settings.from_environment(environment), environment))
    answer = webhook.receive(Endpoint.NOTIFICATIONS, None, body)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"


def echo(token: str) -> func.HttpResponse:
    """The answer to a handshake; it needs no Storage."""
    environment = SETTINGS | {"AzureWebJobsStorage": UNREACHABLE}
    return Webhook(Services(Settings.from_environment(environment), environment)).receive(
        Endpoint.NOTIFICATIONS, token, b""
    )


@given(st.text(max_size=400))
def test_the_handshake_gives_the_token_back_as_plain_text(token: str) -> None:
    """Whatever the decoded token holds, it comes back as it is, and no browser takes it for a page."""
    if not token.isascii():
        token = token.encode("utf-8", "replace").decode()
    answer = echo(token)
    assert answer.status_code == 200
    assert answer.get_body() == token.encode()
    assert answer.mimetype == "text/plain"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_token_beyond_the_bound_is_refused() -> None:
    """Nobody uses the endpoint to have long texts said by us."""
    answer = echo("<script>" * 500)
    assert answer.status_code == 400
    assert b"script" not in answer.get_body()
