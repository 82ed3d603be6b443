"""`python -m local_run.demo` (`make demo`): the product at work, told as a story that checks itself.

Everything is real but the tenant: Azure Storage is Azurite, the app runs on Microsoft's own Python worker, HTTP is
HTTP. The tenant is simulated, and strict. What SharePoint shows is asked of the tenant, not of the app.
"""

import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from local_run import portraits
from local_run.alike import look_alike
from local_run.contact_sheet import SheetRow, draw_contact_sheet
from local_run.people import Person, people
from local_run.processes import DidNotStart
from local_run.stack import ROOT, Stack
from local_run.storyteller import NotAsTold, Storyteller, table

DIRECTORY = ROOT / ".local" / "demo"
PICTURE = ROOT / ".local" / "contact-sheet.png"
WITHOUT_PHOTO = "francois.lefevre"
BROKEN = "thomas.baker"
THROTTLED = "chidi.okafor"
CHANGED = "maria.petrova"
GUEST = "lwazi.dlamini"
UNTOLD = "misaki.sato"
RETRY_AFTER = 8
"""Seconds that SharePoint will ask for: too long to wait in place, so the photo event goes back on the queue."""


@dataclass
class Member:
    """One person of the tenant, as the story knows them."""

    person: Person
    user_id: str
    photo: bytes | None

    @property
    def name(self) -> str:
        """As people say it."""
        return self.person.display_name


def main() -> int:
    """0 when everything was as told; 1 when something was not, which is then said."""
    story = Storyteller()
    print("Profile Photo Sync for SharePoint Online, at work on this machine.")
    try:
        Demo(story).tell()
    except (NotAsTold, DidNotStart) as wrong:
        print(f"\n   ✗ This is not as told: {wrong}\n   The logs are in {DIRECTORY}", file=sys.stderr)
        return 1
    return 0


