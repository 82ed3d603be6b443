"""Sends spans and metrics to Application Insights, through OpenTelemetry. Imported by the telemetry's thread only.

Nothing here becomes the process's global provider: libraries that find OpenTelemetry make no spans of their own.
All spans are internal steps or client calls, which Application Insights shows as dependencies; the requests are told by
the Functions host, and are not counted twice. So are the log lines, which the host passes on.
Sources: OpenTelemetry, "Trace SDK"; Azure Monitor OpenTelemetry exporter for Python; Azure Functions, "App settings
reference", APPLICATIONINSIGHTS_AUTHENTICATION_STRING.
"""

import logging
from collections.abc import Sequence
from typing import Any

from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
from opentelemetry.metrics import Counter, Histogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, set_span_in_context

from shared.correlation import Place
from shared.settings import VERSION
from shared.spans import Span
from shared.telemetry import HISTOGRAMS, Connection, Measured, Metric

SCOPE = "photosync"
METRICS_EVERY = 30_000
"""Milliseconds."""
TIMEOUT = 10
"""Seconds of one request to the ingestion endpoint."""
_log = logging.getLogger("photosync.telemetry")


class _TheIdsThereAre(IdGenerator):
    """Spans have ended when they come here, and have their ids."""

    place: Place

    def generate_span_id(self) -> int:
        """The span's."""
        return int(self.place.span_id, 16)

    def generate_trace_id(self) -> int:
        """The piece of work's."""
        return int(self.place.trace_id, 16)


class Sender:
    """One for a process, for one thread."""

    def __init__(self, connection: Connection) -> None:
        options: dict[str, Any] = {
            "connection_string": connection.connection_string,
            "credential": _credential(connection.authentication),
            "disable_offline_storage": True,  # what cannot be sent is lost: nothing is left on a disk
            "timeout": TIMEOUT,
        }
        resource = Resource({"service.name": connection.role or SCOPE, "service.version": VERSION})
        self._ids = _TheIdsThereAre()
        self._spans = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        exporter = AzureMonitorTraceExporter(tracer_provider=self._spans, **options)
        self._spans.add_span_processor(BatchSpanProcessor(exporter))
        reader = PeriodicExportingMetricReader(AzureMonitorMetricExporter(**options), METRICS_EVERY)
        self._metrics = MeterProvider([reader], resource, shutdown_on_exit=False)
        self._tracer = self._spans.get_tracer(SCOPE, VERSION)
        meter = self._metrics.get_meter(SCOPE, VERSION)
        self._counters: dict[Metric, Counter] = {
            metric: meter.create_counter(metric) for metric in Metric if metric not in HISTOGRAMS
        }
        self._histograms: dict[Metric, Histogram] = {
            metric: meter.create_histogram(metric, "s") for metric in HISTOGRAMS
        }

    def send(self, spans: Sequence[Span], measured: Sequence[Measured], *, ends: bool) -> None:
        """Take all of it over; spans go out at once, metrics twice a minute and as the process ends."""
        for span in spans:
            self._take(span)
        for metric, value, attributes in measured:
            if metric in self._counters:
                self._counters[metric].add(value, attributes)
            else:
                self._histograms[metric].record(value, attributes)
        if spans:
            self._spans.force_flush(TIMEOUT * 1000)
        if ends:
            self._metrics.shutdown(TIMEOUT * 1000)
            self._spans.shutdown()

    def _take(self, span: Span) -> None:
        """Tell OpenTelemetry of a span that has ended."""
        self._ids.place = span.place
        kind = SpanKind.CLIENT if span.is_call else SpanKind.INTERNAL
        told = self._tracer.start_span(
            span.name, _within(span.parent), kind, attributes=span.attributes, start_time=span.started
        )
        told.set_status(StatusCode.ERROR if span.failed else StatusCode.OK)
        told.end(span.ended)


def _within(parent: Place | None) -> Any:
    """The parent as OpenTelemetry's context."""
    if parent is None:
        return None
    flags = TraceFlags(TraceFlags.SAMPLED)
    context = SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(context))


def _credential(authentication: str | None) -> Any:
    """The identity that the setting names, as `Authorization=AAD`, perhaps with `ClientId=…`; None: none."""
    parts = dict(part.strip().split("=", 1) for part in (authentication or "").split(";") if "=" in part)
    named = {name.strip().lower(): value.strip() for name, value in parts.items()}
    if named.get("authorization", "").upper() != "AAD":
        return None
    from azure.identity import ManagedIdentityCredential

    client_id = named.get("clientid")
    return ManagedIdentityCredential(client_id=client_id) if client_id else ManagedIdentityCredential()
