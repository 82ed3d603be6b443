"""The documentation is held to the code: whatever it names exists, and what exists is named."""

import re
from pathlib import Path

import pytest

import photo_worker
import status_page
import sync_trigger
from local_run import generated_docs
from shared import settings
from shared.failures import FailureCode
from shared.front_door import ROUTES
from shared.storage import Table

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BLUEPRINTS = (photo_worker.bp, status_page.bp, sync_trigger.bp)
"""Imported, so that their routes are known."""
PAGES = sorted(
    page
    for folder in (ROOT, DOCS, ROOT / "simulated_tenant", ROOT / "tests", ROOT / "infra", ROOT / "scripts")
    for page in (folder.rglob("*.md") if folder != ROOT else folder.glob("*.md"))
)
TOOLS_VARIABLES = {"PHOTOSYNC_EXAMPLES", "PHOTOSYNC_STEPS", "PHOTOSYNC_KEY", "PHOTOSYNC_TOKEN"}
"""What commands of a developer or administrator read; no settings of the app."""
OF_THE_DEPLOYMENT = {
    name
    for file in ("main.bicep", "main.parameters.json")
    for name in re.findall(
        r"(?:^output |\$\{)(PHOTOSYNC_[A-Z_]+)", (ROOT / "infra" / file).read_text("utf-8"), re.MULTILINE
    )
}
"""What azd is told and tells."""


def text_of(page: Path) -> str:
    """The page as it is written."""
    return page.read_text("utf-8")


def anchors_of(page: Path) -> set[str]:
    """The anchors of its headings, and those that are written out."""
    text = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def name_of(page: Path) -> str:
    """For the names of parametrized tests."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Each relative link of a page leads to a file that exists, and its anchor to a heading of that file."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_make_exists(page: Path) -> None:
    """Who types a `make` command from a page finds that it exists."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    code = re.findall(r"`([^`\n]+)`", text_of(page)) + re.findall(r"^(make [^\n#]+)", text_of(page), re.MULTILINE)
    named = {target for span in code for target in re.findall(r"^(?:[A-Z]+=\S+ )*make ([a-z-]+)", span)}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    """A page names no setting that the app does not know, but for those that say they are refused."""
    named = set(re.findall(r"\bPHOTOSYNC_[A-Z_]+\b", text_of(page)))
    assert named - TOOLS_VARIABLES - OF_THE_DEPLOYMENT - {"PHOTOSYNC_CLIENT_SECRET"} <= set(settings.names())


def test_every_setting_is_explained_beyond_its_row() -> None:
    """Each setting is named on a page in docs/ too, where it is said what comes of changing it."""
    named = {name for page in DOCS.glob("*.md") for name in re.findall(r"\bPHOTOSYNC_[A-Z_]+\b", text_of(page))}
    assert set(settings.names()) <= named


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_route_that_is_named_exists(page: Path) -> None:
    """A page names no request that the app does not answer."""
    mentioned = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/api/[^`?\s]*)", text_of(page))
    known = {re.sub(r"\{\w+\}", "{}", f"{route.method} /api/{route.path}") for route in ROUTES}
    unknown = {
        f"{method} {path}"
        for method, path in mentioned
        if f"{method} {re.sub(r'[{][^}]*[}]', '{}', path)}" not in known
    }
    assert not unknown


def test_every_failure_code_has_its_section() -> None:
    """Whoever reads a code on the page or in a log finds it on the page of troubleshooting, in the code's own words."""
    text = text_of(generated_docs.TROUBLESHOOTING)
    assert generated_docs.with_codes(text) == text, "run `make tables`"
    assert re.findall(r"^### (\w+)$", text, re.MULTILINE) == [str(code) for code in FailureCode]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_is_named_exists(page: Path) -> None:
    """A module or file that a page names by its path is there."""
    named = re.findall(r"`((?:[a-z_]+/)+[\w.]+\.(?:py|md|json|bicep|sh|ps1|yml))`", text_of(page))
    assert not [path for path in named if not (ROOT / path).exists() and not (page.parent / path).exists()]


def test_every_table_is_described() -> None:
    """Each table that the app makes is in the pages of architecture and privacy, and they name no other."""
    in_architecture = set(re.findall(r"^\| `([A-Z]\w+)` \|", text_of(DOCS / "architecture.md"), re.MULTILINE))
    assert in_architecture == set(Table)
    assert not [table for table in Table if f"`{table}`" not in text_of(DOCS / "privacy.md")]


def test_every_page_can_be_found() -> None:
    """Each page in docs/ is linked from the README or from another page."""
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page))
        if not re.match(r"[a-z]+:", link)
    }
    assert not [name_of(page) for page in DOCS.glob("*.md") if page.resolve() not in linked]
