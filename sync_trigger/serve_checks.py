"""Serves the queue of checks: each message to whom it concerns."""

from shared.paused import spread
from shared.services import Services
from shared.words import Action
from sync_trigger.check_messages import CheckMessage, ListMessage, read_message
from sync_trigger.check_notified import NotifiedCheck
from sync_trigger.check_photos import PhotoCheck
from sync_trigger.list_users import UserLister
from sync_trigger.notified_users import NotifiedMessage


class CheckServer:
    """One per process, safe for its threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lister = UserLister(services)
        self._check = PhotoCheck(services)
        self._notified = NotifiedCheck(services)

    def serve(self, text: str) -> None:
        """Do what the message asks for; raises `ValueError` when it is none of ours, so that it ends as poison.

        While the app is paused the message goes back on the queue as it is: waiting uses up no attempt. A restore goes
        through the pause.
        """
        asked = read_message(text)
        paused = self._services.pause_switch.wait(self._services.clock.now())
        copies = isinstance(asked, NotifiedMessage) or asked.action is Action.COPY
        if paused is not None and copies:
            self._services.checks.put(asked, spread(paused))
            return
        match asked:
            case ListMessage() as message:
                self._lister.handle(message)
            case CheckMessage() as message:
                self._check.handle(message)
            case NotifiedMessage() as message:
                self._notified.handle(message)
