"""Storage queues: receive, renew, delete, put, create. Message texts are passed as they are, encoded or not."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from local_run.functions_host.storage_account import StorageAccount, StorageRefused

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


@dataclass(frozen=True)
class ReceivedMessage:
    """A message as it came off a queue, under a lease that its pop receipt proves."""

    id: str
    text: str
    dequeue_count: int
    pop_receipt: str
    inserted_at: datetime
    expires_at: datetime
    next_visible_at: datetime


class Queue:
    """One queue of an account. All calls block."""

    def __init__(self, account: StorageAccount, name: str) -> None:
        self.account = account
        self.name = name
        self._url = f"{account.connection.queue_endpoint}/{name}"

    def create(self) -> None:
        """Create the queue if there is none."""
        try:
            self.account.request("PUT", self._url)
        except StorageRefused as refusal:
            if refusal.code != "QueueAlreadyExists":
                raise

    def receive(self, count: int, lease_seconds: int) -> list[ReceivedMessage]:
        """Up to `count` messages, invisible to others for `lease_seconds`."""
        query = {"numofmessages": str(count), "visibilitytimeout": str(lease_seconds)}
        answer = self.account.request("GET", f"{self._url}/messages", query=query)
        root = ET.fromstring(answer.body)  # noqa: S314 - it comes from our own storage account
        return [_message(element) for element in root.iter("QueueMessage")]

    def change_visibility(self, message_id: str, pop_receipt: str, seconds: int) -> str:
        """Make a message visible again after `seconds`; returns the pop receipt that holds from now on."""
        query = {"popreceipt": pop_receipt, "visibilitytimeout": str(seconds)}
        answer = self.account.request("PUT", f"{self._url}/messages/{message_id}", query=query)
        return answer.headers["x-ms-popreceipt"]

    def delete(self, message_id: str, pop_receipt: str) -> None:
        """Remove a message for good."""
        self.account.request("DELETE", f"{self._url}/messages/{message_id}", query={"popreceipt": pop_receipt})

    def put(self, text: str) -> None:
        """Add a message, visible at once; creates the queue when there is none."""
        body = f"<QueueMessage><MessageText>{escape(text)}</MessageText></QueueMessage>".encode()
        headers = {"content-type": "application/xml"}
        try:
            self.account.request("POST", f"{self._url}/messages", headers=headers, body=body)
        except StorageRefused as refusal:
            if refusal.code != "QueueNotFound":
                raise
            self.create()
            self.account.request("POST", f"{self._url}/messages", headers=headers, body=body)


def _message(element: "Element") -> ReceivedMessage:
    text = {child.tag: child.text or "" for child in element}
    return ReceivedMessage(
        id=text["MessageId"],
        text=text.get("MessageText", ""),
        dequeue_count=int(text["DequeueCount"]),
        pop_receipt=text["PopReceipt"],
        inserted_at=parsedate_to_datetime(text["InsertionTime"]),
        expires_at=parsedate_to_datetime(text["ExpirationTime"]),
        next_visible_at=parsedate_to_datetime(text["TimeNextVisible"]),
    )
