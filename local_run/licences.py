"""`make licences`: writes docs/licences.md from what the deployed packages say of themselves; a test says when to."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path

_ROOT = Path(__file__).parent.parent
DOCUMENT = _ROOT / "docs" / "licences.md"

_INTRODUCTION = """# Licences of what is deployed

The app itself is under the [MIT licence](../LICENSE). `make licences` writes this table from the packages' own
metadata; a test fails when a package is not in it, or when its licence is not one of those that were looked at and
found fit to deploy: permissive ones, and MPL-2.0, whose duties end with the file that they cover.

| package | version | licence |
|---|---|---|
"""

_CLASSIFIED = {
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: BSD License": "BSD",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
_FREE_TEXT = {"MIT License": "MIT", "Apache 2.0": "Apache-2.0", "Apache License 2.0": "Apache-2.0"}


def deployed(requirements: Path = _ROOT / "requirements.txt") -> Iterator[tuple[str, str]]:
    """Name and version of every pinned package; raises `ValueError` for a line that pins none."""
    for line in requirements.read_text("utf-8").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            match = re.fullmatch(r"([a-z0-9-]+)==([0-9][0-9a-z.]*)", line)
            if match is None:
                raise ValueError(f"not pinned to one version: {line}")
            yield match[1], match[2]


def licence_of(about: PackageMetadata) -> str:
    """The licence as an SPDX expression; empty when the package does not say in a form that is known here."""
    if expression := about.get("License-Expression"):
        return str(expression)
    named = {_CLASSIFIED[word] for word in about.get_all("Classifier", []) if word in _CLASSIFIED}
    if len(named) == 1:
        return named.pop()
    text = str(about.get("License", ""))
    return _FREE_TEXT.get(text, text if re.fullmatch(r"[A-Za-z0-9.-]+", text) else "")


def document() -> str:
    """The text of docs/licences.md as the installed packages have it now."""
    rows = [f"| {name} | {version} | {licence_of(metadata(name))} |" for name, version in deployed()]
    return _INTRODUCTION + "\n".join(rows) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
