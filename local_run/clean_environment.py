"""A Python environment as Azure makes it: requirements.txt and nothing else.

The local host needs a few packages of its own (the worker, an HTTP server). They are lent to the environment behind its
own packages, so that a package which requirements.txt forgets is missing here as it would be in Azure.
"""

import subprocess
import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

_OF_THE_HOST = ("azure-functions-runtime", "httptools", "starlette", "uvicorn")
_MINUTES = 10


def make(folder: Path, requirements: Path) -> Path:
    """Make the environment; returns its interpreter. Raises `CalledProcessError` when pip refuses."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--no-input"]
    # What has no wheel for this Python would be built from source in Azure too, if at all: refused here.
    install = ["install", "--quiet", "--no-compile", "--only-binary", ":all:", "-r", str(requirements)]
    subprocess.run([*pip, *install], check=True, timeout=60 * _MINUTES)
    subprocess.run([*pip, "check"], check=True, timeout=60, stdout=subprocess.DEVNULL)
    return python


def site_packages(python: Path) -> Path:
    """Where the environment's packages are."""
    return next((python.parent.parent / "lib").glob("python*/site-packages"))


def lend_the_host(python: Path, folder: Path) -> set[str]:
    """Put links to the host's own packages into `folder`, last on the import path; returns their names."""
    own = site_packages(python)
    folder.mkdir()
    lent = [package for package in _closure(_OF_THE_HOST) if not any(own.glob(f"{_stem(package)}-*.dist-info"))]
    for package in lent:
        for top in {file.parts[0] for file in package.files or [] if file.parts[0] not in {"..", "__pycache__"}}:
            (folder / top).symlink_to(Path(str(package.locate_file(top))))
    (own / "lent-to-the-host.pth").write_text(f"{folder}\n", "utf-8")
    return {package.name for package in lent}


def _closure(names: tuple[str, ...]) -> list[Distribution]:
    """The distributions of that name and all that they need, as installed here."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = distribution(name)
            needed = [Requirement(text) for text in found[name].requires or []]
            waiting += [need.name for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})]
    return list(found.values())


def _stem(package: Distribution) -> str:
    """How the package's `.dist-info` begins."""
    return package.name.replace("-", "_").lower()
