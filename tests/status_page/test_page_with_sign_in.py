"""The page behind Entra sign-in, in a real browser: who sees what, who may press what, and under whose name.

App Service authentication is played by the header that it sets: what stands in front of the app is the platform's.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from local_run.app_host import AppHost
from local_run.browser import browser
from local_run.stack import Stack
from tests import pictures
from tests.shared.principals import account
from tests.status_page.in_a_browser import serious
from tests.waiting import eventually

MARIA, ROB = "maria@contoso.com", "rob@contoso.com"
SCRIPT = {"Authorization": "Bearer eyJ"}
expect.set_options(timeout=15_000)
type Visited = Callable[..., Page]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The app with Entra sign-in, one person in step."""
    entra = {"PHOTOSYNC_SIGN_IN": "entra", "WEBSITE_AUTH_ENABLED": "True"}
    with Stack.start(tmp_path_factory.mktemp("sign-in"), environment=entra) as running:
        user = running.tenant.control.add_user("zoe@contoso.com", displayName="Zoe Shown")
        running.tenant.control.put_photo(user, pictures.jpeg(200, 200, seed=3))
        assert call(running, "POST", "/api/sync", "Admin", SCRIPT, json={"users": [user]}).status_code == 202
        eventually(
            lambda: call(running, "GET", f"/api/status/{user}", "Reader").json().get("state") == "in_step", within=20
        )
        yield running
        assert "Traceback" not in running.host.log()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of this module."""
    with browser() as running:
        yield running


@pytest.fixture
def visited(stack: Stack, chromium: Browser) -> Iterator[Visited]:
    """The page as somebody with these roles sees it; what its script throws, or the policy blocks, fails the test."""
    contexts, complaints = [], list[str]()

    def visit(name: str = "", *roles: str, host: AppHost | None = None) -> Page:
        headers = principal(stack, name, *roles) if name else {}
        context = chromium.new_context(extra_http_headers=headers)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        page.goto(f"{(host or stack.host).url}/api/dashboard")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def principal(stack: Stack, name: str, *roles: str) -> dict[str, str]:
    """What the platform says of somebody of the stack's tenant."""
    return account(name, *(f"PhotoSync.{role}" for role in roles), tenant=stack.tenant.tenant_id)


def call(stack: Stack, method: str, path: str, role: str, headers: Any = None, **more: Any) -> Any:
    """A request of somebody with this role; without a role, of a stranger, who has a function key."""
    given = principal(stack, MARIA, role) if role else {}
    return stack.host.call(method, path, key=None if not role else "", headers=given | (headers or {}), **more)


def test_a_stranger_sees_a_page_without_data(stack: Stack, visited: Visited) -> None:
    """Nobody is signed in: the page leads to signing in and asks for no key; a function key opens nothing."""
    page = visited()
    expect(page.get_by_role("link", name="Sign in")).to_be_focused()
    expect(page.get_by_role("link", name="Sign in")).to_have_attribute(
        "href", "/.auth/login/aad?post_login_redirect_uri=/api/dashboard"
    )
    expect(page.get_by_label("Function key")).to_have_count(0)
    assert "Zoe" not in page.content()
    assert serious(page) == []
    for method, path in (("GET", "/api/overview"), ("POST", "/api/sweep"), ("POST", "/api/dashboard/view")):
        answer = call(stack, method, path, "")
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:photosync:problem:not-signed-in")


def test_who_has_no_role_learns_which(visited: Visited) -> None:
    """Somebody of the tenant without an app role sees nothing but which roles there are, and how to change accounts."""
    page = visited("new@contoso.com")
    expect(page.get_by_role("alert").filter(has_text="PhotoSync.Reader")).to_contain_text("Enterprise applications")
    expect(page.get_by_role("link", name="Sign out")).to_have_attribute("href", "/.auth/logout")
    assert "Zoe" not in page.content()


def test_a_reader_sees_no_button_that_acts(stack: Stack, visited: Visited) -> None:
    """A Reader sees everybody, and that there is nothing to press; the API refuses as well."""
    page = visited(ROB, "Reader")
    expect(page.get_by_role("link", name="Zoe Shown")).to_be_visible()
    expect(page.locator("#looking-only")).to_contain_text(
        "You may look, but not act. That takes the app role PhotoSync."
    )
    expect(page.locator("#foot")).to_contain_text(f"signed in as {ROB}")
    expect(page.locator("#view [data-path]")).to_have_count(0)
    page.get_by_role("link", name="Zoe Shown").click()
    expect(page.locator("#attempts")).to_be_visible()
    expect(page.locator("#view [data-path]")).to_have_count(0)
    refused = call(stack, "POST", "/api/sweep", "Reader", SCRIPT)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:photosync:problem:reader")


