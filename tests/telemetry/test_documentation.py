"""What the page about logs and measures says is what the code does."""

import re

from local_run import generated_docs
from shared.logs import Happened
from shared.telemetry import Metric

TEXT = generated_docs.OBSERVABILITY.read_text("utf-8")


def test_every_event_is_listed() -> None:
    """The table of events is the code's."""
    assert generated_docs.with_events(TEXT) == TEXT, "run `make tables`"


def test_every_metric_is_listed_and_no_other() -> None:
    """The table of metrics has each one, and the queries ask for none that there is not."""
    assert re.findall(r"^\| `(photosync\.\w+)`", TEXT, re.MULTILINE) == list(Metric)
    assert set(re.findall(r"photosync\.\w+", TEXT)) == set(Metric)


def test_queries_ask_for_events_that_there_are() -> None:
    """Who copies a query gets no empty answer for want of such an event."""
    assert set(re.findall(r"event=(\w+)", TEXT)) <= set(Happened)
