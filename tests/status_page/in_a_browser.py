"""The whole app as processes, and a browser that looks at its page: what the tests of the page begin with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from local_run.browser import browser
from local_run.stack import ROOT, Stack
from tests import pictures
from tests.waiting import eventually

AXE = ROOT / "local_run" / "azurite" / "node_modules" / "axe-core" / "axe.min.js"
PEOPLE = 6
expect.set_options(timeout=15_000)
type Opened = Callable[..., Page]


@dataclass
class Tenant:
    """The running app with a few people in step."""

    stack: Stack
    ids: list[str]

    def states(self) -> dict[str, int]:
        """How many people are in each state."""
        return dict(self.stack.host.call("GET", "/api/overview").json()["users"])

    def add(self, name: str, photo: bytes | None = None) -> str:
        """A person whom the app learns of by the notification of a photo."""
        control = self.stack.tenant.control
        upn = f"{name.lower().replace(' ', '.')}@contoso.com"
        user = control.add_user(upn, displayName=name)
        if photo is not None:
            control.put_photo(user, photo)
        return user


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """One app for all tests of this module: a subscription, six people in step, a sweep done."""
    brisk = {"PHOTOSYNC_BULK_COPIES_PER_MINUTE": "5000"}
    with Stack.start(tmp_path_factory.mktemp("page"), environment=brisk) as stack:
        made = Tenant(stack, [])
        made.ids = [made.add(f"Person {n}", pictures.jpeg(320, 320, seed=n)) for n in range(PEOPLE)]
        stack.host.run_function("keep_subscription")
        eventually(lambda: stack.tenant.control.notifications()["subscriptions"], what="the subscription")
        stack.host.run_function("begin_sweep")
        eventually(lambda: made.states()["in_step"] == PEOPLE, within=40, what="everybody in step")
        yield made
        assert "Traceback" not in stack.host.log()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of this module."""
    with browser() as running:
        yield running


@pytest.fixture
def opened(tenant: Tenant, chromium: Browser) -> Iterator[Opened]:
    """Opens the page in a context of its own; whatever its script throws, or the policy blocks, fails the test."""
    contexts, complaints = [], list[str]()

    def open_page(place: str = "", *, key: str | None = "", clock: bool = False, **options: Any) -> Page:
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        if clock:
            page.clock.install()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        page.goto(f"{tenant.stack.host.url}/api/dashboard{place}")
        if key is not None:
            page.get_by_label("Function key").fill(key or tenant.stack.host.function_key)
            page.get_by_role("button", name="Open").click()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def counter(page: Page, state: str) -> Any:
    """The number in a state's counter."""
    return page.locator(f"#count-{state} strong")


def serious(page: Page) -> list[str]:
    """What axe-core finds serious or worse: rule and place."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{rule['id']}: {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
        for rule in found
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]
