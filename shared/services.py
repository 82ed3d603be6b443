"""Everything that a process needs, made on first use: the one place where the parts are put together.

The webhook touches only the queues and the table of deliveries; so all other parts are not even imported before
somebody asks for them: every import here that is not at the top keeps the webhook's cold start short.
"""

import atexit
import functools
import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from shared import settings as settings_module
from shared.clock import Clock, SystemClock
from shared.photo_queue import Message, MessageQueue, PhotoQueue
from shared.settings import Settings
from shared.storage import CONNECTIONS, Storage
from shared.words import QUEUE_OF_CHECKS

if TYPE_CHECKING:
    import requests

    from shared.actions import Actions
    from shared.allowance import Allowance
    from shared.breaker import Breakers
    from shared.caller import Caller
    from shared.control import Control
    from shared.deliveries import Deliveries
    from shared.gates import Gates, Service
    from shared.graph import Graph
    from shared.measures import Measures
    from shared.pace import Pace
    from shared.paused import PauseSwitch
    from shared.runs import Runs
    from shared.status import HistoryTable, StatusTable
    from shared.tokens import Tokens

_QUICK = {"connection_timeout": 1, "read_timeout": 2, "retry_total": 0}
"""Storage for who must answer within a second or so: one try, and a clear no."""

_WATCHED = {"connection_timeout": 3, "read_timeout": 5, "retry_total": 1}
"""Storage for a person who waits for the answer: a second try, and then a clear no."""


class Services:
    """The parts of one process, shared by its threads."""

    def __init__(self, settings: Settings, environment: Mapping[str, str], clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self._environment = environment

    @functools.cached_property
    def storage(self) -> Storage:
        """The storage account, with patience."""
        return Storage(self._environment)

    @functools.cached_property
    def quick_storage(self) -> Storage:
        """The storage account, without."""
        return Storage(self._environment, _QUICK)

    @functools.cached_property
    def watched_storage(self) -> Storage:
        """The storage account, for who waits for it before a screen."""
        return Storage(self._environment, _WATCHED)

    def platform(self, variable: str) -> str:
        """A variable that Azure sets for the app, such as WEBSITE_HOSTNAME; empty when it is not set."""
        return self._environment.get(variable, "")

    @functools.cached_property
    def queue(self) -> PhotoQueue:
        """The queue of photo changes."""
        return PhotoQueue(self.storage)

    @functools.cached_property
    def checks(self) -> MessageQueue[Message]:
        """The queue of checks: the work of sweeps and large jobs."""
        return MessageQueue(self.storage, QUEUE_OF_CHECKS)

    @functools.cached_property
    def quick_queue(self) -> PhotoQueue:
        """The queue of photo changes, for the webhook."""
        return PhotoQueue(self.quick_storage)

    @functools.cached_property
    def quick_checks(self) -> MessageQueue[Message]:
        """The queue of checks, for the webhook."""
        return MessageQueue(self.quick_storage, QUEUE_OF_CHECKS)

    @functools.cached_property
    def quick_control(self) -> "Control":
        """What all instances share, for the webhook."""
        from shared.control import Control

        return Control(self.quick_storage)

    @functools.cached_property
    def deliveries(self) -> "Deliveries":
        """The record of the webhook's POSTs."""
        from shared.deliveries import Deliveries

        return Deliveries(self.quick_storage)

    @functools.cached_property
    def status(self) -> "StatusTable":
        """Where every user stands."""
        from shared.status import StatusTable

        return StatusTable(self.storage)

    @functools.cached_property
    def history(self) -> "HistoryTable":
        """Every attempt."""
        from shared.status import HistoryTable

        return HistoryTable(self.storage)

    @functools.cached_property
    def runs(self) -> "Runs":
        """Sweeps and jobs."""
        from shared.runs import Runs

        return Runs(self.storage)

    @functools.cached_property
    def actions(self) -> "Actions":
        """Who did what by hand."""
        from shared.actions import Actions

        return Actions(self.storage)

    @functools.cached_property
    def control(self) -> "Control":
        """What all instances share."""
        from shared.control import Control

        return Control(self.storage)

    @functools.cached_property
    def pace(self) -> "Pace":
        """The line in which bulk work stands."""
        from shared.pace import Pace

        return Pace(self.control, self.settings.bulk_copies_per_minute)

    @functools.cached_property
    def gates(self) -> "Gates":
        """Who must not be called before when."""
        from shared.gates import Gates

        return Gates(self.control, on_close=self._throttled)

    @functools.cached_property
    def allowance(self) -> "Allowance":
        """What SharePoint says is left of the budget."""
        from shared.allowance import Allowance

        return Allowance(self.clock)

    def _answered(self, service: "Service", headers: Mapping[str, str]) -> None:
        """A service has answered."""
        from shared.gates import Service

        if service is Service.SHAREPOINT:
            self.allowance.heed(headers)

    @functools.cached_property
    def measures(self) -> "Measures":
        """What is counted by the hour."""
        from shared.measures import Measures

        return Measures(self.quick_storage, self.clock)

    def _throttled(self, service: "Service") -> None:
        """A service asked for a pause."""
        from shared import telemetry
        from shared.measures import Measure

        self.measures.count(Measure.THROTTLED)
        telemetry.measure(telemetry.Metric.THROTTLED, service=service)

    @functools.cached_property
    def breakers(self) -> "Breakers":
        """Whether anything is worth trying."""
        from shared.breaker import Breakers

        return Breakers(self.control)

    @functools.cached_property
    def pause_switch(self) -> "PauseSwitch":
        """Whether an administrator has paused the app."""
        from shared.paused import PauseSwitch

        return PauseSwitch(self.control)

    @functools.cached_property
    def tokens(self) -> "Tokens":
        """Access tokens."""
        from shared.tokens import Tokens

        return Tokens(self.settings)

    @functools.cached_property
    def session(self) -> "requests.Session":
        """The pool of connections to Microsoft's services."""
        from shared.sessions import pooled_session

        return pooled_session(CONNECTIONS)

    def caller(self, give_up_at: datetime | None = None) -> "Caller":
        """A caller for one attempt."""
        from shared.caller import Caller

        return Caller(
            self.session,
            self.tokens,
            gates=self.gates,
            clock=self.clock,
            user_agent=self.settings.user_agent,
            give_up_at=give_up_at,
            on_answer=self._answered,
        )

    def graph(self, caller: "Caller") -> "Graph":
        """Graph for one attempt."""
        from shared.graph import Graph

        return Graph(caller, self.settings.cloud.endpoints.graph, self.gates, self.clock)


@functools.cache
def services() -> Services:
    """The process's services; raises `SettingsError` when the settings are not complete."""
    made = Services(settings_module.load(), os.environ)
    atexit.register(lambda: made.measures.write_if_possible() if "measures" in vars(made) else None)
    if connection_string := os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING"):
        _send_telemetry(connection_string)
    return made


def _send_telemetry(connection_string: str) -> None:
    from shared import telemetry

    for name in telemetry.ITS_OWN_WAYS:
        os.environ.setdefault(name, "true")
    authentication = os.environ.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING")
    telemetry.connect(telemetry.Connection(connection_string, authentication, os.environ.get("WEBSITE_SITE_NAME")))
