"""Lists, searches, counts and files of users: over real tables, page by page, without an endless read."""

import csv
import io
import itertools
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rows import to_entity
from shared.services import Services
from shared.status import StatusRow
from shared.storage import creating
from shared.words import UserState
from status_page.export_csv import export_csv, harmless
from status_page.facts import Facts
from status_page.find_users import Asked, Sort, find_users, folded, in_order, matches
from status_page.health_line import health_line
from status_page.list_status import find_one, list_status
from status_page.tally import Tallies, Tally, add_up, together
from status_page.view_home import PAGE, list_users
from tests.waiting import eventually

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


def user(number: int, state: UserState = UserState.IN_STEP, **fields: Any) -> StatusRow:
    """A user whose object id sorts by its number's last digit first, so that partitions are many."""
    user_id = f"{number % 16:x}{number:07x}-0000-4000-8000-000000000000"
    return StatusRow(user_id, state, **{"upn": f"p{number}@contoso.com", "display_name": f"Person {number}", **fields})


def store(services: Services, rows: list[StatusRow]) -> list[StatusRow]:
    """Write the rows, in transactions; gives them in the order of their ids."""
    table = services.storage.table("PhotoStatus")
    rows = sorted(rows, key=lambda row: row.user_id)
    first = rows[0]
    creating(table, lambda: table.create_entity(to_entity(first, first.user_id[:2], first.user_id)))
    for partition, some in itertools.groupby(rows[1:], lambda row: row.user_id[:2]):
        for batch in itertools.batched(some, 100, strict=False):
            table.submit_transaction([("create", to_entity(row, partition, row.user_id)) for row in batch])
    return rows


def told(answer: Any) -> Any:
    """The JSON of an answer."""
    return json.loads(answer.get_body())


def test_a_large_tenant_is_listed_searched_and_counted_in_pieces(services: Services) -> None:
    """With more than a thousand users every page is whole, none is left out or twice, and the counts are right."""
    rows = store(
        services,
        [
            user(n, UserState.FAILED if n % 400 == 7 else UserState.IN_STEP, copied_at=NOW - timedelta(minutes=n))
            if n != 900
            else user(n, display_name="Zoë Ångström")
            for n in range(1300)
        ],
    )
    ids = [row.user_id for row in rows]

    tally = Tallies(services.status, services.control, services.clock).refresh()
    assert tally.states == Counter({"in_step": 1296, "failed": 4})
    assert tally.last_copied_at == NOW
    assert tally.failures == Counter({"UnexpectedError": 4})

    listed, place = [], None
    while True:
        page = list_users(services, None, "", Sort.NAME, place, expected=tally.users)
        assert not page.sortable
        listed += [row.user_id for row in page.rows]
        place = page.next_place
        if place is None:
            break
        assert len(page.rows) == PAGE
    assert listed == ids

    answer = told(list_status(services, None, None, size="1000"))
    following = told(list_status(services, None, answer["after"], size="1000"))
    assert [row["userId"] for row in answer["users"] + following["users"]] == ids
    assert following["after"] is None

    found = told(list_status(services, None, None, "zoe angstrom"))
    assert [row["upn"] for row in found["users"]] == ["p900@contoso.com"]
    assert found["after"] is None
    assert found["users"][0]["displayName"] == "Zoë Ångström"

    failed = list_users(services, UserState.FAILED, "", Sort.NAME, None, expected=4)
    assert (failed.total, failed.next_place, failed.sortable) == (4, None, True)

    whole = export_csv(services, None, None, None)
    assert len(list(csv.reader(io.StringIO(whole.get_body().decode("utf-8-sig"))))) == 1301

    # A search whose time is up says where it stopped, and goes on from there to the very end.
    part = find_users(services.status, Asked(text="contoso", size=5000), seconds=0.0)
    assert part.stopped
    rest = find_users(services.status, Asked(text="contoso", size=5000, after=part.after), seconds=60.0)
    assert [row.user_id for row in part.rows + rest.rows] == ids
    assert rest.after is None


