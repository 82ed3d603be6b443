"""Sends spans and metrics to Application Insights, through OpenTelemetry. Imported by the telemetry's thread only.

Nothing here becomes the process's global provider: libraries that find OpenTelemetry make no spans of their own. It
starts no thread either: the one that imports this does all the work.
All spans are internal steps or client calls, which Application Insights shows as dependencies; the requests are told by
the Functions host, and are not counted twice. So are the log lines, which the host passes on.
Sources: OpenTelemetry, "Trace SDK"; Azure Monitor OpenTelemetry exporter for Python; Azure Functions, "App settings
reference", APPLICATIONINSIGHTS_AUTHENTICATION_STRING.
"""

import math
import time
from collections.abc import Sequence
from typing import Any

from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, set_span_in_context

from shared.correlation import Place
from shared.settings import VERSION
from shared.spans import Span
from shared.telemetry import HISTOGRAMS, Connection, Measured, Metric

SCOPE = "photosync"
METRICS_EVERY = 30.0
"""Seconds."""
DELTA = AggregationTemporality.DELTA
"""Each sending tells what has happened since the one before, which is what Application Insights adds up."""
TIMEOUT = 10
"""Seconds of one request to the ingestion endpoint."""


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
        self._ended_spans = InMemorySpanExporter()
        provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._ended_spans))
        self._tracer = provider.get_tracer(SCOPE, VERSION)
        self._reader = InMemoryMetricReader({Counter: DELTA, Histogram: DELTA})
        meter = MeterProvider([self._reader], resource, shutdown_on_exit=False).get_meter(SCOPE, VERSION)
        self._counters = {metric: meter.create_counter(metric) for metric in Metric if metric not in HISTOGRAMS}
        self._histograms = {metric: meter.create_histogram(metric, "s") for metric in HISTOGRAMS}
        self._metrics_sent_at = -math.inf
        self._send_spans = AzureMonitorTraceExporter(tracer_provider=provider, **options)
        self._send_metrics = AzureMonitorMetricExporter(**options)

    def send(self, spans: Sequence[Span], measured: Sequence[Measured], *, ends: bool) -> None:
        """Send: the spans at once, the measurements added up, twice a minute and as the process ends.

        What cannot be sent is lost, and the exporter's own log line says so.
        """
        for span in spans:
            self._take(span)
        for metric, value, attributes in measured:
            if metric in self._counters:
                self._counters[metric].add(value, attributes)
            else:
                self._histograms[metric].record(value, attributes)
        if ended := self._ended_spans.get_finished_spans():
            self._ended_spans.clear()
            self._send_spans.export(ended)
        now = time.monotonic()
        if ends or now - self._metrics_sent_at >= METRICS_EVERY:
            self._metrics_sent_at = now
            if (added_up := self._reader.get_metrics_data()) is not None:
                self._send_metrics.export(added_up)

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
