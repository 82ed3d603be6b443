"""What goes in must come out: what was accepted is compared with what SharePoint shows in the end.

Many writers change photos and tell of it, while the app is killed now and then.

After jepsen's `total-queue`: valid only when nothing is lost and nothing unexpected. One element is one version of one
user's photo. It is *attempted* when its notification was sent, *accepted* when one of its POSTs was answered with 202,
*done* when in the end SharePoint shows that version or a newer one.
"""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import requests

from simulated_tenant.client import Control
from tests.reliability.running_app import MOST_AT_WORK, RunningApp, medium_of, photo
from tests.waiting import eventually

PHOTOS = 48
"""Different photos; a user gets no more versions than that, so that a picture tells its version."""
Element = tuple[str, int]
"""User and version, counted from 0."""


@dataclass(frozen=True)
class Load:
    """How much is asked of the app."""

    seed: int
    writers: int
    changes: int
    """Of each writer."""
    users: int
    """Of each writer: only one writer changes a user's photo."""
    kills: int = 0
    drain_seconds: float = 60.0


@dataclass
class Report:
    """What the checker found; `str` says it in one line."""

    load: Load
    attempted: int = 0
    accepted: int = 0
    done: int = 0
    lost: list[Element] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    duplicated: int = 0
    """Copies beyond one for each version that was copied."""
    recovered: int = 0
    """Done, although no POST of theirs was answered with 202."""
    posts: int = 0
    copies: int = 0
    """Times that a large picture was uploaded."""
    versions_copied: int = 0

    def __str__(self) -> str:
        """Seed, size and the seven numbers."""
        load = self.load
        return (
            f"total-queue: seed {load.seed}, {load.writers} writers x {load.changes} changes, {load.kills} kills: "
            f"attempted {self.attempted}, accepted {self.accepted}, done {self.done}, lost {len(self.lost)}, "
            f"unexpected {len(self.unexpected)}, duplicated {self.duplicated}, recovered {self.recovered} "
            f"({self.posts} POSTs, {self.copies} copies of {self.versions_copied} versions)"
        )


@dataclass
class Ledger:
    """What the writers did."""

    attempted: set[Element] = field(default_factory=set)
    accepted: set[Element] = field(default_factory=set)
    posts: int = 0
    changes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def run(app: RunningApp, load: Load) -> Report:
    """Play the load, wait for the queue to empty, check."""
    before = _uploads(app)
    users = app.people(load.writers * load.users)
    ledger, serving = Ledger(), threading.Event()
    serving.set()
    with ThreadPoolExecutor(load.writers + 1) as threads:
        writers = [
            threads.submit(_write, app, load, number, users[number :: load.writers], ledger, serving)
            for number in range(load.writers)
        ]
        killer = threads.submit(_kill, app, load, ledger, serving)
        for thread in (*writers, killer):
            thread.result()
    found: list[Report] = []

    def is_good() -> bool:
        """A message that was fetched ahead is not seen before its look begins: one quiet moment may not be the end."""
        if found and not _is_settled(app, users):
            return False
        found.append(check(app, load, users, ledger, _uploads(app) - before))
        return not found[-1].lost and not found[-1].unexpected

    with suppress(AssertionError):  # what is missing at the deadline is what the checker is for
        eventually(lambda: _is_settled(app, users), within=load.drain_seconds)
        eventually(is_good, within=load.drain_seconds)
    return found[-1] if found else check(app, load, users, ledger, _uploads(app) - before)


def _is_settled(app: RunningApp, users: list[str]) -> bool:
    """Whether nothing can be taken from the queue and nobody is at work."""
    if app.can_be_taken():
        return False
    rows = {row.user_id: row for row in app.status.page(None, None, 100_000)}
    return all(row.lease_owner is None and not row.dirty for user in users if (row := rows.get(user)))


