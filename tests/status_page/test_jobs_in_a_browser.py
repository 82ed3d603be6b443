"""Starting and watching jobs from the page, in a real browser, on the whole app as processes."""

import json
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests import pictures
from tests.status_page.in_a_browser import Opened, Tenant
from tests.waiting import eventually


def asked(page: Page) -> Locator:
    """The open form for a new job."""
    page.get_by_role("button", name="New job").click()
    return page.get_by_role("dialog")


def test_a_job_is_watched_to_its_end(opened: Opened) -> None:
    """A job over everybody says what it will do and how long it takes, and then shows how it goes; No means no."""
    page = opened()
    dialog = asked(page)
    dialog.get_by_label("Everybody").check()
    expect(dialog.locator("#job-estimate")).to_have_text(
        re.compile(r"6 people: looked at, and copied where the photo differs; done after about 1 minute")
    )
    dialog.get_by_role("button", name="Not now").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#new-job")).to_be_focused()
    assert "No job yet" in (page.locator("#going-on").text_content() or "")
    asked(page).get_by_label("Everybody").check()
    dialog.get_by_label("Copy even what is in step").check()
    expect(dialog.locator("#job-estimate")).to_contain_text("copied again, whether in step or not")
    dialog.get_by_role("button", name="Start the job").click()
    expect(page.locator("#line")).to_contain_text("Job over everybody")
    expect(page.locator("#run-word")).to_have_text("done", timeout=30_000)
    expect(page.locator("#run")).to_contain_text(re.compile(r"by function key, on the page"))
    expect(page.locator("#run")).to_contain_text(re.compile(r"6 of 6 people looked at, 6 copied"))
    page.get_by_role("link", name="← Everybody").click()
    expect(page.locator("#people")).to_be_visible()


def test_pasted_names_are_tried_first(opened: Opened, tenant: Tenant) -> None:
    """Names come as people paste them; a dry run tells whose picture would be copied, and copies nothing."""
    control = tenant.stack.tenant.control
    control.notifications("off")
    control.put_photo(tenant.ids[0], pictures.jpeg(300, 300, seed=70))
    copied = tenant.stack.host.call("GET", f"/api/status/{tenant.ids[0]}").json()["copiedAt"]
    page = opened()
    dialog = asked(page)
    dialog.get_by_role("button", name="Start the job").click()
    expect(dialog.locator("#job-wrong")).to_contain_text("Name at least one person")
    expect(dialog.get_by_label("User principal names")).to_be_focused()
    pasted = f"Person 0 <Person.0@contoso.com>; person.0@CONTOSO.com\n{tenant.ids[1]}, nobody.here@contoso.com"
    dialog.get_by_label("User principal names").fill(pasted)
    expect(dialog.locator("#job-estimate")).to_contain_text("3 people")
    dialog.get_by_label("Only try").check()
    expect(dialog.locator("#job-estimate")).to_contain_text("SharePoint is not touched")
    dialog.get_by_role("button", name="Try it").click()
    expect(page.locator("#line")).to_contain_text("Dry run over named people: done", timeout=30_000)
    expect(page.locator("#run")).to_contain_text("nobody.here@contoso.com")
    would = page.locator("#run ul").last
    expect(would).to_contain_text("person.0@contoso.com")
    expect(would.locator("li")).to_have_count(1)
    assert tenant.stack.host.call("GET", f"/api/status/{tenant.ids[0]}").json()["copiedAt"] == copied
    control.notifications("on")


