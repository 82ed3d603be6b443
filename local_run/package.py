"""What is deployed: the folder as `.funcignore` leaves it, as a folder or as a zip to upload.

`func azure functionapp publish` and `azd deploy` read the same file. Installed packages are not part of it: Azure
installs requirements.txt (remote build).
"""

import argparse
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

_ROOT = Path(__file__).parent.parent


def files(root: Path = _ROOT) -> list[Path]:
    """The deployed files, relative to `root`, in order. `.funcignore` is read by the rules of gitignore."""
    spec = GitIgnoreSpec.from_lines((root / ".funcignore").read_text("utf-8").splitlines())
    return sorted(_below(root, Path(), spec))


def copy_to(folder: Path, root: Path = _ROOT) -> list[Path]:
    """Lay the package out in a folder; returns what `files` does."""
    deployed = files(root)
    for file in deployed:
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file, target)
    return deployed


def write_zip(target: Path, root: Path = _ROOT) -> list[Path]:
    """Write the package as a zip, the same bytes for the same files; returns what `files` does."""
    deployed = files(root)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in deployed:
            entry = zipfile.ZipInfo(file.as_posix())  # dated 1980: the day of the build changes nothing
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, (root / file).read_bytes())
    return deployed


def _below(root: Path, folder: Path, spec: GitIgnoreSpec) -> Iterator[Path]:
    for path in (root / folder).iterdir():
        inside = folder / path.name
        if path.is_dir() and not path.is_symlink():
            if not spec.match_file(f"{inside.as_posix()}/"):  # what is in an ignored folder cannot come back
                yield from _below(root, inside, spec)
        elif not spec.match_file(inside.as_posix()):
            yield inside


def main(arguments: list[str] | None = None) -> int:
    """`python -m local_run.package app.zip`: write the zip and say what is in it."""
    parser = argparse.ArgumentParser(prog="python -m local_run.package", description="Write the deployed package.")
    parser.add_argument("zip", type=Path, help="the file to write")
    target = parser.parse_args(arguments).zip
    deployed = write_zip(target)
    print(f"{target}: {len(deployed)} files, {target.stat().st_size / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
