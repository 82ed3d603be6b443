"""The deployed package: what is in it, what it needs, and that it works with nothing else."""

import ast
import functools
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from local_run import clean_environment, package
from local_run.alike import look_alike
from local_run.app_host import HostOptions
from local_run.stack import ROOT, Stack
from tests import pictures
from tests.waiting import eventually

DEPLOYED = ("photo_worker", "shared", "status_page", "sync_trigger")
MOST_KIBIBYTES = 1024

IMPORT_EVERYTHING = """
import importlib, json, pkgutil, sys
from pathlib import Path

app, names = sys.argv[1], sys.argv[2:]
sys.path.insert(0, app)
for name in names:
    for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
        importlib.import_module(module.name)
import function_app

print(json.dumps({name: module.__file__ for name, module in sys.modules.items() if getattr(module, "__file__", None)}))
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, laid out."""
    target = tmp_path_factory.mktemp("package")
    package.copy_to(target)
    return target


@pytest.fixture(scope="session")
def python(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the package's requirements.txt installed, and nothing else."""
    return clean_environment.make(tmp_path_factory.mktemp("clean") / "venv", folder / "requirements.txt")


def third_party(folder: Path) -> Iterator[str]:
    """The top-level modules that deployed code imports and that are neither ours nor Python's."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            yield from (
                name
                for name in names
                if name.partition(".")[0] not in {*sys.stdlib_module_names, *DEPLOYED, "_typeshed"}
            )


def test_the_package_holds_the_app_and_nothing_else(folder: Path) -> None:
    """Three files at the root, four packages with all that they keep in git, no test, document or secret."""
    files = {str(file) for file in package.files()}
    kept = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *DEPLOYED],  # noqa: S607 - developers have git on PATH
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=30,
    ).stdout.split()  # fmt: skip
    assert files == {"function_app.py", "host.json", "requirements.txt", *kept}
    assert {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} == files


def test_the_zip_is_the_package(folder: Path, tmp_path: Path) -> None:
    """What a workflow uploads is the same files, small, and the same bytes when nothing changed."""
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    package.main([str(first)])
    package.write_zip(second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
        }
    assert first.stat().st_size < MOST_KIBIBYTES * 1024


def test_funcignore_is_read_as_gitignore(tmp_path: Path) -> None:
    """A folder named with a slash is left out wherever it is, others stay, and an exception brings a file back."""
    for name in ("a/tests/x.py", "tests/y.py", "a/test.py", ".venv/z.py", "a/notes.md", "a/kept.md", "a/.hidden"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / ".funcignore").write_text("# said why\n.*\n.*/\ntests/\n*.md\n!kept.md\n")
    assert [str(file) for file in package.files(tmp_path)] == ["a/kept.md", "a/test.py"]


def test_whatever_is_imported_is_asked_for_by_name(folder: Path) -> None:
    """Each third-party module that deployed code imports is a line of requirements.in, not luck through another one."""
    asked = {line.split()[0] for line in (ROOT / "requirements.in").read_text("utf-8").splitlines() if line[0] != "#"}
    of = packages_distributions()
    missing = {
        name
        for name in third_party(folder)
        if not asked & {distribution.lower() for distribution in of[name.partition(".")[0]]}
    }
    # cryptography reads the certificate that msal, which needs it itself, signs with: the two go together.
    assert {name.partition(".")[0] for name in missing} <= {"cryptography"}


def test_requirements_are_pinned_and_say_where_they_come_from() -> None:
    """Each package has one exact version and a reason: asked for in requirements.in, or needed by another one."""
    asked = {line.split()[0] for line in (ROOT / "requirements.in").read_text("utf-8").splitlines() if line[0] != "#"}
    reasons: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / "requirements.txt").read_text("utf-8").strip()):
        pin, *comments = entry.splitlines()
        match = re.fullmatch(r"([a-z0-9-]+)==[0-9][0-9a-z.]*", pin)
        assert match, pin
        reasons[match[1]] = " ".join(comment.strip(" #").removeprefix("via").strip() for comment in comments)
    assert {name for name, reason in reasons.items() if "-r requirements.in" in reason} == asked
    for name, reason in reasons.items():
        others = set(reason.replace("-r requirements.in", "").split()) - {name}
        assert others <= reasons.keys()
        assert others or name in asked


def test_every_module_imports_with_nothing_but_requirements_txt(folder: Path, python: Path) -> None:
    """All deployed modules import, and all that they import is the package's, requirements.txt's or Python's own."""
    done = subprocess.run(
        [python, "-I", "-c", IMPORT_EVERYTHING, folder, *DEPLOYED],
        env=dict(_settings()), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    files = {name: Path(file) for name, file in json.loads(done.stdout).items()}
    modules = [file for file in folder.rglob("*.py") if file.name != "__init__.py"]
    assert len([name for name, file in files.items() if file in modules and name != "__main__"]) == len(modules)
    allowed = (folder, clean_environment.site_packages(python), Path(ast.__file__).parent)
    assert {name: file for name, file in files.items() if not any(file.is_relative_to(root) for root in allowed)} == {}
    assert files["PIL"].is_relative_to(allowed[1])


def test_a_changed_photo_goes_through_the_package(folder: Path, python: Path, tmp_path: Path) -> None:
    """The package, in its clean environment, serves every function and brings a changed photo to SharePoint."""
    lent = clean_environment.lend_the_host(python, tmp_path / "lent")
    assert "pillow" not in lent
    assert "azure-functions-runtime" in lent
    # The sweep's timer stays silent, so that the change can only have come by notification and queue.
    settings = {"AzureWebJobs.begin_sweep.Disabled": "true"}
    with Stack.start(tmp_path / "state", app=folder, environment=settings, options=HostOptions(python=python)) as stack:
        control = stack.tenant.control
        stack.host.run_function("keep_subscription")
        eventually(lambda: control.notifications()["subscriptions"], what="the subscription")
        user = control.add_user("packaged@contoso.com")
        for seed in (1, 2):
            photo = pictures.jpeg(300, 300, seed=seed)
            control.put_photo(user, photo)
            eventually(functools.partial(_shows, stack, user, photo), within=30)
        assert stack.host.call("GET", "/api/dashboard").status_code == 200
        assert {function["name"] for function in stack.host.functions} >= {
            "notifications", "lifecycle", "start_sync", "keep_subscription", "check_photos", "photo_worker",
        }  # fmt: skip
        assert _foreign_libraries(stack.host.process.pid, python, lent) == []
        assert control.violations() == []
        assert "Traceback" not in stack.host.log()


def _shows(stack: Stack, user: str, photo: bytes) -> bool:
    """Whether all three pictures in SharePoint are this photo, and the app says so."""
    files = [stack.tenant.control.target_file(user, size) for size in ("S", "M", "L")]
    state = stack.host.call("GET", f"/api/status/{user}").json().get("state")
    return state == "in_step" and all(file is not None and look_alike(photo, file) for file in files)


def _settings() -> Iterator[tuple[str, str]]:
    values = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
    yield from values.items()


def _foreign_libraries(pid: int, python: Path, lent: set[str]) -> list[str]:
    """The compiled modules that the process took from neither the clean environment nor what the host was lent."""
    own = clean_environment.site_packages(python)
    loaded = {Path(line.split()[-1]) for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if ".so" in line}
    installed = [file for file in loaded if "site-packages" in file.parts]
    assert any(file.is_relative_to(own / "PIL") for file in installed), "the worker has made pictures"
    return [
        str(file)
        for file in installed
        if not file.is_relative_to(own) and file.parts[file.parts.index("site-packages") + 1] not in lent
    ]