def test_a_group_that_is_none_is_said_so(opened: Opened) -> None:
    """What the app refuses stands in the form, which keeps what was typed."""
    page = opened()
    dialog = asked(page)
    dialog.get_by_label("The members of a group").check()
    dialog.get_by_label("Object id of the group").fill("not an id")
    dialog.get_by_role("button", name="Start the job").click()
    expect(dialog.locator("#job-wrong")).to_contain_text("That is no object id")
    expect(dialog.get_by_label("Object id of the group")).to_have_value("not an id")
    dialog.get_by_label("Object id of the group").fill("99999999-9999-4999-8999-999999999999")
    expect(dialog.locator("#job-wrong")).to_be_empty()
    dialog.get_by_role("button", name="Start the job").click()
    expect(dialog.locator("#job-wrong")).to_contain_text("Graph")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_an_old_picture_is_found_explained_and_mended(opened: Opened, tenant: Tenant) -> None:
    """From the page alone: why is Grace's picture old? Search, read why, look at both, mend the photo, copy again."""
    control = tenant.stack.tenant.control
    grace = tenant.add("Grace Hopper", pictures.jpeg(320, 320, seed=80))
    eventually(lambda: tenant.states()["in_step"] == 7, within=20)
    control.put_photo(grace, b"\xff\xd8 a file that is called a photo")
    eventually(lambda: tenant.states()["failed"] == 1, within=20)
    page = opened()
    expect(page.locator("#line")).to_contain_text("1 person's photo could not be copied")
    page.get_by_label("Search by name").fill("hopper")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Grace Hopper").click()
    explained = page.locator(".explained")
    expect(explained).to_be_visible()
    assert len((explained.text_content() or "").split()) > 12, "what is wrong, and what to do"
    page.get_by_role("button", name="Show the photo").click()
    expect(page.locator("#target img")).to_be_visible()
    control.notifications("off")
    control.put_photo(grace, pictures.jpeg(330, 330, seed=81))
    page.get_by_role("button", name="Copy again").click()
    expect(page.locator(".said")).to_contain_text("copied in a moment")
    expect(page.locator(".stands")).to_contain_text("In step", timeout=30_000)
    expect(page.locator("#attempts li").first).to_contain_text("Copied to SharePoint")
    page.get_by_role("link", name="← Everybody").click()
    expect(page.locator("#line")).to_contain_text("All is well")
    control.notifications("on")


def test_json_is_what_is_filtered(opened: Opened, tmp_path: Path) -> None:
    """Download JSON gives the people that the filter shows, as the API tells them."""
    page = opened("#/?state=in_step")
    page.get_by_label("Search by name").fill("person 2")
    expect(page.locator("tbody tr")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON").click()
    download.value.save_as(tmp_path / "file.json")
    (told,) = json.loads((tmp_path / "file.json").read_text("utf-8"))
    assert (told["displayName"], told["state"]) == ("Person 2", "in_step")
    page.get_by_label("Search by name").fill("")
    expect(page.locator("tbody tr")).not_to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON").click()
    download.value.save_as(tmp_path / "file.json")
    assert len(json.loads((tmp_path / "file.json").read_text("utf-8"))) >= 6


def test_the_foot_says_what_an_engineer_asks(opened: Opened) -> None:
    """Version, how long what is kept, and whether the clock is right."""
    foot = opened().locator("#foot")
    expect(foot).to_contain_text(re.compile(r"Version \d+\.\d+\.\d+ · contoso"))
    expect(foot).to_contain_text("are kept 90 days")
    expect(foot).to_contain_text("the app’s clock is right")


def test_fingers_find_every_button(opened: Opened, tenant: Tenant) -> None:
    """On a touch screen whatever is pressed is at least 44 pixels high."""
    page = opened(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    small = """() => [...document.querySelectorAll('button, input, select, .counter, tbody th a')]
      .filter(part => part.checkVisibility() && !['radio', 'checkbox'].includes(part.type))
      .filter(part => part.getBoundingClientRect().height < 44).map(part => part.outerHTML.slice(0, 120))"""
    expect(page.locator("#people tbody")).to_be_visible()
    assert page.evaluate(small) == []
    asked(page)
    assert page.evaluate(small) == []
    page.keyboard.press("Escape")
    page.goto(f"{tenant.stack.host.url}/api/dashboard#/user/{tenant.ids[0]}")
    expect(page.locator("#attempts")).to_be_visible()
    assert page.evaluate(small) == []
