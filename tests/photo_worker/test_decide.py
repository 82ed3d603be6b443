"""The decision about one photo: every branch named by the history that leads to it, and the rules over all of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, product

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
from shared.after_failure import (
    BULK_SPREAD,
    LONGEST_DELAY,
    LONGEST_DELAY_WITHOUT_PROFILE,
    GiveUp,
    TryAgain,
    after_failure,
)
from shared.failures import Failure, FailureCode, FailureKind
from shared.graph import GraphUser, Source, SourcePhoto
from shared.scope import Scope
from shared.status import StatusRow
from shared.words import UserState

USER = "78ccf530-bbf0-47e4-aae6-da5f8c6fb142"
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
NARROW = Scope(guests=False, disabled=False)
recipes = st.sampled_from(["1|300", "1|240"])
rows = st.none() | st.builds(
    StatusRow,
    user_id=st.just(USER),
    state=st.sampled_from(UserState),
    source_sha256=st.none() | st.sampled_from(["x", "y"]),
    recipe=st.none() | recipes,
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


def every_source() -> list[Source]:
    """All that one look can find, as far as it matters."""
    users: list[GraphUser | None] = [None]
    users += [person(enabled=enabled, guest=guest) for enabled in (True, False) for guest in (True, False)]
    photos = [None, SourcePhoto(""), SourcePhoto("A"), SourcePhoto("B")]
    memberships = [frozenset(some) for size in range(3) for some in combinations(("staff", "leavers"), size)]
    return [Source(*found) for found in product(users, photos, memberships)]


def every_row() -> list[StatusRow | None]:
    """All that a row can remember, as far as it matters."""
    fields = product((None, "A", "B"), (None, "A"), ("1|300", "1|240"), (None, "https://x/a_MThumb.jpg"), SINCE)
    return [None] + [
        StatusRow(
            USER,
            UserState.IN_STEP,
            source_etag=etag,
            refused_etag=refused,
            recipe=recipe,
            picture_url=url,
            no_photo_since=since,
        )
        for etag, refused, recipe, url, since in fields
    ]


SINCE = (None, NOW, NOW - timedelta(minutes=59), NOW - timedelta(hours=1))
EVERY_SCOPE = [
    Scope(guests=guests, disabled=disabled, group=group, excluded_group=excluded)
    for guests, disabled, group, excluded in product((True, False), (True, False), (None, "staff"), (None, "leavers"))
]


def test_rules_over_all_histories() -> None:
    """Every combination: nobody out of scope is touched, in step is what was agreed, nothing goes at first sight."""
    cases = 0
    rules = [Rules("1|300", scope, clear_removed=clear) for scope in EVERY_SCOPE for clear in (True, False)]
    for source, agreed, rule, force in product(every_source(), every_row(), rules, (True, False)):
        cases += 1
        check_rules(source, agreed, rule, force=force)
    assert cases == 20 * 4 * 97 * 32 * 2


def check_rules(source: Source, agreed: StatusRow | None, rules: Rules, *, force: bool) -> None:
    """What must hold of every decision."""
    planned = decide(source, agreed, rules, NOW, force=force)
    user, photo = source.user, source.photo
    in_scope = user is not None and rules.scope.why_not(user, source.member_of) is None
    match planned:
        case Download(etag):
            assert in_scope
            assert photo is not None
            assert etag == photo.media_etag
        case InStep():
            assert in_scope
            assert not force
            assert photo is not None
            assert agreed is not None
            assert (agreed.source_etag, agreed.recipe) == (photo.media_etag, rules.recipe)
        case RefusedBefore():
            assert not force
            assert photo is not None
            assert agreed is not None
            assert agreed.refused_etag == photo.media_etag
        case ClearTarget(url):
            assert in_scope
            assert rules.clear_removed
            assert photo is None
            assert agreed is not None
            assert url == agreed.picture_url
            assert agreed.no_photo_since == NOW - timedelta(hours=1)
        case NothingToCopy():
            assert in_scope
            assert photo is None
        case UserIsGone():
            assert user is None
        case LeaveAlone():
            assert user is not None
            assert not in_scope


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
    st.booleans(),
)
def test_what_follows_a_failure(
    code: FailureCode, retry_after: float | None, before: int, most: int, jitter: float, bulk: bool
) -> None:
    """Only waiting is retried; asked-for waits are never cut short and cost no attempt; tries end at the setting."""
    follows = after_failure(Failure(code, retry_after=retry_after), before, most, jitter, bulk=bulk)
    if code.kind is not FailureKind.WAIT:
        assert isinstance(follows, GiveUp)
    elif retry_after is not None:
        assert isinstance(follows, TryAgain)
        assert follows.attempts == before
        asked = max(1.0, retry_after)
        spread = BULK_SPREAD.total_seconds() if bulk else asked * 0.1
        assert timedelta(seconds=retry_after) < follows.delay <= timedelta(seconds=asked + spread + 1.001)
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
