"""`python -m benchmarks`: measures, keeps each result as soon as it is there, and writes the page."""

import argparse
import logging
import sys
import time
from datetime import UTC, datetime

from benchmarks import store
from benchmarks.frame import Measurement
from benchmarks.machine import this_machine
from benchmarks.measurements import MEASUREMENTS
from benchmarks.page import write_page


def main() -> int:
    """Measure what is asked for; 1 when a claim does not hold."""
    names = [measurement.name for measurement in MEASUREMENTS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=names, default=[], help="measure these, keep the others' results")
    parser.add_argument("--page", action="store_true", help="measure nothing: write the page from what is stored")
    given = parser.parse_args()
    logging.getLogger("photosync").setLevel(logging.ERROR)  # that services ask to wait is what some measure
    stored = store.read(MEASUREMENTS)
    asked = [] if given.page else [m for m in MEASUREMENTS if not given.only or m.name in given.only]
    held = True
    for number, measurement in enumerate(asked, start=1):
        print(f"[{number}/{len(asked)}] {measurement.name}: {measurement.title}", flush=True)
        stored[measurement.name] = _measured(measurement)
        store.write(stored)
        write_page(MEASUREMENTS, stored)
        held = _print_claims(measurement, stored[measurement.name]) and held
    if given.page:
        write_page(MEASUREMENTS, stored)
    return 0 if held else 1


def _measured(measurement: Measurement) -> store.Stored:
    started = time.monotonic()
    result = measurement.measure()
    return store.Stored(datetime.now(UTC), time.monotonic() - started, this_machine(), result)


def _print_claims(measurement: Measurement, stored: store.Stored) -> bool:
    claims = measurement.tell(stored.result).claims
    for claim in claims:
        print(f"      {'✓' if claim.held else '✗'} {claim.text}: {claim.measured}", flush=True)
    print(f"      took {stored.seconds:.0f} s", flush=True)
    return all(claim.held for claim in claims)


if __name__ == "__main__":
    sys.exit(main())
