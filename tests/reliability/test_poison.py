"""One bad message blocks nobody."""

from tests.reliability.poison import TRIES, with_poison, without_poison
from tests.reliability.running_app import RunningApp

OTHERS = 150


def test_one_poison_message_among_many_delays_nobody(app: RunningApp) -> None:
    """The poison takes five tries, is set aside and on record at once; the work is at most a fifth more than without.

    Work is counted in rounds. The seconds are told, not tested: they are the machine's.
    """
    alone = without_poison(app, OTHERS)
    together = with_poison(app, OTHERS)
    print(
        f"\npoison: {OTHERS} others took {alone.rounds} rounds and {alone.seconds:.1f} s without, "
        f"{together.rounds} rounds and {together.seconds:.1f} s with one poison message"
    )
    assert alone.rounds >= OTHERS
    assert together.rounds >= OTHERS + TRIES
    assert together.rounds / alone.rounds <= 1.2
    assert "Moving message to queue 'photo-changes-poison'" in app.stack.host.log()