def _write(
    app: RunningApp, load: Load, number: int, users: list[str], ledger: Ledger, serving: threading.Event
) -> None:
    """One writer: change a photo, tell of it one to five times, go on."""
    dice = random.Random(f"{load.seed}/{number}")
    whose = [users[change % len(users)] for change in range(load.changes)]
    dice.shuffle(whose)
    versions: Counter[str] = Counter()
    with Control(app.control.url) as control, requests.Session() as session:
        session.trust_env = False
        for user in whose:
            element = (user, versions[user])
            versions[user] += 1
            control.put_photo(user, photo(photo_of(user, element[1])))
            with ledger.lock:
                ledger.attempted.add(element)
                ledger.changes += 1
            for _ in range(dice.choice((1, 1, 1, 2, 2, 2, 2, 3, 4, 5))):
                if _tell(app, user, session, ledger, serving):
                    with ledger.lock:
                        ledger.accepted.add(element)
                elif dice.random() < 0.3:
                    break  # Graph, too, gives up at some time; the next change, or the sweep, finds the photo


def _tell(app: RunningApp, user: str, session: requests.Session, ledger: Ledger, serving: threading.Event) -> bool:
    """One POST, made again once when it fails and the app is back."""
    for _ in range(2):
        serving.wait(60)
        with ledger.lock:
            ledger.posts += 1
        if app.notify([user], session) == 202:
            return True
    return False


def _kill(app: RunningApp, load: Load, ledger: Ledger, serving: threading.Event) -> None:
    """SIGKILL at random moments of the run, and a restart."""
    dice = random.Random(f"{load.seed}/kills")
    total = load.writers * load.changes
    for moment in sorted(dice.sample(range(total // 10, total * 9 // 10), load.kills)):
        eventually(lambda at=moment: ledger.changes >= at, within=600)  # type: ignore[misc] # bound at once
        serving.clear()
        app.kill()
        app.start()
        serving.set()


def check(app: RunningApp, load: Load, users: list[str], ledger: Ledger, uploads: Counter[str]) -> Report:
    """Compare what was attempted and accepted with what SharePoint and the status table show now."""
    report = Report(load, len(ledger.attempted), len(ledger.accepted), posts=ledger.posts, copies=uploads.total())
    newest = Counter[str]()
    for user, version in ledger.attempted:
        newest[user] = max(newest[user], version)
    with ThreadPoolExecutor(4) as threads:
        shown = dict(zip(users, threads.map(lambda user: _version_shown(app, user, newest[user]), users), strict=True))
        report.versions_copied = sum(threads.map(app.copies_recorded, users))
    for user, version in sorted(ledger.attempted):
        if version <= shown[user]:
            report.done += (user, version) in ledger.accepted
            report.recovered += (user, version) not in ledger.accepted
        elif (user, version) in ledger.accepted:
            report.lost.append((user, version))
    told = {user for user, _ in ledger.attempted}
    report.unexpected += [f"a picture of {user} that nobody asked for" for user in uploads if user not in told]
    report.unexpected += [f"{user} shows what was never their photo" for user in users if shown[user] == _NEVER]
    for user in told:
        row = app.row(user)
        if row is not None and (row.state != "in_step" or row.lease_owner is not None):
            report.unexpected.append(f"{user} is left {row.state}, lease {row.lease_until}, {row.error_code}")
    report.duplicated = report.copies - report.versions_copied
    return report


_NEVER = 1_000_000


def photo_of(user: str, version: int) -> int:
    """Which photo (its seed) a version of a user's is."""
    return (int(user[:6], 16) + version) % PHOTOS


def _version_shown(app: RunningApp, user: str, newest: int) -> int:
    """Which version SharePoint shows: -1 for none, `_NEVER` for something else."""
    picture = app.shows(user)
    if picture is None:
        return -1
    versions = [version for version in range(newest + 1) if medium_of(photo_of(user, version)) == picture]
    return versions[-1] if versions else _NEVER


def _uploads(app: RunningApp) -> Counter[str]:
    """How often a large picture was uploaded for each user."""
    entries = app.control.requests(operation="sharepoint.file.add")
    names = [str(entry["path"]).rpartition("DecodedUrl='")[2] for entry in entries if entry["status"] == 200]
    return Counter(name.partition("_LThumb")[0] for name in names if "_LThumb" in name)


def allowed_duplicates(load: Load) -> int:
    """At a kill, each message at work may have its photo copied once more."""
    return load.kills * MOST_AT_WORK