def test_a_small_tenant_is_sorted(services: Services) -> None:
    """What fits one answer of Table storage is sorted as asked and paged by number."""
    store(
        services,
        [
            user(1, display_name="Ömer", copied_at=NOW),
            user(2, UserState.FAILED, display_name="anna"),
            user(3, display_name="Zoë", copied_at=NOW - timedelta(days=1)),
            user(4, UserState.DEFERRED, display_name="Bo", next_attempt_at=NOW),
        ],
    )

    def names(sort: Sort, text: str = "") -> list[str | None]:
        return [row.display_name for row in list_users(services, None, text, sort, None, expected=4).rows]

    assert names(Sort.NAME) == ["anna", "Bo", "Ömer", "Zoë"]
    assert names(Sort.STATE) == ["anna", "Bo", "Ömer", "Zoë"]
    assert names(Sort.COPIED) == ["Ömer", "Zoë", "anna", "Bo"]
    assert names(Sort.NEXT)[0] == "Bo"
    assert names(Sort.NAME, "OMER") == ["Ömer"]
    assert names(Sort.NAME, "p3@") == ["Zoë"]
    assert list_users(services, None, "", Sort.NAME, "50", expected=4).rows == []


def test_an_empty_tenant_has_empty_answers(services: Services) -> None:
    """Before anybody was looked at, lists, counts and files are empty, and nothing fails."""
    assert told(list_status(services, None, None)) == {"users": [], "after": None}
    assert Tallies(services.status, services.control, services.clock).get().users == 0
    assert list_users(services, None, "", Sort.NAME, None, expected=0).rows == []
    assert export_csv(services, None, None, None).get_body().count(b"\n") == 1


def test_counting_is_shared_and_seldom(services: Services) -> None:
    """What one instance has counted serves another; while somebody counts, others show the old number."""
    store(services, [user(n) for n in range(3)])
    first = Tallies(services.status, services.control, services.clock)
    assert first.get().users == 3
    services.status.insert(user(99))
    assert Tallies(services.status, services.control, services.clock).get().users == 3, "good for two seconds"
    old = Tally(Counter({"in_step": 3}), Counter(), None, NOW)
    services.control.put("tally", old.as_row() | {"countingSince": services.clock.now()})
    assert Tallies(services.status, services.control, services.clock).get() == old
    services.control.put("tally", old.as_row() | {"countingSince": services.clock.now() - timedelta(minutes=3)})
    assert Tallies(services.status, services.control, services.clock).get().users == 4, "who counted has died"
    slow = Tally(old.states, Counter(), None, services.clock.now() - timedelta(seconds=30), seconds=4.0)
    services.control.put("tally", slow.as_row())
    assert Tallies(services.status, services.control, services.clock).get() == slow, "a slow count is good for longer"