def test_what_an_administrator_does_carries_the_name(stack: Stack, visited: Visited) -> None:
    """A job from the page is on record under the person's name, in the job and under who did what."""
    page = visited(MARIA, "Admin")
    page.get_by_role("button", name="New job").click()
    page.get_by_label("Everybody").check()
    page.get_by_role("button", name="Start the job").click()
    page.get_by_role("link", name="← Everybody").click()
    expect(page.locator("#going-on .run").first).to_contain_text(f"by {MARIA}")
    expect(page.locator("#acts li").first).to_contain_text("Start a sync of named users, a group or everybody")
    expect(page.locator("#acts li").first).to_contain_text(f"by {MARIA}")
    [latest, *_] = call(stack, "GET", "/api/overview", "Reader").json()["latestActions"]
    assert (latest["who"], latest["request"], latest["status"]) == (MARIA, "POST /api/sync", 202)


def test_another_site_cannot_act_with_the_session(stack: Stack) -> None:
    """The cookie alone, as another site's form sends it, does nothing; a script's token does."""
    forged = call(stack, "POST", "/api/sweep", "Admin", {"content-type": "text/plain"}, data="{}")
    assert (forged.status_code, forged.json()["type"]) == (403, "urn:photosync:problem:may-be-forged")
    assert call(stack, "DELETE", "/api/pause", "Admin", SCRIPT).status_code == 200


def test_pause_and_resume_on_the_page(visited: Visited) -> None:
    """An Admin pauses with a reason, everybody reads it, only Admins can resume; then all is as before."""
    page, reader = visited(MARIA, "Admin"), visited(ROB, "Reader")
    page.get_by_role("button", name="Pause copying").click()
    expect(page.get_by_role("dialog")).to_contain_text("nothing is lost")
    assert serious(page) == []
    page.get_by_label("Why?").fill("SharePoint is being moved")
    page.keyboard.press("Enter")
    expect(page.locator("#line")).to_have_text(re.compile(rf"Paused by {MARIA} since .*UTC: nothing is copied\."))
    expect(page.locator("#sweep-now")).to_have_count(0)
    expect(reader.locator("#health")).to_contain_text("The reason given: SharePoint is being moved.")
    expect(reader.get_by_role("button", name="Resume")).to_have_count(0)
    reader.get_by_role("link", name="Zoe Shown").click()
    expect(reader.locator("#who")).to_contain_text("The app is paused by")
    page.locator("#first-resume-app").click()
    expect(page.locator("#line")).not_to_have_text(re.compile("Paused"))
    expect(page.get_by_role("button", name="Pause copying")).to_be_visible()
    expect(page.locator("#acts li").first).to_contain_text("Resume the app")


@pytest.mark.parametrize("how", ["401", "redirect"])
def test_a_session_that_is_over_is_said_to_be(visited: Visited, how: str) -> None:
    """When the platform lets the page's requests through no more, what was shown goes, and signing in is offered."""
    page = visited(MARIA, "Admin")
    expect(page.get_by_role("link", name="Zoe Shown")).to_be_visible()

    def turned_away(route: Route) -> None:
        if how == "401":
            route.fulfill(status=401)
        else:
            route.fulfill(status=302, headers={"Location": "https://login.microsoftonline.com/authorize"})

    page.route("**/api/dashboard/view", turned_away)
    page.locator("#count-in_step").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert "Zoe" not in page.locator("#view").inner_html()


def test_an_app_that_only_shows(stack: Stack, visited: Visited) -> None:
    """With PHOTOSYNC_READ_ONLY even an Admin looks only, and is told which setting it is; what acts is refused."""
    host = stack.start_app(environment={"PHOTOSYNC_READ_ONLY": "true"})
    try:
        page = visited(MARIA, "Admin", host=host)
        expect(page.locator("#looking-only")).to_contain_text("PHOTOSYNC_READ_ONLY")
        expect(page.locator("#view [data-path]")).to_have_count(0)
        headers = principal(stack, MARIA, "Admin") | SCRIPT
        for method, path in (("POST", "/api/sync"), ("DELETE", "/api/sync/1"), ("POST", "/api/pause")):
            answer = host.call(method, path, headers=headers, json={})
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:photosync:problem:read-only")
    finally:
        stack.stop_app(host)
