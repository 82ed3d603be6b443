"""A real browser without a window, for pictures of the page and for its tests: the machine's own Chromium or Chrome."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
)


class NoBrowser(Exception):  # noqa: N818 - it says what it is
    """There is no browser on this machine; the text says how to get one."""


def find_browser() -> Path:
    """Where the browser is; raises `NoBrowser`."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise NoBrowser("No Chromium or Chrome was found. Debian, Ubuntu: apt-get install -y chromium.")
    return Path(found)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a fresh profile, which ends with the context."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=find_browser(), headless=True, args=list(_OPTIONS))
        try:
            yield running
        finally:
            running.close()
