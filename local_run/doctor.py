"""`make doctor`: what an administrator runs first. Asks an app to check everything, and prints what it found.

Without an address it asks the local stack (`make run`). The key is read from the environment variable PHOTOSYNC_KEY, or
asked for; never from the command line, where other users of the machine and the shell's history would see it.

Ends with 0 when no check has failed, 1 when one has, 2 when there is no report.
"""

import argparse
import getpass
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from local_run.doctor_report import Paper, report
from local_run.doctor_unanswered import Unanswered, no_stack, of_answer, of_error
from local_run.stack import ROOT

TIMEOUTS = (10, 240)
"""Seconds to connect, and for the answer: Azure cuts one off at 230."""
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Target:
    """The app that is asked."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    is_local: bool = False


def main(arguments: list[str] | None = None) -> int:
    """Ask, print, and give the exit code."""
    given = _parser().parse_args(arguments)
    try:
        target = deployed(given.url, os.environ) if given.url else local(given.directory)
        told = ask(target, given.probe or None)
    except Unanswered as why:
        print(why, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Not waited for.", file=sys.stderr)
        return 2
    print(json.dumps(told, indent=2, ensure_ascii=False) if given.output == "json" else report(told, _paper()))
    return 1 if told["counts"]["failed"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_run.doctor", description=__doc__)
    parser.add_argument("--url", default="", help="of a deployed app; without it, the local stack is asked")
    parser.add_argument("--probe", choices=("", "write"), default="", help="write a picture for the test user, too")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    parser.add_argument("--directory", type=Path, default=ROOT / ".local", help="of the local stack")
    return parser


def deployed(url: str, environment: Mapping[str, str]) -> Target:
    """An app by its address, with what lets us in. Raises `Unanswered` when that is missing."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if not parts.hostname or (parts.scheme != "https" and parts.hostname not in _LOOPBACK):
        raise Unanswered(
            f"{url} is not the https address of an app.\n→ make doctor URL=https://<app>.azurewebsites.net"
        )
    headers: dict[str, str] = {}
    if token := environment.get("PHOTOSYNC_TOKEN", "").strip():
        headers["Authorization"] = f"Bearer {token}"
    elif key := environment.get("PHOTOSYNC_KEY", "").strip() or _ask_for_key():
        headers["x-functions-key"] = key
    else:
        raise Unanswered(
            "There is no key.\n→ Put one into the environment variable PHOTOSYNC_KEY: Function App, App keys, any key "
            "under Host keys."
        )
    return Target(f"{parts.scheme}://{parts.netloc}", headers, is_local=parts.hostname in _LOOPBACK)


def local(directory: Path) -> Target:
    """The app of the local stack. Raises `Unanswered` when none runs."""
    try:
        state = json.loads((directory / "stack.json").read_text("utf-8"))
        return Target(str(state["app"]), {"x-functions-key": str(state["functionKey"])}, is_local=True)
    except (OSError, ValueError, KeyError):
        raise no_stack(directory, ROOT) from None


def ask(target: Target, probe: str | None) -> dict[str, Any]:
    """The report. Raises `Unanswered` when there is none."""
    what = "to check everything and to write a picture for the test user" if probe else "to check everything"
    with requests.Session() as session, _waiting(f"Asking {target.url} {what}; usually seconds, three minutes at most"):
        session.trust_env = not target.is_local  # the local stack is not reached through a proxy
        try:
            answer = session.get(
                f"{target.url}/api/health",
                params={"probe": probe} if probe else None,
                headers=target.headers,
                timeout=TIMEOUTS,
                allow_redirects=False,  # the key is for this host alone
            )
        except requests.RequestException as error:
            raise of_error(target.url, error) from None
    try:
        told = answer.json()
        if answer.status_code in {200, 503} and {"verdict", "counts", "checks"} <= told.keys():
            return dict(told)
    except (ValueError, AttributeError):
        pass
    raise of_answer(target.url, answer)


def _ask_for_key() -> str:
    """Typed in without being shown; empty when nobody is there to type."""
    return getpass.getpass("Function key of the app (it is not shown): ").strip() if sys.stdin.isatty() else ""


@contextmanager
def _waiting(what: str) -> Iterator[None]:
    """Say what is awaited, on the side, so that the report can be piped; in a terminal with the seconds."""
    live, over, started = sys.stderr.isatty(), threading.Event(), time.monotonic()

    def count() -> None:
        while not over.wait(1):
            print(f"\r{what} … {time.monotonic() - started:.0f} s", end="", file=sys.stderr, flush=True)

    print(f"{what} …", end="" if live else "\n", file=sys.stderr, flush=True)
    counter = threading.Thread(target=count, daemon=True)
    if live:
        counter.start()
    try:
        yield
    finally:
        over.set()
        if live:
            counter.join()
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _paper() -> Paper:
    """What standard output can show. Source: no-color.org: NO_COLOR, when not empty, forbids colours."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    signs = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    return Paper(width, colour, signs)


if __name__ == "__main__":
    sys.exit(main())
