"""The queues: a message goes through a queue of its own, as the app writes it and as the Functions host reads it."""

import base64
import binascii
import json
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueClient

from shared.words import QUEUE_OF_CHANGES, QUEUE_OF_CHECKS
from status_page.health.findings import Finding, failed, header, of_storage, passed, warning
from status_page.health.kit import Kit

SCRATCH = "photosync-health-"
"""Then the time in hexadecimal seconds and something random, so that what a killed run has left can be told."""
LEFT_BEHIND_AFTER = timedelta(minutes=10)
HOST_JSON = Path(__file__).parents[2] / "host.json"
_OVERRIDE = "AzureFunctionsJobHost__extensions__queues__messageEncoding"
_ROLES = "Storage Queue Data Contributor"
_TEXT = '{"v": 1, "text": "Grüße, 你好"}'


def check_queues(kit: Kit) -> Finding:
    """The work and poison queues, and the encoding."""
    try:
        told, poison = _lengths(kit)
        encoding = host_encoding(kit)
        stored = _round_trip(kit)
    except AzureError as error:
        return of_storage(error, "queues", _ROLES)
    if as_the_host_reads(stored, encoding) != _TEXT:
        return failed(
            "The app writes messages in base64, but the Functions host reads them as messageEncoding "
            f"{encoding!r} says: every message would end on the poison queue, unread.",
            'Set "messageEncoding": "base64" under extensions.queues in host.json, and remove the app setting '
            f"{_OVERRIDE} if there is one; then deploy, or restart the app.",
        )
    found = f"{told} A message went through a queue of its own and came back as the host reads it ({encoding})."
    if poison:
        return warning(
            f"{found} {poison} {'message is' if poison == 1 else 'messages are'} on a poison queue.",
            "They are put on record by the app itself within a minute. If they stay, check in Azure that none of its "
            "functions is disabled. What could not be read is put back by POST /api/retry with "
            '{"poison": true}.',
        )
    return passed(found)


def host_encoding(kit: Kit) -> str:
    """What the Functions host takes messages for: `base64` or `none`."""
    if override := kit.services.platform(_OVERRIDE):
        return override.lower()
    try:
        document: Any = json.loads(HOST_JSON.read_text("utf-8"))
        named = document.get("extensions", {}).get("queues", {}).get("messageEncoding")
    except (OSError, ValueError, AttributeError):
        named = None
    return str(named or "base64").lower()


def as_the_host_reads(stored: str, encoding: str) -> str | None:
    """A stored message's text for the host; None when it cannot read it. Pure."""
    if encoding != "base64":
        return stored
    try:
        return base64.b64decode(stored, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _lengths(kit: Kit) -> tuple[str, int]:
    """How many messages wait, in words; and how many of them on poison queues."""
    told, poison = list[str](), 0
    for name in (QUEUE_OF_CHANGES, QUEUE_OF_CHECKS):
        waiting, set_aside = _length(kit, name), _length(kit, f"{name}-poison")
        poison += set_aside or 0
        told.append(f"{name} is not there yet: the first message makes it" if waiting is None else f"{name}: {waiting}")
    return f"About so many messages wait: {', '.join(told)}.", poison


def _length(kit: Kit, name: str) -> int | None:
    def note(response: Any) -> None:
        kit.note_date("storage", header(response.http_response, "Date"))

    try:
        properties = kit.storage.queue(name).get_queue_properties(raw_response_hook=note)
    except ResourceNotFoundError as error:
        kit.note_date("storage", header(error.response, "Date"))
        return None
    return properties.approximate_message_count or 0


def _round_trip(kit: Kit) -> str:
    """A message as it is stored, once the app has written it."""
    for name in _left_behind(kit):
        with suppress(AzureError):
            kit.storage.queue(name).delete_queue()
    queue: QueueClient = kit.storage.queue(f"{SCRATCH}{int(datetime.now(UTC).timestamp()):x}-{secrets.token_hex(4)}")
    queue.create_queue()
    try:
        queue.send_message(_TEXT, time_to_live=60)
        message = queue.receive_message(visibility_timeout=30)
        return str(message.content) if message is not None else ""
    finally:
        with suppress(AzureError):  # the next run removes it
            queue.delete_queue()


def _left_behind(kit: Kit) -> list[str]:
    """Scratch queues of runs that were killed."""
    now, found = datetime.now(UTC), list[str]()
    for name in kit.storage.queue_names(SCRATCH):
        with suppress(ValueError):
            made = datetime.fromtimestamp(int(name.removeprefix(SCRATCH).partition("-")[0], 16), UTC)
            if now - made > LEFT_BEHIND_AFTER:
                found.append(name)
    return found
