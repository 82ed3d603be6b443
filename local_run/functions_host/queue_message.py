"""What a queue message says, and what becomes of it: decisions without storage."""

import base64
import binascii
from datetime import datetime
from enum import Enum, auto
from typing import Any, Literal

from local_run.functions_host.protos import TypedData
from local_run.functions_host.queues import ReceivedMessage

POISON_SUFFIX = "-poison"
_LONGEST_QUEUE_NAME = 63


class Settlement(Enum):
    """What becomes of a message after its function ran, or instead of running."""

    DELETE = auto()
    """It is done with."""
    POISON = auto()
    """It moves to the poison queue."""
    SHOW_AGAIN = auto()
    """It is seen again after the visibility timeout."""
    LET_LEASE_END = auto()
    """It stays invisible until its lease ends: there is no poison queue to move it to."""


def poison_queue_of(queue: str) -> str | None:
    """The queue for messages that the host gave up on; None: this queue has none."""
    poison = queue + POISON_SUFFIX
    return None if queue.endswith(POISON_SUFFIX) or len(poison) > _LONGEST_QUEUE_NAME else poison


def before_running(dequeue_count: int, most: int, *, has_poison_queue: bool) -> Settlement | None:
    """What becomes of a message that came too often to run once more; None: run it."""
    return Settlement.POISON if has_poison_queue and dequeue_count > most else None


def after_running(dequeue_count: int, most: int, *, succeeded: bool, has_poison_queue: bool) -> Settlement:
    """What becomes of a message after its function ran."""
    if succeeded:
        return Settlement.DELETE
    if not has_poison_queue:
        return Settlement.LET_LEASE_END
    return Settlement.POISON if dequeue_count >= most else Settlement.SHOW_AGAIN


def decode(text: str, encoding: Literal["base64", "none"]) -> TypedData:
    """The body as the worker takes it; raises `ValueError` when the text is not encoded as agreed."""
    if encoding == "none":
        return TypedData(string=text)
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
    try:
        return TypedData(string=content.decode("utf-8"))
    except UnicodeDecodeError:
        return TypedData(bytes=content)


def encode(content: bytes, encoding: Literal["base64", "none"]) -> str:
    """A message's text for a body; raises `ValueError` for bytes that cannot be sent unencoded."""
    return base64.b64encode(content).decode("ascii") if encoding == "base64" else content.decode("utf-8")


def metadata(message: ReceivedMessage, body: TypedData) -> dict[str, Any]:
    """What the function can ask about the message besides its body."""
    return {
        "Id": message.id,
        "QueueTrigger": body.string if body.string is not None else message.text,
        "PopReceipt": message.pop_receipt,
        "DequeueCount": message.dequeue_count,
        "InsertionTime": _iso(message.inserted_at),
        "ExpirationTime": _iso(message.expires_at),
        "NextVisibleTime": _iso(message.next_visible_at),
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat()