def test_nobody_waits_for_a_long_count(
    services: Services, requests_to_storage: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With too many users for one answer, a first view costs a handful of requests, however many more the count costs.

    While the very first count goes on, views of every process say so, and how far it has come; a later one shows the
    tally before. The timer counts even when nobody looks.
    """
    store(services, [user(n) for n in range(1200)])
    may_go_on = threading.Event()
    properties = services.status.properties

    def slowly(names: Any, first: str, end: str) -> Iterator[Any]:
        if (first, end) != ("0", "g"):
            assert first < "8" or may_go_on.wait(30)
        yield from properties(names, first, end)

    monkeypatch.setattr(services.status, "properties", slowly)
    requests_to_storage.clear()
    tallies = Tallies(services.status, services.control, services.clock)
    assert tallies.get().counting
    asked = [request for request in requests_to_storage if "PhotoStatus" in request and "g%27" in request]
    assert len(asked) == 2, "what fits one answer, and that there is more"
    eventually(lambda: tallies.get().users == 600)
    elsewhere = Tallies(services.status, services.control, services.clock)
    assert (elsewhere.get().users, elsewhere.get().counting) == (600, True)
    line = health_line(Facts(tally=elsewhere.get()), NOW)
    assert "600 people so far" in next(f.line for f in (line.first, *line.others) if f.kind == "counting")
    may_go_on.set()
    eventually(lambda: not tallies.get().counting)
    assert Tallies(services.status, services.control, services.clock).get().users == 1200

    services.control.remove("tally")
    services.control.put("sweep", {"users": 1200})
    requests_to_storage.clear()
    assert Tallies(services.status, services.control, services.clock).get().counting
    assert not [request for request in requests_to_storage if "PhotoStatus" in request], "the sweep knows how many"
    eventually(lambda: Tally.from_row(services.control.get("tally")).users == 1200)
    eventually(lambda: not Tally.from_row(services.control.get("tally")).counting)

    may_go_on.clear()
    old = Tally(Counter({"in_step": 1100}), Counter(), None, NOW - timedelta(days=1), seconds=4.0)
    services.control.put("tally", old.as_row())
    later = Tallies(services.status, services.control, services.clock)
    assert later.get() == old
    may_go_on.set()
    eventually(lambda: later.get().users == 1200)
    services.control.put("tally", old.as_row())
    assert Tallies(services.status, services.control, services.clock).refresh().users == 1200


@pytest.mark.parametrize("after", ["~", "~!!", "~bm8", "x", "~W10"])
def test_a_wrong_place_is_refused(services: Services, after: str) -> None:
    """A place that no answer gave is a mistake of the caller, said as one."""
    for answer in (list_status(services, None, after), export_csv(services, None, None, after)):
        assert answer.status_code == 400
        assert "after" in told(answer)["title"]


@pytest.mark.parametrize("size", ["0", "1001", "-1", "many", "99999999999"])
def test_a_wrong_size_is_refused(services: Services, size: str) -> None:
    """A page has 1 to 1000 users."""
    assert list_status(services, None, None, None, size).status_code == 400


def test_a_file_is_safe_for_spreadsheets(services: Services) -> None:
    """A name that reads like a formula is text; quotes, commas and line breaks survive; scripts are kept."""
    names = ['=HYPERLINK("http://evil","x")', "+1", "-1", "@SUM(A1)", 'a "b", c\nd', "中村 健"]
    store(services, [user(n, display_name=name) for n, name in enumerate(names)])
    answer = export_csv(services, None, None, None)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="photo-sync-status.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.get_body().decode("utf-8-sig"), newline="")))
    assert [row["name"].lstrip("'") for row in rows] == names
    assert all(row["name"].startswith("'") for row in rows[:4])
    assert rows[0]["state"] == "in_step"


def test_parts_of_a_file_make_one(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header Link leads from part to part; joined they are the whole file with one heading."""
    store(services, [user(n) for n in range(7)])
    monkeypatch.setattr("status_page.export_csv.ROWS_A_PART", 3)
    whole, after, parts = "", None, 0
    while True:
        answer = export_csv(services, "in_step", None, after)
        whole += answer.get_body().decode("utf-8-sig")
        parts += 1
        link = re.search(r"after=([^&>]+)", answer.headers.get("Link", ""))
        if link is None:
            break
        assert "state=in_step" in answer.headers["Link"]
        after = link[1]
    assert parts == 3
    assert [row["user principal name"] for row in csv.DictReader(io.StringIO(whole))] == [
        f"p{n}@contoso.com" for n in range(7)
    ]


def test_a_user_is_found_by_name_when_graph_is_away(services: Services) -> None:
    """{user} may be the UPN, in any case; when Graph cannot say whose it is, the table can."""
    store(services, [user(1), user(11)])
    seen = find_one(services, "P1@Contoso.com")
    assert seen is not None
    assert seen.row.upn == "p1@contoso.com"
    assert find_one(services, "p@contoso.com") is None


@given(st.text())
def test_no_cell_begins_a_formula(value: str) -> None:
    """Whatever the value, the cell is not taken for a formula, and nothing is lost."""
    cell = harmless(value)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.removeprefix("'") == value.removeprefix("'")


@given(st.text(min_size=1))
def test_everybody_finds_what_they_typed(name: str) -> None:
    """The name itself, in upper case or with its outer space, finds its owner."""
    row = user(1, display_name=f"x{name}y")
    assert matches(row, folded(name))
    assert folded(folded(name)) == folded(name)


@given(st.lists(st.sampled_from(list(UserState))), st.integers(1, 5))
def test_parts_add_up_to_the_whole(states: list[UserState], parts: int) -> None:
    """However the table is divided, the sum is the same."""
    rows = [{"state": str(state), "errorCode": "PhotoRefused"} for state in states]
    whole = add_up(rows)
    assert together(add_up(rows[n::parts]) for n in range(parts)) == whole
    assert whole.users == len(states)
    assert whole.failures.total() == states.count(UserState.FAILED)


@given(st.lists(st.sampled_from(list(UserState))), st.sampled_from(list(Sort)))
def test_sorting_loses_nobody(states: list[UserState], sort: Sort) -> None:
    """Every order has the same people."""
    rows = [user(n, state) for n, state in enumerate(states)]
    assert {row.user_id for row in in_order(rows, sort)} == {row.user_id for row in rows}
