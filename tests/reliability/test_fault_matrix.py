"""Every operation that the app calls, with every fault: each ends as the table says, and then all is well."""

import pytest

import shared.caller
import shared.storage
import shared.tokens
from tests.reliability.fault_table import FAULTS, expected, script
from tests.reliability.scenes import SCENES, World

ENDS: dict[tuple[str, str], list[str]] = expected()
CASES: list[tuple[str, str]] = sorted(ENDS, key=lambda case: case[1] == "stall")
"""Stalls come last: they need an app with short timeouts, and so there is one restart for all."""
MOST_LOOKS = 5
LONGEST_LOOK = 15.0
"""Seconds that a look may sleep in all: more is the queue's business, since a lease runs meanwhile."""


def test_the_table_is_whole() -> None:
    """Every operation has an end for every fault: 20 operations, 14 faults and 6 sequences of two."""
    assert set(ENDS) == {(operation, fault) for operation in SCENES for fault in FAULTS}
    assert len(ENDS) == 20 * 20


@pytest.mark.parametrize(("operation", "fault"), CASES)
def test_every_fault_ends_as_the_table_says(
    world: World, monkeypatch: pytest.MonkeyPatch, operation: str, fault: str
) -> None:
    """The fault was met, the look ended as expected, nothing was called too early, and in the end target = source."""
    target, kind, calls_before = SCENES[operation]
    world.clean()
    if fault == "stall":
        monkeypatch.setattr(shared.caller, "READ_TIMEOUT", 0.4)
        monkeypatch.setattr(shared.tokens, "TIMEOUT", 0.4)
        monkeypatch.setitem(shared.storage._TIMEOUTS, "read_timeout", 0.4)
    spoilable = target.startswith(("queue.", "table."))
    world.use(spoilable=spoilable, impatient=fault == "stall", signed_in=operation != "token")
    scene = kind(world)
    scene.prepare()
    world.fault(target, script(operation, fault, calls_before))

    slept = world.bench.clock.sleeps
    ends: list[str] = []
    for _ in range(MOST_LOOKS):
        slept.clear()
        ends.append(scene.act())
        assert sum(slept) < LONGEST_LOOK
        if ends[-1] == "ok" and world.completed:
            break
        scene.wait(ends[-1])
    assert world.completed, f"not met: {ends}"
    assert ends[-1] == "ok"
    assert scene.agrees()
    assert (ends[:-1] or ["ok"]) == ENDS[operation, fault]
    if fault == "503·400" and not spoilable:
        assert "HTTP 400" in scene.detail or "invalid_request" in scene.detail
    assert world.bench.control.violations() == []
