"""What was measured on, and with which versions."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from shared.settings import VERSION

_LIBRARIES = (
    "azure-functions",
    "azure-functions-runtime",
    "azure-storage-queue",
    "azure-data-tables",
    "msal",
    "pillow",
)
_PACKAGE = Path(__file__).parent.parent / "local_run" / "azurite" / "node_modules" / "azurite" / "package.json"


@dataclass(frozen=True)
class Machine:
    """One machine at one time."""

    processor: str
    cores: int
    memory_gigabytes: int
    system: str
    versions: dict[str, str]

    @property
    def told(self) -> str:
        """In one line."""
        return f"{self.cores} cores ({self.processor}), {self.memory_gigabytes} GB, {self.system}"

    @property
    def versions_told(self) -> str:
        """The versions in one line."""
        return ", ".join(f"{name} {number}" for name, number in self.versions.items())


def this_machine() -> Machine:
    """The machine that runs this."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    versions = {"the app": VERSION, "Python": platform.python_version()}
    versions |= {name: version(name) for name in _LIBRARIES}
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gigabytes=round(pages / 2**30),
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        versions=versions | _node_versions(),
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _node_versions() -> dict[str, str]:
    import json

    found: dict[str, str] = {}
    if node := shutil.which("node"):
        found["Node"] = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if _PACKAGE.is_file():
        found["Azurite"] = json.loads(_PACKAGE.read_text("utf-8"))["version"]
    return found
