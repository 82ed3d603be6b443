"""`python -m local_run.screenshots` (`make screenshots`): pictures of the page for the documentation, into `docs/`.

The local stack plays the demo's tenant: first in order, then in trouble. What the pictures show is what the app says.
"""

import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from local_run import portraits
from local_run.browser import NoBrowser, browser
from local_run.people import Person, people
from local_run.processes import DidNotStart
from local_run.stack import ROOT, Stack

DIRECTORY = ROOT / ".local" / "screenshots"
DOCS = ROOT / "docs"
WIDE = (1280, 900)
PHONE = (390, 844)
LARGEST = 200 * 1024
_GUEST, _WITHOUT_PHOTO, _BROKEN, _SHOWN = "lwazi.dlamini", "francois.lefevre", "thomas.baker", "chidi.okafor"
_REFUSED = 5
"""So many people change their photo while SharePoint refuses the app."""


def main() -> int:
    """0 when all pictures are made."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    (DIRECTORY / "app.log").unlink(missing_ok=True)
    try:
        with Stack.start(DIRECTORY) as stack, browser() as chromium:
            studio = Studio(stack, chromium)
            studio.in_order()
            studio.in_trouble()
    except (NoBrowser, DidNotStart) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


class Studio:
    """The stack, the browser and the people."""

    def __init__(self, stack: Stack, chromium: Browser) -> None:
        self._stack = stack
        self._chromium = chromium
        self._ids: dict[str, str] = {}

    def in_order(self) -> None:
        """Everybody is in step, but for who has no photo and who is a guest."""
        control = self._stack.tenant.control
        for person in people():
            kind = "Guest" if person.local_part == _GUEST else "Member"
            self._ids[person.local_part] = control.add_user(
                f"{person.local_part}@contoso.com", displayName=person.display_name, userType=kind
            )
        self._stack.host.run_function("keep_subscription")
        self._wait(lambda: bool(control.notifications()["subscriptions"]), "the subscription")
        for person in people():
            if person.local_part != _WITHOUT_PHOTO:
                control.put_photo(self._ids[person.local_part], portraits.draw(person))
        # On a busy machine a notification is late, and Graph drops it: the sweep finds whom it was about.
        self._stack.host.run_function("begin_sweep")
        self._wait_for_states(in_step=len(self._ids) - 2, no_photo=1, out_of_scope=1)
        control.fault("sharepoint.file.add", "429:Retry-After=7", user=None, match=self._ids[_SHOWN])
        self._change(_person(_SHOWN))
        self._wait_for_states(deferred=1)
        self._wait_for_states(in_step=len(self._ids) - 2)
        self._job(["maria.petrova", "ken.nakamura", "georg.weiss"])
        for name, size, scheme in (("healthy", WIDE, "light"), ("dark", WIDE, "dark"), ("phone", PHONE, "light")):
            page = self._page(size, scheme)
            page.get_by_role("heading", name="All is well").wait_for()
            _keep(page, name)
        page = self._page((1280, 780), "light", f"#/user/{self._ids[_SHOWN]}")
        page.get_by_role("button", name="Show the photo").click()
        page.locator("#source img").wait_for()
        page.locator("#target img").wait_for()
        _keep(page, "user")

    def in_trouble(self) -> None:
        """Somebody has taken a permission away, and one photo is none."""
        control = self._stack.tenant.control
        control.put_photo(self._ids[_BROKEN], b"\xff\xd8 a file that is called a photo")
        self._wait_for_states(failed=1)
        control.fault("sharepoint.file.add", *["403"] * 3 * _REFUSED)
        for person in people()[:_REFUSED]:
            self._change(person, variant=1 if person.local_part != _SHOWN else 0)
        self._wait_for_states(failed=1 + _REFUSED)
        page = self._page((1280, 820), "light")
        page.get_by_role("heading", name="could not be copied").wait_for()
        page.get_by_label("Sort by").select_option("state")
        page.locator("tbody tr").first.get_by_text("Failed").wait_for()
        _keep(page, "trouble")

    def _change(self, person: Person, variant: int = 1) -> None:
        self._stack.tenant.control.put_photo(self._ids[person.local_part], portraits.draw(person, variant=variant))

    def _job(self, local_parts: list[str]) -> None:
        users = [self._ids[part] for part in local_parts]
        answer = self._stack.host.call("POST", "/api/sync", json={"users": users, "force": True})
        place = answer.headers["Location"]
        self._wait(lambda: bool(self._stack.host.call("GET", place).json()["state"] == "done"), "the job's end")

    def _page(self, size: tuple[int, int], scheme: str, place: str = "") -> Page:
        """The page in a new tab, with the key given."""
        dark = scheme == "dark"
        page = self._chromium.new_page(
            viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
        )
        page.goto(f"{self._stack.host.url}/api/dashboard{place}")
        page.get_by_label("Function key").fill(self._stack.host.function_key)
        page.get_by_role("button", name="Open").click()
        page.locator("#view .card").first.wait_for()
        return page

    def _wait_for_states(self, **wanted: int) -> None:
        def reached() -> bool:
            told = self._stack.host.call("GET", "/api/overview").json()["users"]
            return all(told[state] == count for state, count in wanted.items())

        self._wait(reached, f"{wanted}")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 60
        while not condition():
            if time.monotonic() > end:
                raise DidNotStart(f"This did not come true within a minute: {what}. The logs are in {DIRECTORY}.")
            time.sleep(0.1)


def _person(local_part: str) -> Person:
    return next(person for person in people() if person.local_part == local_part)


def _keep(page: Page, name: str) -> None:
    """The picture in `docs/`."""
    page.mouse.move(0, 0)
    shot = Image.open(BytesIO(page.screenshot()))
    file = DOCS / f"page-{name}.png"
    shot.convert("RGB").save(file, optimize=True)
    size = file.stat().st_size
    print(f"{_shown(file)}: {size // 1024} KB")
    if size > LARGEST:
        raise DidNotStart(f"{_shown(file)} is larger than {LARGEST // 1024} KB.")
    page.close()


def _shown(file: Path) -> str:
    return str(file.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())
