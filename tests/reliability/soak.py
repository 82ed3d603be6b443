"""`python -m tests.reliability.soak`: the same proofs, for long. Prints seed and numbers; exit code 1 when one fails.

It takes a quarter of an hour or more. `make soak` runs it.
"""

import argparse
import secrets
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.reliability.kill_points import POINTS, kill_at_every_point
from tests.reliability.poison import TRIES, with_poison, without_poison
from tests.reliability.running_app import RunningApp, running_app
from tests.reliability.total_queue import Load, allowed_duplicates, run


def main(arguments: list[str] | None = None) -> int:
    """Run all three; 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="of every random choice (default: a new one)")
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--changes", type=int, default=250, help="of each writer (default: 250)")
    parser.add_argument("--kills", type=int, default=20, help="at random moments (default: 20)")
    parser.add_argument("--rounds", type=int, default=25, help="of one kill at all eight points (default: 25)")
    parser.add_argument("--others", type=int, default=500, help="messages beside the poison (default: 500)")
    given = parser.parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    print(f"soak: {datetime.now(UTC):%Y-%m-%d}, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as directory, running_app(Path(directory)) as app:
        load = Load(
            seed,
            writers=given.writers,
            changes=given.changes,
            users=max(2, given.changes // 25),
            kills=given.kills,
            drain_seconds=600,
        )
        kept = [_points(app, given.rounds), _queue(app, load), _poison(app, given.others)]
        violations = app.control.violations()
        print(f"the tenant complains of {len(violations)} calls", flush=True)
        for violation in violations:
            print(f"  {violation}")
    return 0 if all(kept) and not violations else 1


def _points(app: RunningApp, rounds: int) -> bool:
    late = [point for _ in range(rounds) for point in kill_at_every_point(app)]
    print(
        f"kill points: {rounds} kills at {len(POINTS)} points, {rounds * len(POINTS)} photos, lost {len(late)} {late}"
    )
    return not late


def _queue(app: RunningApp, load: Load) -> bool:
    started = time.monotonic()
    report = run(app, load)
    print(f"{report}, {time.monotonic() - started:.0f} s", flush=True)
    for one in (*report.lost, *report.unexpected):
        print(f"  {one}")
    return not report.lost and not report.unexpected and report.duplicated <= allowed_duplicates(load)


def _poison(app: RunningApp, others: int) -> bool:
    alone, together = without_poison(app, others, seed=1), with_poison(app, others, seed=1)
    ratio = together.rounds / alone.rounds
    print(
        f"poison: {others} others, {alone.rounds} rounds and {alone.seconds:.1f} s without, "
        f"{together.rounds} rounds and {together.seconds:.1f} s with one poison message: {ratio:.2f} times the rounds",
        flush=True,
    )
    return ratio <= 1.2 and together.rounds >= others + TRIES


if __name__ == "__main__":
    sys.exit(main())
