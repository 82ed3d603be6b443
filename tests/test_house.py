"""The house's own rules: who may import whom, what a test must say, what is held together."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import azure.functions as func
import pytest

import photo_worker
import status_page
import sync_trigger
from local_run import readme_tables
from shared import settings
from shared.front_door import DESCRIBED_BY, ROUTES
from shared.needs import Needs

ROOT = Path(__file__).resolve().parent.parent
DEPLOYED = ("sync_trigger", "photo_worker", "status_page", "shared")
LOCAL = ("benchmarks", "simulated_tenant", "local_run", "tests")
MAY_IMPORT = {
    "sync_trigger": {"sync_trigger", "shared"},
    "photo_worker": {"photo_worker", "shared"},
    "status_page": {"status_page", "shared"},
    "shared": {"shared"},
    "simulated_tenant": {"simulated_tenant"},
}
ANYONE_MAY = {"notifications", "lifecycle", "dashboard", "dashboard/assets/{name}", "openapi.json"}
"""Routes that ask nothing of their caller: Graph's, the page's without its data, and the API's description."""
OURS = {*DEPLOYED, *LOCAL, "function_app"}


def imports_of(module: Path) -> Iterator[str]:
    """The top-level names that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def functions_in(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The test functions of a module."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_only_what_they_may(package: str) -> None:
    """The three blueprints never import each other, `shared` imports none of them, nothing deployed a local part."""
    wrong = [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in (ROOT / package).rglob("*.py")
        for name in imports_of(module)
        if name in OURS and name not in MAY_IMPORT[package]
    ]
    assert not wrong


def test_the_door_is_only_a_door() -> None:
    """`function_app.py` registers the blueprints and does nothing else."""
    door = ROOT / "function_app.py"
    assert set(imports_of(door)) == {"azure", "gc", "photo_worker", "shared", "status_page", "sync_trigger"}
    assert len(door.read_text(encoding="utf-8").splitlines()) <= 25


def test_every_test_states_its_promise() -> None:
    """Each test has a docstring that says what is promised."""
    silent = [
        f"{module.relative_to(ROOT)}: {test.name}"
        for module in (ROOT / "tests").rglob("test_*.py")
        for test in functions_in(module)
        if not ast.get_docstring(test)
    ]
    assert not silent


def test_tests_wait_on_conditions_only() -> None:
    """No test sleeps for a time: the one `time.sleep` is between two looks of `eventually`."""
    sleeping = {
        module.name
        for module in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) == "time.sleep"
    }
    assert sleeping == {"waiting.py"}


def test_settings_in_code_sample_and_readme_are_the_same() -> None:
    """Every setting is in the sample and in the README's table, with the code's words; neither has one that is not."""
    sample = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
    assert [name for name in sample if name.startswith("PHOTOSYNC_")] == settings.names()
    readme = readme_tables.README.read_text("utf-8")
    assert readme_tables.with_tables(readme) == readme, "run `make tables`"
    assert re.findall(r"^\| `(PHOTOSYNC_\w+)` \|", readme, re.MULTILINE) == settings.names()


def test_the_sample_is_a_valid_start() -> None:
    """Who copies the sample and fills in nothing else gets no complaint about the form of a value."""
    sample = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
    settings.Settings.from_environment(sample)


def test_app_settings_are_read_nowhere_else() -> None:
    """Deployed code reads the environment in one place only, so that no setting escapes the check at start."""
    readers = [
        str(module.relative_to(ROOT))
        for package in DEPLOYED
        for module in (ROOT / package).rglob("*.py")
        if re.search(r"\bos\.(environ|getenv)\b", module.read_text("utf-8"))
    ]
    assert sorted(readers) == ["shared/services.py", "shared/settings.py"]


def test_the_readme_names_every_route() -> None:
    """Every route of the app is in the README's table, with its method; the table names no other."""
    declared = {f"{route.method} /api/{route.path}" for route in ROUTES}
    readme = (ROOT / "README.md").read_text("utf-8")
    surface = readme[readme.index("## The HTTP surface") : readme.index("## Settings")]
    named = {re.sub(r"\{object id\}", "{user}", route) for route in re.findall(r"`([A-Z]+ /api/[^`]+)`", surface)}
    assert named == declared


def test_every_route_is_described() -> None:
    """What the API's description says of routes, and the routes, are the same list: a new route says what it is."""
    described = [name for told in DESCRIBED_BY for name in told().operations]
    declared = [f"{route.method} {route.path}" for route in ROUTES]
    assert sorted(described) == sorted(declared), "add it to `describe.py` of its package"


def test_every_route_goes_through_the_front_door() -> None:
    """What the host is given and what the door declares is the same list: nothing is served beside the door."""
    app = func.FunctionApp()
    app.register_functions(sync_trigger.bp)
    app.register_functions(photo_worker.bp)
    app.register_functions(status_page.bp)
    served = [
        (str(method), trigger["route"], str(trigger["authLevel"]))
        for function in app.get_functions()
        for trigger in function.get_bindings_dict()["bindings"]
        if trigger["type"] == "httpTrigger"
        for method in trigger.get("methods") or ["any method"]
    ]
    level = {Needs.NOTHING: "ANONYMOUS", Needs.LOOK: "FUNCTION", Needs.ACT: "FUNCTION"}
    declared = [(route.method, route.path, level[route.needs]) for route in ROUTES]
    assert sorted(served) == sorted(declared)
    assert {route.path for route in ROUTES if route.needs is Needs.NOTHING} <= ANYONE_MAY


def test_who_changes_anything_may_act() -> None:
    """A route whose method changes something asks for the right to act, but for Graph's and the page's own view."""
    changing = [route for route in ROUTES if route.method != "GET" and route.path not in ANYONE_MAY]
    assert [route.path for route in changing if route.needs is not Needs.ACT] == ["dashboard/view"]
