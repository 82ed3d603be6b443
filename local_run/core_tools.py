"""The app under Azure Functions Core Tools (`func`), for who has them, with the same settings as under our own host."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from local_run.app_host import AppHost
from local_run.client_certificate import write_private
from local_run.processes import ChildProcess, DidNotStart

_ANY_KEY = "none-is-needed"
"""Core Tools ask for no keys on this machine."""
_START_SECONDS = 120.0
"""The first start downloads the extension bundle."""


def settings_file(settings: Mapping[str, str]) -> dict[str, Any]:
    """The content of a `local.settings.json` with these settings."""
    return {"IsEncrypted": False, "Values": {"FUNCTIONS_WORKER_RUNTIME": "python", **settings}}


def start(app: Path, settings: Mapping[str, str], *, logs: Path, port: int) -> AppHost:
    """Run `func start` for the app and wait until it answers; raises `DidNotStart` when it does not, or is not there.

    The settings are also written to `local.settings.json` in `logs`, to copy or to compare with.
    """
    document = settings_file(settings)
    write_private(logs / "local.settings.json", json.dumps(document, indent=2).encode() + b"\n")
    func = shutil.which("func")
    if func is None:
        raise DidNotStart(
            "There is no `func` on PATH. Install Azure Functions Core Tools 4 (https://aka.ms/func-core-tools), "
            "or run without --host func: the built-in host needs nothing."
        )
    process = ChildProcess(
        "func start",
        [func, "start", "--port", str(port)],
        out=logs / "app.log",
        err=logs / "func.err",
        # `func` reads local.settings.json in the app's folder only; variables of the environment go before it.
        # The worker must be this very Python: it is the one that has the app's packages.
        environment={
            **os.environ,
            **document["Values"],
            "languageWorkers__python__defaultExecutablePath": sys.executable,
        },
        directory=app,
        own_group=True,
    )
    url = f"http://127.0.0.1:{port}"
    process.wait_until(lambda: _answers(url), within=_START_SECONDS)
    ready = {"url": url, "functionKey": _ANY_KEY, "masterKey": _ANY_KEY, "functions": []}
    return AppHost(process, ready, process.out)


def _answers(url: str) -> bool | None:
    session = requests.Session()
    session.trust_env = False
    try:
        with session:
            status = session.get(f"{url}/admin/host/status", headers={"x-functions-key": _ANY_KEY}, timeout=2)
            return True if status.ok and status.json().get("state") == "Running" else None
    except (requests.RequestException, ValueError):
        return None
