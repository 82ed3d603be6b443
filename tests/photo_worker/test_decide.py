"""The decision about one photo: every branch named by the history that leads to it, and the rules over all of them."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from photo_worker.after_failure import LONGEST_DELAY, LONGEST_DELAY_WITHOUT_PROFILE, GiveUp, TryAgain, after_failure
from photo_worker.decide import (
    Download,
    InStep,
    LeaveAlone,
    NothingToCopy,
    RefusedBefore,
    UserIsGone,
    bytes_differ,
    decide,
)
from shared.failures import Failure, FailureCode, FailureKind
from shared.graph import GraphUser, Source, SourcePhoto
from shared.scope import Scope
from shared.status import StatusRow
from shared.words import UserState

USER = "78ccf530-bbf0-47e4-aae6-da5f8c6fb142"
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


def test_the_plan_follows_the_history() -> None:
    """Each history has its plan: a table that anybody can check by hand."""
    photo = Source(person(), SourcePhoto("A"))
    newer = Source(person(), SourcePhoto("B"))
    today = "1|300"
    assert decide(photo, None, recipe=today, scope=NARROW, force=False) == Download("A")  # never seen
    assert decide(photo, row(), recipe=today, scope=NARROW, force=False) == InStep()  # nothing changed
    assert decide(newer, row(), recipe=today, scope=NARROW, force=False) == Download("B")  # the photo changed
    assert decide(photo, row(), recipe="1|240", scope=NARROW, force=False) == Download("A")  # the settings changed
    assert decide(photo, row(), recipe=today, scope=NARROW, force=True) == Download("A")  # somebody insists
    broken_off = StatusRow(USER, UserState.COPYING)
    assert decide(photo, broken_off, recipe=today, scope=NARROW, force=False) == Download("A")
    refused = row(refused_etag="B")
    assert decide(newer, refused, recipe=today, scope=NARROW, force=False) == RefusedBefore()
    assert decide(photo, refused, recipe=today, scope=NARROW, force=False) == InStep()  # the old photo is back
    nameless = Source(person(), SourcePhoto(""))
    assert decide(nameless, row(source_etag=""), recipe=today, scope=NARROW, force=False) == Download("")
    assert decide(Source(person(), None), row(), recipe=today, scope=NARROW, force=True) == NothingToCopy()
    assert decide(Source(None, None), row(), recipe=today, scope=NARROW, force=True) == UserIsGone()
    guest, disabled = Source(person(guest=True), photo.photo), Source(person(enabled=False), photo.photo)
    assert decide(guest, None, recipe=today, scope=NARROW, force=True) == LeaveAlone("a guest")
    assert decide(disabled, None, recipe=today, scope=NARROW, force=True) == LeaveAlone("a disabled account")
    staff = Scope(group="staff", excluded_group="leavers")
    for member_of, plan in (
        (frozenset({"staff"}), Download("A")),
        (frozenset[str](), LeaveAlone("not in the group that the settings name")),
        (frozenset({"staff", "leavers"}), LeaveAlone("in the group that the settings exclude")),
    ):
        seen = Source(person(), SourcePhoto("A"), member_of)
        assert decide(seen, None, recipe=today, scope=staff, force=False) == plan


@given(sources, rows, recipes, scopes, st.booleans())
def test_rules_over_all_histories(
    source: Source, agreed: StatusRow | None, recipe: str, scope: Scope, force: bool
) -> None:
    """Nobody out of scope is downloaded; in step is only what was agreed in full; force never ends as in step."""
    plan = decide(source, agreed, recipe=recipe, scope=scope, force=force)
    user = source.user
    if isinstance(plan, Download):
        assert user is not None
        assert source.photo is not None
        assert plan.media_etag == source.photo.media_etag
        assert scope.why_not(user, source.member_of) is None
    if isinstance(plan, InStep):
        assert not force
        assert source.photo is not None
        assert agreed is not None
        assert (agreed.source_etag, agreed.recipe) == (source.photo.media_etag, recipe)
    if source.photo is not None and user is not None and force:
        assert isinstance(plan, Download | LeaveAlone)


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
