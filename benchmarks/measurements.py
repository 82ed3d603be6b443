"""All measurements, in the order of the page."""

from benchmarks import (
    budget,
    cold_start,
    cost,
    imaging,
    page_size,
    requests_per_photo,
    sweep_size,
    throughput,
    until_sharepoint,
    webhook,
)
from benchmarks.frame import Measurement

MEASUREMENTS: tuple[Measurement, ...] = (
    cold_start.MEASUREMENT,
    webhook.MEASUREMENT,
    requests_per_photo.MEASUREMENT,
    until_sharepoint.MEASUREMENT,
    throughput.MEASUREMENT,
    budget.MEASUREMENT,
    sweep_size.MEASUREMENT,
    imaging.MEASUREMENT,
    page_size.MEASUREMENT,
    cost.MEASUREMENT,
)
