"""Serves the queue of checks: each message to whom it concerns."""

from shared.services import Services
from sync_trigger.check_messages import CheckMessage, ListMessage, read_message
from sync_trigger.check_photos import PhotoCheck
from sync_trigger.list_users import UserLister


class CheckServer:
    """One per process, safe for its threads."""

    def __init__(self, services: Services) -> None:
        self._lister = UserLister(services)
        self._check = PhotoCheck(services)

    def serve(self, text: str) -> None:
        """Do what the message asks for; raises `ValueError` when it is none of ours, so that it ends as poison."""
        match read_message(text):
            case ListMessage() as message:
                self._lister.handle(message)
            case CheckMessage() as message:
                self._check.handle(message)
