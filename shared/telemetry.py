"""Spans and metrics, for who has Application Insights; nothing at all for who has not.

Whoever measures puts the measurement on a list in memory, which costs a microsecond. A thread of its own imports
OpenTelemetry, when there is something to send, and sends: so neither a cold start nor a copy waits for telemetry, and
without a connection string nothing of it is even imported.
"""

import atexit
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.spans import Span


class Metric(StrEnum):
    """What is counted or measured; the name in `customMetrics`."""

    PHOTO_EVENTS = "photosync.photo_events"
    """Counter, by reason: photo events put on the queue by a notification, a check or a job."""
    LOOKS = "photosync.looks"
    """Counter, by outcome and reason: looks at one photo, so copies, skips, deferrals and failures."""
    FAILURES = "photosync.failures"
    """Counter, by code and outcome: looks that ended with an error, deferred or failed."""
    THROTTLED = "photosync.throttled"
    """Counter, by service: how often a service asked the app to wait."""
    SECONDS_TO_COPY = "photosync.seconds_to_copy"
    """Histogram, by reason: from when the change was noticed until SharePoint had the picture."""
    QUEUE_SECONDS = "photosync.queue_seconds"
    """Histogram, by reason: how long a photo event that waits for nobody was on the queue before its first look."""


HISTOGRAMS = {Metric.SECONDS_TO_COPY, Metric.QUEUE_SECONDS}
ITS_OWN_WAYS = (
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
)
"""Environment variables that, when true, keep the exporter from telling Microsoft of itself and from asking for
settings from afar: the app calls nobody whom its administrator does not expect."""
FIRST_AFTER = 2.0
"""Seconds from the first measurement until OpenTelemetry is imported, so as not to be in the way of whoever is just
being answered. A process that ends before loses what it measured."""
SEND_EVERY = 5.0
"""Seconds."""
LAST_WORDS = 5.0
"""Seconds that the end of the process waits for what is left."""
MOST_WAITING = 5000
"""Measurements kept until they are sent; beyond these they are dropped, never waited for."""

type Measured = tuple[Metric, float, dict[str, str]]
"""What was counted or measured, how much, and of which kind."""


@dataclass(frozen=True)
class Connection:
    """Where telemetry goes."""

    connection_string: str
    authentication: str | None = None
    """The setting APPLICATIONINSIGHTS_AUTHENTICATION_STRING, as Azure Functions defines it."""
    role: str | None = None
    """The app's name, `cloud_RoleName`."""


class _Outbox:
    """What is to be sent, and the thread that sends it; one for a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._spans: list[Span] = []
        self._measured: list[Measured] = []

    @property
    def connected(self) -> bool:
        """Whether anybody reads what is put here."""
        return self._connection is not None

    def connect(self, connection: Connection) -> None:
        """Send there from now on."""
        with self._lock:
            first, self._connection = self._connection is None, connection
        if first:
            atexit.register(self.end)

    def put(self, spans: "list[Span]", measured: list[Measured]) -> None:
        """Add to what is to be sent."""
        with self._lock:
            if self._connection is None or self._wake.is_set():
                return
            self._spans += spans[: MOST_WAITING - len(self._spans)]
            self._measured += measured[: MOST_WAITING - len(self._measured)]
            if self._thread is None:
                begin = threading.Thread(target=self._run, args=(self._connection,), name="telemetry", daemon=True)
                self._thread = begin
                begin.start()

    def end(self) -> None:
        """Send what is left; called as the process ends, and takes a few seconds at most."""
        with self._lock:
            self._wake.set()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=LAST_WORDS)

    def _run(self, connection: Connection) -> None:
        if self._wake.wait(FIRST_AFTER):
            return  # OpenTelemetry cannot be imported any more when the process ends
        from shared.send_telemetry import Sender

        sender, ends = Sender(connection), False
        while True:
            with self._lock:
                spans, self._spans = self._spans, []
                measured, self._measured = self._measured, []
            sender.send(spans, measured, ends=ends)
            if ends:
                return
            ends = self._wake.wait(SEND_EVERY)


_outbox = _Outbox()


def connect(connection: Connection) -> None:
    """Send to Application Insights from now on."""
    _outbox.connect(connection)


def send(spans: "list[Span]") -> None:
    """Send the spans of one piece of work."""
    if _outbox.connected:
        _outbox.put(spans, [])


def measure(metric: Metric, value: float = 1, **attributes: str) -> None:
    """Count one, or so many; or add a value to a histogram."""
    if _outbox.connected:
        _outbox.put([], [(metric, value, attributes)])
