"""The page in a real browser, on the whole app as processes: what an administrator sees and does."""

import re
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from tests import pictures
from tests.status_page.in_a_browser import PEOPLE, Opened, Tenant, counter, serious
from tests.waiting import eventually


def test_a_healthy_tenant_says_so(opened: Opened, tenant: Tenant) -> None:
    """Five seconds are enough: the first line says that all is well, and the counters agree."""
    page = opened()
    expect(page.locator("#line")).to_have_text(
        re.compile(r"All is well – \d+ photos in step, .* valid until \d+ \w+\.")
    )
    expect(counter(page, "in_step")).to_have_text(str(tenant.states()["in_step"]))
    expect(page).to_have_title(re.compile("All is well"))
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("Object.keys(localStorage).length") == 0
    assert tenant.stack.host.function_key not in page.url


def test_who_has_no_key_sees_no_data(opened: Opened, tenant: Tenant) -> None:
    """The shell and its files hold nothing of the tenant; every way to data answers 401."""
    page = opened(key=None)
    expect(page.get_by_label("Function key")).to_be_focused()
    expect(page.locator("#view")).to_be_hidden()
    url = tenant.stack.host.url
    shell = requests.get(f"{url}/api/dashboard", timeout=10)
    files = re.findall(r'"(/api/dashboard/assets/[^"]+)"', shell.text)
    assert len(set(files)) == 5
    policy = shell.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for answer in [shell, *(requests.get(url + file, timeout=10) for file in files)]:
        assert answer.status_code == 200
        assert not any(secret in answer.text for secret in (*tenant.ids, "contoso", "Person 1"))
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in requests.get(url + files[0], timeout=10).headers["Cache-Control"]
    old = re.sub(r"\.[0-9a-f]{12}\.", ".000000000000.", files[0])
    assert requests.get(url + old, timeout=10).headers["Cache-Control"] == "no-cache"
    assert requests.get(f"{url}/api/dashboard/assets/../page.css.py", timeout=10).status_code == 404
    for method, path in (
        ("POST", "/api/dashboard/view"),
        ("GET", "/api/overview"),
        ("GET", "/api/status.csv"),
        ("GET", f"/api/status/{tenant.ids[0]}/photo?of=source"),
    ):
        assert tenant.stack.host.call(method, path, key="").status_code == 401


def test_a_wrong_key_is_said_to_be_wrong(opened: Opened) -> None:
    """A key that the app does not take is not kept, and the page says what may be the matter."""
    page = opened(key="not-the-key")
    expect(page.get_by_role("alert").filter(has_text="did not accept that key")).to_be_visible()
    expect(page.get_by_label("Function key")).to_be_focused()
    assert page.evaluate("sessionStorage.length") == 0


