"""The decision about one photo: every branch named by the history that leads to it, and the rules over all of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from photo_worker.decide import (
    ClearTarget,
    Download,
    InStep,
    LeaveAlone,
    NothingToCopy,
    Plan,
    RefusedBefore,
    Rules,
    UserIsGone,
    bytes_differ,
    decide,
)
from shared.after_failure import LONGEST_DELAY, LONGEST_DELAY_WITHOUT_PROFILE, GiveUp, TryAgain, after_failure
from shared.failures import Failure, FailureCode, FailureKind
from shared.graph import GraphUser, Source, SourcePhoto
from shared.scope import Scope
from shared.status import StatusRow
from shared.words import UserState

USER = "78ccf530-bbf0-47e4-aae6-da5f8c6fb142"
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
NARROW = Scope(guests=False, disabled=False)
etags = st.sampled_from(["", "A", "B", "C"])
recipes = st.sampled_from(["1|300", "1|240"])
people = st.builds(
    GraphUser,
    id=st.just(USER),
    upn=st.just("a.b@contoso.com"),
    display_name=st.just("A B"),
    enabled=st.booleans(),
    guest=st.booleans(),
    data_location=st.none(),
)
groups = st.sampled_from(["staff", "leavers"])
sources = st.builds(
    Source,
    user=st.none() | people,
    photo=st.none() | st.builds(SourcePhoto, etags),
    member_of=st.frozensets(groups),
)
rows = st.none() | st.builds(
    StatusRow,
    user_id=st.just(USER),
    state=st.sampled_from(UserState),
    source_etag=st.none() | etags,
    source_sha256=st.none() | st.sampled_from(["x", "y"]),
    recipe=st.none() | recipes,
    refused_etag=st.none() | etags,
)
scopes = st.builds(
    Scope,
    guests=st.booleans(),
    disabled=st.booleans(),
    group=st.none() | groups,
    excluded_group=st.none() | groups,
)


def person(*, enabled: bool = True, guest: bool = False) -> GraphUser:
    """A user in scope unless told otherwise."""
    return GraphUser(USER, "a.b@contoso.com", "A B", enabled, guest, None)


def row(source_etag: str = "A", refused_etag: str | None = None) -> StatusRow:
    """A status row that agreed on version A."""
    return StatusRow(USER, UserState.IN_STEP, source_etag=source_etag, recipe="1|300", refused_etag=refused_etag)


def plan(
    source: Source,
    agreed: StatusRow | None,
    *,
    recipe: str,
    scope: Scope,
    force: bool,
    now: datetime = NOW,
    clear: bool = True,
) -> Plan:
    """The decision under these rules."""
    return decide(source, agreed, Rules(recipe, scope, clear_removed=clear), now, force=force)


def test_the_plan_follows_the_history() -> None:
    """Each history has its plan: a table that anybody can check by hand."""
    photo = Source(person(), SourcePhoto("A"))
    newer = Source(person(), SourcePhoto("B"))
    today = "1|300"
    assert plan(photo, None, recipe=today, scope=NARROW, force=False) == Download("A")  # never seen
    assert plan(photo, row(), recipe=today, scope=NARROW, force=False) == InStep()  # nothing changed
    assert plan(newer, row(), recipe=today, scope=NARROW, force=False) == Download("B")  # the photo changed
    assert plan(photo, row(), recipe="1|240", scope=NARROW, force=False) == Download("A")  # the settings changed
    assert plan(photo, row(), recipe=today, scope=NARROW, force=True) == Download("A")  # somebody insists
    broken_off = StatusRow(USER, UserState.COPYING)
    assert plan(photo, broken_off, recipe=today, scope=NARROW, force=False) == Download("A")
    refused = row(refused_etag="B")
    assert plan(newer, refused, recipe=today, scope=NARROW, force=False) == RefusedBefore()
    assert plan(photo, refused, recipe=today, scope=NARROW, force=False) == InStep()  # the old photo is back
    nameless = Source(person(), SourcePhoto(""))
    assert plan(nameless, row(source_etag=""), recipe=today, scope=NARROW, force=False) == Download("")
    assert plan(Source(person(), None), row(), recipe=today, scope=NARROW, force=True) == NothingToCopy()
    assert plan(Source(None, None), row(), recipe=today, scope=NARROW, force=True) == UserIsGone()
    guest, disabled = Source(person(guest=True), photo.photo), Source(person(enabled=False), photo.photo)
    assert plan(guest, None, recipe=today, scope=NARROW, force=True) == LeaveAlone("a guest")
    assert plan(disabled, None, recipe=today, scope=NARROW, force=True) == LeaveAlone("a disabled account")
    staff = Scope(group="staff", excluded_group="leavers")
    for member_of, wanted in (
        (frozenset({"staff"}), Download("A")),
        (frozenset[str](), LeaveAlone("not in the group that the settings name")),
        (frozenset({"staff", "leavers"}), LeaveAlone("in the group that the settings exclude")),
    ):
        seen = Source(person(), SourcePhoto("A"), member_of)
        assert plan(seen, None, recipe=today, scope=staff, force=False) == wanted


def test_a_target_is_cleared_after_two_looks_an_hour_apart() -> None:
    """First seen missing: wait. Missing an hour later: clear what was copied, unless the settings keep it."""
    gone = Source(person(), None)
    first = replace(row(), picture_url="https://x/a_MThumb.jpg", no_photo_since=NOW)
    later = NOW + timedelta(hours=1)

    def at(agreed: StatusRow, now: datetime, *, clear: bool = True) -> Plan:
        return plan(gone, agreed, recipe="1|300", scope=NARROW, force=True, now=now, clear=clear)

    assert at(replace(first, no_photo_since=None), later) == NothingToCopy()
    assert at(first, later - timedelta(seconds=1)) == NothingToCopy()
    assert at(first, later) == ClearTarget("https://x/a_MThumb.jpg")
    assert at(first, later, clear=False) == NothingToCopy()
    assert at(replace(first, picture_url=None), later) == NothingToCopy()


@given(
    sources, rows, recipes, scopes, st.booleans(), st.timedeltas(timedelta(hours=-3), timedelta(hours=3)), st.booleans()
)
def test_rules_over_all_histories(
    source: Source,
    agreed: StatusRow | None,
    recipe: str,
    scope: Scope,
    force: bool,
    since: timedelta,
    clear: bool,
) -> None:
    """Nobody out of scope is touched; in step is what was agreed in full; nothing is cleared at first sight."""
    now = NOW + since
    planned = plan(source, agreed, recipe=recipe, scope=scope, force=force, now=now, clear=clear)
    user = source.user
    if isinstance(planned, Download):
        assert user is not None
        assert source.photo is not None
        assert planned.media_etag == source.photo.media_etag
        assert scope.why_not(user, source.member_of) is None
    if isinstance(planned, InStep):
        assert not force
        assert source.photo is not None
        assert agreed is not None
        assert (agreed.source_etag, agreed.recipe) == (source.photo.media_etag, recipe)
    if isinstance(planned, ClearTarget):
        assert clear
        assert source.photo is None
        assert agreed is not None
        assert agreed.no_photo_since is not None
        assert now - agreed.no_photo_since >= timedelta(hours=1)
    if source.photo is not None and user is not None and force:
        assert isinstance(planned, Download | LeaveAlone)


@given(st.sampled_from(["x", "y"]), rows, recipes, st.booleans())
def test_bytes_are_left_alone_only_when_all_agrees(
    sha256: str, agreed: StatusRow | None, recipe: str, force: bool
) -> None:
    """Without a write there was the same picture, made in the same way, and nobody insists."""
    if not bytes_differ(sha256, agreed, recipe=recipe, force=force):
        assert agreed is not None
        assert (agreed.source_sha256, agreed.recipe, force) == (sha256, recipe, False)


@given(
    st.sampled_from(FailureCode),
    st.none() | st.floats(0, 3600),
    st.integers(0, 10**6),
    st.integers(1, 50),
    st.floats(0, 1),
)
def test_what_follows_a_failure(
    code: FailureCode, retry_after: float | None, before: int, most: int, jitter: float
) -> None:
    """Only waiting is retried; asked-for waits are never cut short and cost no attempt; tries end at the setting."""
    follows = after_failure(Failure(code, retry_after=retry_after), before, most, jitter)
    if code.kind is not FailureKind.WAIT:
        assert isinstance(follows, GiveUp)
    elif retry_after is not None:
        assert isinstance(follows, TryAgain)
        assert follows.attempts == before
        assert timedelta(seconds=retry_after) < follows.delay <= timedelta(seconds=max(1.0, retry_after) * 1.1 + 1)
    elif before + 1 >= most:
        assert follows == GiveUp(before + 1)
    else:
        assert isinstance(follows, TryAgain)
        assert follows.attempts == before + 1
        longest = LONGEST_DELAY_WITHOUT_PROFILE if code is FailureCode.NO_TARGET_PROFILE else LONGEST_DELAY
        assert timedelta(seconds=30) <= follows.delay <= longest * 1.5


def test_delays_grow() -> None:
    """Without jitter: 30 s, 1, 2, 4, 8, 16, 32 minutes, then an hour each time."""
    unavailable = Failure(FailureCode.SERVICE_UNAVAILABLE)
    follows = [after_failure(unavailable, attempts, 50, 0.0) for attempts in range(9)]
    delays = [step.delay.total_seconds() for step in follows if isinstance(step, TryAgain)]
    assert delays == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
