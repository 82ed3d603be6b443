"""The circuit breaker: systemic trouble pauses the app instead of failing everybody, and ends by itself."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared import sweep_wanted
from shared.breaker import LEAST_FAILURES, PROBE_EVERY, WINDOW, Breaker
from shared.words import Outcome, UserState
from tests import pictures
from tests.bench import GRAPH_ROLES, SHAREPOINT_ROLES, Bench

PHOTO = pictures.jpeg(300, 300, seed=8)
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def test_a_withdrawn_permission_pauses_and_its_return_resumes(bench: Bench) -> None:
    """Twenty fail, the rest wait without using up attempts; a probe every five minutes; then all is copied."""
    users = [bench.person(PHOTO) for _ in range(LEAST_FAILURES + 5)]
    bench.control.change_app(bench.client_id, roles={"graph": list(GRAPH_ROLES), "sharepoint": ["User.ReadWrite.All"]})
    outcomes = [bench.look(user) for user in users]
    assert outcomes == [Outcome.FAILED] * LEAST_FAILURES + [Outcome.DEFERRED] * 5
    assert bench.services.status.get(users[-1]) is None

    bench.control.clear_records()
    assert bench.look(users[-1]) is Outcome.DEFERRED
    assert bench.requests("graph") == []

    bench.clock.sleep(PROBE_EVERY.total_seconds())
    assert bench.look(users[-1]) is Outcome.FAILED  # the probe: still no permission
    assert bench.look(users[-2]) is Outcome.DEFERRED  # one probe at a time

    bench.control.change_app(bench.client_id, roles={"graph": list(GRAPH_ROLES), "sharepoint": list(SHAREPOINT_ROLES)})
    bench.clock.sleep(PROBE_EVERY.total_seconds())
    assert bench.look(users[-2]) is Outcome.COPIED
    assert bench.look(users[-3]) is Outcome.COPIED
    wanted = sweep_wanted.read_and_clear(bench.services.control)
    assert wanted is not None
    assert wanted.why == "sharepoint works again"


def test_another_instance_knows_at_once(bench: Bench) -> None:
    """A breaker and a gate are shared: what one instance was told, the next one to start knows."""
    users = [bench.person(PHOTO) for _ in range(LEAST_FAILURES + 1)]
    bench.control.change_app(bench.client_id, roles={"graph": [], "sharepoint": list(SHAREPOINT_ROLES)})
    for user in users[:-1]:
        bench.look(user)
    bench.start_afresh()
    bench.control.clear_records()
    assert bench.look(users[-1]) is Outcome.DEFERRED
    assert bench.requests("graph") == []


def test_a_gate_is_shared(bench: Bench) -> None:
    """SharePoint asked one instance to wait: another one does not call before the time."""
    first, second = bench.person(PHOTO), bench.person(PHOTO)
    bench.control.fault("sharepoint.file.add", "429:Retry-After=90")
    assert bench.look(first) is Outcome.DEFERRED
    bench.start_afresh()
    bench.control.clear_records()
    assert bench.look(second) is Outcome.DEFERRED
    assert bench.requests("sharepoint") == []
    assert bench.row(second).state is UserState.DEFERRED
    bench.clock.sleep(91)
    assert bench.look(second) is Outcome.COPIED


def test_one_bad_photo_after_another_opens_nothing(bench: Bench) -> None:
    """Photos that cannot be used say nothing of a service."""
    for _ in range(LEAST_FAILURES + 1):
        assert bench.look(bench.person(b"no picture")) is Outcome.FAILED
    assert bench.look(bench.person(PHOTO)) is Outcome.COPIED


looks = st.lists(st.tuples(st.booleans(), st.integers(0, 120)), max_size=120)


@given(looks)
def test_it_opens_exactly_when_too_much_fails(steps: list[tuple[bool, int]]) -> None:
    """At least twenty failures and more than 40 % of the looks of one window; never before."""
    breaker, now = Breaker(), NOW
    for failed, seconds in steps:
        now += timedelta(seconds=seconds)
        before = breaker
        breaker = breaker.counted(now, ok=0 if failed else 1, failed=1 if failed else 0, code="NotPermitted")
        assert breaker.window_start is not None
        assert now - breaker.window_start < WINDOW
        if breaker.open_since and not before.open_since:
            assert breaker.failed >= LEAST_FAILURES
            assert breaker.failed > 0.4 * (breaker.ok + breaker.failed)
        elif not breaker.open_since:
            assert breaker.failed < LEAST_FAILURES or breaker.failed <= 0.4 * (breaker.ok + breaker.failed)