def test_another_site_cannot_use_the_page(tenant: Tenant) -> None:
    """Even with a key, what does not carry the page's own header gets no view: no form of another site can set it."""
    assert tenant.stack.host.call("POST", "/api/dashboard/view", json={}).status_code == 403
    answer = tenant.stack.host.call("POST", "/api/dashboard/view", json={}, headers={"x-photosync-page": "1"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_failed_person_is_found_and_retried(opened: Opened, tenant: Tenant) -> None:
    """Somebody's photo is none: found by the counter and by name, explained, mended, copied again by a button."""
    control = tenant.stack.tenant.control
    user = tenant.add("Zoë Broken <b>", b"no picture")
    eventually(lambda: tenant.states()["failed"] == 1, within=20)
    page = opened()
    expect(page.locator("#line")).to_have_text(re.compile("1 person's photo could not be copied. The photo cannot be"))
    page.locator("#count-failed").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("#count-all").click()
    page.get_by_label("Search by name").fill("zoe broken")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Zoë Broken <b>").click()
    expect(page.get_by_role("heading", name="Zoë Broken <b>")).to_be_visible()
    expect(page.locator(".explained")).to_contain_text("Replace the person's photo in Microsoft 365")
    control.notifications("off")
    control.put_photo(user, pictures.jpeg(300, 300, seed=77))
    page.get_by_role("button", name="Copy again").click()
    expect(page.locator(".said")).to_have_text("The photo will be copied in a moment.")
    expect(page.locator("#who .state")).to_have_text(re.compile("In step"))
    expect(page.locator(".timeline li").first).to_contain_text("Copied to SharePoint")
    page.get_by_role("button", name="Show the photo").click()
    for side in ("source", "target"):
        expect(page.locator(f"#{side} img")).to_be_visible()
        assert page.locator(f"#{side} img").evaluate("picture => picture.naturalWidth") == 300
    control.notifications("on")


def test_a_person_is_put_back_and_copied_again(opened: Opened, tenant: Tenant) -> None:
    """What was there before the app is back after a question, and stays, until a copy is asked for."""
    control = tenant.stack.tenant.control
    user = tenant.add("Undine Back", pictures.jpeg(300, 300, seed=78))
    eventually(lambda: control.target(user)["pictureUrl"] is not None, within=20)
    page = opened(f"#/user/{user}")
    page.get_by_role("button", name="Put back what was there before").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("the app leaves the person alone until you press Copy again")
    dialog.get_by_role("button", name="Put it back").click()
    expect(page.locator(".said")).to_have_text("What was there before will be back in a moment.")
    expect(page.locator(".timeline li").first).to_contain_text("What was there before is back", timeout=20_000)
    expect(page.locator("#who")).to_contain_text("left alone until a copy is asked for by name")
    expect(page.locator("#who")).to_contain_text("by function key, on the page")
    expect(page.get_by_role("button", name="Put back what was there before")).to_have_count(0)
    assert control.target(user)["pictureUrl"] is None
    page.get_by_role("button", name="Copy again").click()
    expect(page.locator("#who .state")).to_have_text(re.compile("In step"), timeout=20_000)
    assert control.target(user)["pictureUrl"] is not None


def test_being_slowed_down_is_shown_and_nothing_to_do(opened: Opened, tenant: Tenant) -> None:
    """SharePoint asks everybody to wait: the line says so and that nothing is to be done; the person is deferred."""
    control = tenant.stack.tenant.control
    control.fault("sharepoint.file.add", "429:Retry-After=7")
    control.put_photo(tenant.ids[1], pictures.jpeg(310, 310, seed=31))
    eventually(lambda: tenant.states()["deferred"] == 1, within=20)
    page = opened()
    expect(page.locator("#line")).to_have_text(
        re.compile("SharePoint asked the app to slow down. It goes on by itself")
    )
    expect(page.locator(".todo")).to_have_text("There is nothing to do.")
    expect(counter(page, "deferred")).to_have_text("1")
    page.locator("#count-deferred").click()
    expect(page.locator("tbody tr .why", has_text="slow down")).to_contain_text("next try")
    expect(page.locator("#line")).to_have_text(re.compile("All is well"), timeout=30_000)


def test_a_withdrawn_permission_is_explained(opened: Opened, tenant: Tenant) -> None:
    """SharePoint refuses: the line names the permissions to grant, and one button retries everybody who failed."""
    control = tenant.stack.tenant.control
    control.fault("sharepoint.file.add", *["403"] * 2)
    for user in tenant.ids[2:4]:
        control.put_photo(user, pictures.jpeg(330, 330, seed=40))
    eventually(lambda: tenant.states()["failed"] == 2, within=20)
    page = opened()
    expect(page.locator("#line")).to_have_text(re.compile("2 people's photos could not be copied. A Microsoft service"))
    expect(page.locator(".todo")).to_contain_text("Sites.ReadWrite.All")
    page.locator("#health").get_by_role("button", name="Retry all failed (2)").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry 2").click()
    expect(page.locator("#line")).to_have_text(re.compile("All is well"), timeout=30_000)


def test_the_keyboard_is_enough(opened: Opened, tenant: Tenant) -> None:
    """Key, search, filter, question and answer without a mouse; the refresh takes the focus away from nobody."""
    page = opened(key=None)
    expect(page.get_by_label("Function key")).to_be_focused()
    page.keyboard.type(tenant.stack.host.function_key)
    page.keyboard.press("Enter")
    expect(page.locator("#view")).to_be_visible()
    expect(page.locator("#main")).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "count-in_step":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#count-in_step")).to_have_attribute("aria-current", "true")
    page.locator("#text").focus()
    page.keyboard.type("Person 1")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("#text")).to_be_focused()
    page.locator("#sweep-now").focus()
    seen = page.locator("#as-of").text_content() or ""
    expect(page.locator("#as-of")).not_to_have_text(seen)
    expect(page.locator("#sweep-now")).to_be_focused()
    page.locator("#new-job").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#new-job")).to_be_focused()


def test_a_page_that_is_kept_still_asks_for_nothing(opened: Opened) -> None:
    """While it does not refresh the page asks for nothing; signing out forgets the key and what was shown."""
    page = opened(clock=True)
    expect(page.locator("#people")).to_be_visible()
    page.get_by_role("button", name="Stop refreshing").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(60_000)
    expect(page.locator("#as-of")).to_have_text(re.compile("Not refreshed, as of"))
    assert asked == []
    page.get_by_role("button", name="Refresh again").click()
    expect(page.locator("#as-of")).to_have_text(re.compile("^As of"))
    assert len(asked) == 1
    with page.expect_request("**/view"):
        page.clock.fast_forward(6000)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Function key")).to_be_focused()
    assert page.locator("#view").inner_html() == ""


def test_the_file_is_what_is_filtered(opened: Opened, tmp_path: Path) -> None:
    """Download CSV gives the people that the filter shows."""
    page = opened()
    page.get_by_label("Search by name").fill("person 2")
    expect(page.locator("tbody tr")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    download.value.save_as(tmp_path / "file.csv")
    lines = (tmp_path / "file.csv").read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines] == ["name", "Person 2"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(opened: Opened, tenant: Tenant, scheme: str) -> None:
    """No serious finding of axe-core on the list, job form, person, run, checks and way in, light and dark."""
    page = opened(color_scheme=scheme)
    expect(page.locator("#people tbody")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="New job").click()
    expect(page.get_by_role("heading", name="New job")).to_be_visible()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.goto(f"{tenant.stack.host.url}/api/dashboard#/user/{tenant.ids[0]}")
    expect(page.locator("#attempts")).to_be_visible()
    assert serious(page) == []
    page.goto(f"{tenant.stack.host.url}/api/dashboard#/")
    page.locator("a[href^='#/run/']").first.click()
    expect(page.locator("#run")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Check everything").click()
    expect(page.locator("#check-clock")).to_be_attached()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Sign out").click()
    assert serious(page) == []


def test_a_phone_is_wide_enough(opened: Opened, tenant: Tenant) -> None:
    """At 360 pixels nothing is cut off to the side: the list, a person's view, the checks."""
    page = opened(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    for place, landmark in (("", "#people"), (f"#/user/{tenant.ids[0]}", "#attempts")):
        page.goto(f"{tenant.stack.host.url}/api/dashboard{place}")
        expect(page.locator(landmark)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Check everything").click()
    expect(page.locator("#check-clock")).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.getElementById('checks-found').scrollWidth") <= 360


def test_without_a_script_the_page_says_what_to_do(opened: Opened) -> None:
    """Who has switched JavaScript off reads why it is needed, and the same things as commands."""
    page = opened(key=None, java_script_enabled=False)
    expect(page.get_by_role("heading", name="This page needs JavaScript")).to_be_visible()
    expect(page.locator("noscript pre")).to_contain_text("/api/overview")


def test_an_app_that_is_away_is_said_to_be(opened: Opened) -> None:
    """When the app does not answer, what was shown stays, with a note; when it is back, the note goes."""
    page = opened(clock=True)
    expect(page.locator("#people")).to_be_visible()
    page.context.set_offline(True)
    page.clock.fast_forward(6000)
    expect(page.locator("#trouble")).to_contain_text("cannot be reached")
    expect(page.locator("#people")).to_be_visible()
    page.context.set_offline(False)
    page.clock.fast_forward(6000)
    expect(page.locator("#trouble")).to_be_hidden()


def test_everything_is_checked_at_a_press(opened: Opened, tenant: Tenant) -> None:
    """A table says what is well and what is not, with the remedy; the keyboard opens, copies and closes it."""
    tenant.stack.tenant.control.fault("sharepoint.folder.list", "403")
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator("#people tbody")).to_be_visible()
    page.locator("#check").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Check everything")).to_be_visible()
    expect(page.locator("#checks-state")).to_have_text(re.compile(r"^1 failed, \d+ warnings?, \d+ passed, 2 skipped$"))
    row = page.locator("#check-sharepoint-files")
    expect(row.locator(".tag")).to_have_text("✗ failed")
    expect(row).to_contain_text("→ ")
    expect(row).to_contain_text("Sites.ReadWrite.All")
    expect(page.locator("#check-token-graph .tag")).to_have_text("✓ passed")
    assert serious(page) == []
    page.get_by_role("button", name="Copy for a ticket").click()
    expect(page.locator("#checks-state")).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "failed: Sites.ReadWrite.All: files" in copied
    assert "Person" not in copied
    page.get_by_role("button", name="Check again").click()
    expect(page.locator("#checks-state")).to_have_text(re.compile(r"^0 failed, "))
    expect(row.locator(".tag")).to_have_text("✓ passed")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#check")).to_be_focused()


def test_the_chart_says_in_words_what_it_draws(opened: Opened, tenant: Tenant) -> None:
    """What was copied in the last hours is drawn, told to who cannot see it, and the same as in the overview."""

    def told() -> int:
        hours = tenant.stack.host.call("GET", "/api/overview").json()["lastHours"]
        return sum(hour["copied"] for hour in hours)

    copied = eventually(told, within=40, what="the first measures")
    page = opened(color_scheme="dark")
    chart = page.get_by_role("region", name="Lately")
    drawn = chart.get_by_role("img", name=re.compile(r"Copied in each of the last 24 hours: \d+ in all"))
    expect(drawn).to_be_visible()
    assert drawn.locator(".bar").count() >= 1
    said = re.search(r": (\d+) in all", drawn.get_attribute("aria-label") or "")
    assert said is not None
    assert int(said[1]) >= copied >= PEOPLE
    expect(chart.get_by_role("list")).to_contain_text(re.compile(r"UTC: copied \d+, failed \d+, asked to wait \d+"))
    assert serious(page) == []