class Demo:
    """The story, chapter by chapter."""

    def __init__(self, story: Storyteller) -> None:
        self._story = story
        self._members: dict[str, Member] = {}
        self._copies = 0
        self._seconds: list[float] = []
        self._stack: Stack

    def tell(self) -> None:
        """All of it; raises `NotAsTold`."""
        self._story.chapter("Starting Azurite, the simulated Microsoft 365 tenant and the app")
        DIRECTORY.mkdir(parents=True, exist_ok=True)
        (DIRECTORY / "app.log").unlink(missing_ok=True)
        started = time.monotonic()
        # The sweep's own timer would begin one in the middle of a chapter that counts requests.
        with Stack.start(DIRECTORY, environment={"AzureWebJobs.begin_sweep.Disabled": "true"}) as stack:
            self._stack = stack
            self._story.say(f"ready after {time.monotonic() - started:.1f} s: {len(stack.host.functions)} functions")
            self._tenant_of_two_dozen()
            self._subscription()
            self._first_copies()
            self._one_changes_the_photo()
            self._a_change_that_is_no_photo()
            self._one_is_throttled()
            self._one_is_not_told_of()
            self._the_rest()
            self._end()

    def _tenant_of_two_dozen(self) -> None:
        self._story.chapter("A tenant of two dozen people")
        control = self._stack.tenant.control
        for person in people():
            kind = "Guest" if person.local_part == GUEST else "Member"
            user_id = control.add_user(
                f"{person.local_part}@contoso.com", displayName=person.display_name, userType=kind
            )
            self._members[person.local_part] = Member(person, user_id, None)
        scripts = {member.person.script for member in self._members.values()}
        self._story.say(f"{len(self._members)} people, names in {len(scripts)} scripts; nobody has a photo yet")

    def _subscription(self) -> None:
        self._story.chapter("The app subscribes to changes; Graph tests the address first")
        self._stack.host.run_function("keep_subscription")
        control = self._stack.tenant.control
        [subscription] = self._story.wait(
            "subscription", lambda: _one(control.notifications()["subscriptions"]), within=15
        )
        created = [request["status"] for request in control.requests(operation="graph.subscriptions.create")]
        self._story.check(created == [201], "Graph sent its validation token to both URLs, and the app gave it back")
        self._story.say(f"valid until {subscription['expires'][:10]}")

    def _first_copies(self) -> None:
        self._story.chapter("Everybody gets a photo; notifications lead to the first copies")
        control = self._stack.tenant.control
        control.clear_records()
        for member in self._members.values():
            if member.person.local_part == WITHOUT_PHOTO:
                # Something changes, but there is no photo: the notification cannot know.
                control.change_user(member.user_id, displayName=member.name)
                continue
            broken = member.person.local_part == BROKEN
            member.photo = b"\xff\xd8 a file that is called a photo" if broken else portraits.draw(member.person)
            control.put_photo(member.user_id, member.photo)
        self._story.wait("people looked at", lambda: (len(self._settled()), len(self._members), None), within=60)
        in_step = [member for member in self._members.values() if self._state(member) == "in_step"]
        self._copies += len(in_step)
        self._story.check(len(in_step) == len(self._members) - 3, f"{len(in_step)} photos are in SharePoint")
        self._story.check(all(self._shown(member) for member in in_step), "each target shows its source's face")

    def _one_changes_the_photo(self) -> None:
        member = self._members[CHANGED]
        self._story.chapter(f"{member.name} changes the photo, and SharePoint follows")
        control = self._stack.tenant.control
        control.clear_records()
        before = control.target(member.user_id)["pictureUrl"]
        started = time.monotonic()
        member.photo = portraits.draw(member.person, variant=1)
        control.put_photo(member.user_id, member.photo)
        self._story.wait("new picture in SharePoint", lambda: (int(self._shown(member)), 1, None), within=20)
        self._seconds.append(time.monotonic() - started)
        self._story.wait("in step", lambda: (int(self._state(member) == "in_step"), 1, None), within=20)
        self._copies += 1
        self._story.check(
            control.target(member.user_id)["pictureUrl"] != before, "its URL has a new ?t=, so browsers fetch it anew"
        )
        asked = Counter(request["service"] for request in control.requests(inner=False))
        self._story.check(
            asked["graph"] == 2 and asked["sharepoint"] == 4,
            "two requests to Graph and four to SharePoint, one of them for all the profile's properties",
        )

    def _a_change_that_is_no_photo(self) -> None:
        member = self._members["georg.weiss"]
        self._story.chapter(f"{member.name} moves to another office: a notification, but no new photo")
        control = self._stack.tenant.control
        control.clear_records()
        before = self._told(member)["checkedAt"]
        control.change_user(member.user_id, displayName=member.name)
        self._story.wait("checked", lambda: (int(self._told(member)["checkedAt"] != before), 1, None), within=20)
        asked = [request["operation"] for request in control.requests(inner=False)]
        self._story.check(asked == ["graph.batch"], "one request to Graph, nothing else")

    def _one_is_throttled(self) -> None:
        member = self._members[THROTTLED]
        self._story.chapter(f"{member.name} changes the photo while SharePoint asks everybody to slow down")
        control = self._stack.tenant.control
        control.fault("sharepoint.file.add", f"429:Retry-After={RETRY_AFTER}")
        member.photo = portraits.draw(member.person, variant=1)
        control.put_photo(member.user_id, member.photo)
        self._story.wait("deferred", lambda: (int(self._state(member) == "deferred"), 1, None), within=20)
        told = self._told(member)
        self._story.say(f"{told['errorMeans']} {told['remedy']}")
        self._story.wait("copied in the end", lambda: (int(self._state(member) == "in_step"), 1, None), within=40)
        self._copies += 1
        self._story.check(self._shown(member), "SharePoint shows the new face")
        self._story.check(not control.violations("early-retry"), "nobody called SharePoint before the time was over")

    def _one_is_not_told_of(self) -> None:
        member = self._members[UNTOLD]
        self._story.chapter(f"{member.name} changes the photo, and the notification is lost; the sweep finds it")
        control = self._stack.tenant.control
        control.notifications("off")
        member.photo = portraits.draw(member.person, variant=1)
        control.put_photo(member.user_id, member.photo)
        control.notifications("on")
        control.clear_records()
        started = self._stack.host.call("POST", "/api/sweep", json={})
        self._story.check(started.status_code == 202, "a sweep has begun (by itself it does so every 15 minutes)")
        self._story.wait("new picture in SharePoint", lambda: (int(self._shown(member)), 1, None), within=40)
        self._copies += 1
        asked = Counter(request["operation"] for request in control.requests(inner=False))
        self._story.check(
            asked["graph.users.list"] == 1 and asked["sharepoint.file.add"] == 3,
            f"{len(self._members)} people checked, one photo copied",
        )

    def _the_rest(self) -> None:
        self._story.chapter("Three for whom there is nothing to copy")
        for local_part, state in ((WITHOUT_PHOTO, "no_photo"), (GUEST, "out_of_scope"), (BROKEN, "failed")):
            told = self._told(self._members[local_part])
            self._story.check(told["state"] == state, f"{told['displayName']}: {state}. {told['means']}")
        told = self._told(self._members[BROKEN])
        self._story.say(f"{told['errorCode']}: {told['errorMeans']} {told['remedy']}")

    def _end(self) -> None:
        self._story.chapter("Where everybody stands")
        control = self._stack.tenant.control
        status = [self._told(member) for member in self._members.values()]
        rows = [
            {
                "user": told["upn"],
                "state": told["state"],
                "looks": str(len(told["history"])),
                "requests": str(sum(row["graphRequests"] + row["sharepointRequests"] for row in told["history"])),
                "error": told.get("errorCode", ""),
            }
            for told in status
        ]
        print(table(rows))
        counts = Counter(told["state"] for told in status)
        self._story.say("")
        self._story.say(", ".join(f"{count} {state}" for state, count in counts.most_common()))
        copies = [row for told in status for row in told["history"] if row["outcome"] == "copied"]
        requests = [row["graphRequests"] + row["sharepointRequests"] for row in copies]
        self._story.check(len(copies) == self._copies, f"{len(copies)} copies, as many as photos and changes")
        self._story.say(
            f"requests per copied photo: {min(requests)} to {max(requests)} "
            "(the first of each person also reads what was there before; the very first finds the picture folder); "
            f"seconds from change to copy: {self._seconds[0]:.1f}"
        )
        self._story.check(not control.violations(), "the tenant saw nothing that Microsoft would complain of")
        PICTURE.write_bytes(draw_contact_sheet([self._row(member) for member in self._members.values()]))
        self._story.say(f"the sources beside the targets: {PICTURE}")

    def _settled(self) -> list[Member]:
        """Who has been looked at."""
        states = self._states()
        return [
            member
            for member in self._members.values()
            if states.get(member.user_id) in {"in_step", "no_photo", "out_of_scope", "failed"}
        ]

    def _states(self) -> dict[str, str]:
        answer = self._stack.host.call("GET", "/api/status").json()
        return {user["userId"]: user["state"] for user in answer["users"]}

    def _state(self, member: Member) -> str | None:
        return self._states().get(member.user_id)

    def _told(self, member: Member) -> dict[str, Any]:
        return dict(self._stack.host.call("GET", f"/api/status/{member.user_id}").json())

    def _shown(self, member: Member) -> bool:
        """Whether all three pictures in SharePoint look like the person's photo, and are shown."""
        control = self._stack.tenant.control
        target = control.target(member.user_id)
        if target["pictureUrl"] is None or member.photo is None:
            return False
        files = [control.target_file(member.user_id, size) for size in "SML"]
        return all(file is not None and look_alike(member.photo, file) for file in files)

    def _row(self, member: Member) -> SheetRow:
        control = self._stack.tenant.control
        small, medium, large = (control.target_file(member.user_id, size) for size in "SML")
        state = self._state(member) or ""
        return SheetRow(
            member.name, f"{member.person.local_part}@contoso.com", state, member.photo, small, medium, large
        )


def _one(found: list[Any]) -> tuple[int, int, list[Any]]:
    return len(found), 1, found


if __name__ == "__main__":
    sys.exit(main())
