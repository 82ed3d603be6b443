"""The house's own rules: who may import whom, what a test must say, what is held together."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_run import readme_tables
from shared import settings

ROOT = Path(__file__).resolve().parent.parent
DEPLOYED = ("sync_trigger", "photo_worker", "status_page", "shared")
LOCAL = ("simulated_tenant", "local_run", "tests")
MAY_IMPORT = {
    "sync_trigger": {"sync_trigger", "shared"},
    "photo_worker": {"photo_worker", "shared"},
    "status_page": {"status_page", "shared"},
    "shared": {"shared"},
    "simulated_tenant": {"simulated_tenant"},
}
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
    assert set(imports_of(door)) == {"azure", "photo_worker", "shared", "status_page", "sync_trigger"}
    assert len(door.read_text(encoding="utf-8").splitlines()) <= 20


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
    declared = {
        f"{method} /api/{path}"
        for package in ("sync_trigger", "status_page")
        for path, methods in re.findall(
            r'@bp\.route\(\s*"([^"]+)", methods=\[([^\]]+)\]', (ROOT / package / "__init__.py").read_text("utf-8")
        )
        for method in re.findall(r"[A-Z]+", methods)
    }
    readme = (ROOT / "README.md").read_text("utf-8")
    surface = readme[readme.index("## The HTTP surface") : readme.index("## Settings")]
    named = {re.sub(r"\{object id\}", "{user}", route) for route in re.findall(r"`([A-Z]+ /api/[^`]+)`", surface)}
    assert named == declared
