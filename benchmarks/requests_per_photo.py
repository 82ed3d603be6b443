"""How many requests a photo costs, as the tenant counts them; beside the flow of published scripts, in the same run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from benchmarks.frame import Claim, Measurement, Told, table
from benchmarks.ground import ground
from benchmarks.published_flow import Person, PublishedFlow
from shared.words import Outcome
from tests import pictures
from tests.bench import GRAPH_ROLES, SHAREPOINT_ROLES
from tests.draining import Drained

PEOPLE_MANAGER = ("sharepoint.process_query", "sharepoint.profile.get", "sharepoint.profile.set")
"""Operations that count against the tenant's budget of PeopleManager calls."""


@dataclass(frozen=True)
class Cost:
    """Requests for one photo, on average; those inside a batch aside."""

    graph: float
    sharepoint: float
    people_manager: float
    """Of those to SharePoint."""

    @property
    def total(self) -> float:
        """All of them."""
        return self.graph + self.sharepoint


@dataclass(frozen=True)
class RequestsPerPhoto:
    """What one photo costs."""

    photos: int
    first_ever: Cost
    """The very first copy of the process: it also finds the picture folder."""
    first_of_person: Cost
    """Somebody's first copy: what SharePoint had before is read and kept, for a restore."""
    copied: Cost
    """Every later one, by the worker, after a notification."""
    unchanged: Cost
    """Looked at by the worker, after a notification."""
    swept: Cost
    """Checked by a sweep that finds nothing, listing included."""
    published: Cost


def measure(photos: int = 60) -> RequestsPerPhoto:
    """Count over so many photos (20 or more)."""
    with ground() as on:
        bench, drained = on.bench, on.drained()
        pool = [pictures.jpeg(240, 240, seed=number) for number in range(4)]
        people = [bench.person(pool[number % 2]) for number in range(photos)]
        bench.worker.handle(_event(people[0]))
        first_ever = _cost(bench.control, bench.client_id, 1)
        first_of_person = _looks(drained, people[1:], Outcome.COPIED)
        for person in people:
            bench.control.put_photo(person, pool[2])
        copied = _looks(drained, people, Outcome.COPIED)
        unchanged = _looks(drained, people, Outcome.UNCHANGED)
        bench.clock.sleep(timedelta(minutes=16).total_seconds())
        bench.control.clear_records()
        drained.sweep()
        swept = _cost(bench.control, bench.client_id, photos)
        script = bench.control.add_app(certificate=on.key.certificate, graph=GRAPH_ROLES, sharepoint=SHAREPOINT_ROLES)
        flow = PublishedFlow(bench.settings.tenant_id, script["clientId"], on.key)
        bench.control.clear_records()
        flow.copy([Person(user, bench.row(user).upn or "") for user in people])
        flow.close()
        published = _cost(bench.control, script["clientId"], photos)
    return RequestsPerPhoto(photos, first_ever, first_of_person, copied, unchanged, swept, published)


def _event(user: str) -> Any:
    from shared.words import PhotoEvent, Reason

    return PhotoEvent(user_id=user, reason=Reason.NOTIFICATION)


def _looks(drained: Drained, people: Sequence[str], expected: Outcome) -> Cost:
    bench = drained.bench
    bench.control.clear_records()
    for person in people:
        outcome = bench.worker.handle(_event(person))
        assert outcome is expected, outcome  # noqa: S101 - anything else would be counted as what it is not
    return _cost(bench.control, bench.client_id, len(people))


def _cost(control: Any, client_id: str, photos: int) -> Cost:
    """What the app's requests come to, those for tokens aside: they are kept for an hour."""
    served = control.requests(app=client_id, inner=False)
    services = Counter(request["service"] for request in served)
    operations = Counter(request["operation"] for request in served)
    manager = sum(operations[name] for name in PEOPLE_MANAGER)
    return Cost(services["graph"] / photos, services["sharepoint"] / photos, manager / photos)


def tell(result: RequestsPerPhoto) -> Told:
    """Counts beside each other."""
    copied, unchanged, swept, published = result.copied, result.unchanged, result.swept, result.published
    claims = [
        Claim(
            "a changed photo costs at most 2 requests to Graph and 4 to SharePoint, 1 of them to PeopleManager",
            f"{copied.graph:g} + {copied.sharepoint:g}, {copied.people_manager:g}",
            copied.graph <= 2 and copied.sharepoint <= 4 and copied.people_manager <= 1,
        ),
        Claim(
            "a person's very first copy costs one request more, to PeopleManager, to keep what was there before",
            f"{result.first_of_person.total - copied.total:g}",
            result.first_of_person.total - copied.total <= 1,
        ),
        Claim(
            "an unchanged photo costs one request",
            f"{unchanged.total:g}",
            unchanged.graph <= 1 and unchanged.sharepoint == 0,
        ),
        Claim(
            "in a sweep an unchanged photo costs one twentieth of a request, listing aside",
            f"{swept.graph - 1 / result.photos:.3g}",
            round(swept.graph * result.photos) <= -(-result.photos // 20) + 1 and swept.sharepoint == 0,
        ),
    ]
    head = ["requests for one photo", "Graph", "SharePoint", "of these PeopleManager", "together"]
    rows = [
        ("changed", copied),
        ("a person's very first copy (reads what was there before)", result.first_of_person),
        ("the app's very first copy (also finds the picture folder)", result.first_ever),
        ("looked at and unchanged", unchanged),
        ("unchanged, in a sweep", swept),
        ("published scripts, changed or not", published),
    ]
    lines = [
        f"Counted by the tenant over {result.photos} photos. Beside it, in the same run, what published scripts do:",
        "one user after another, metadata, bytes, three uploads and one call for each property, whether or not the",
        "photo changed. PeopleManager calls are the scarcest budget in a tenant.",
        "",
        *table(head, [[name, *map(_short, (c.graph, c.sharepoint, c.people_manager, c.total))] for name, c in rows]),
    ]
    return Told(claims, lines)


def _short(value: float) -> str:
    return f"{value:.3g}"


MEASUREMENT = Measurement("requests", "Requests for one photo", RequestsPerPhoto, measure, tell)
