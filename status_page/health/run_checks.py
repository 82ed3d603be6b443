"""Running the checks: side by side where they do not need each other, and never for longer than an answer may take."""

import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from shared.settings import Settings
from status_page.health.catalogue import Check, Lane, checks_for
from status_page.health.findings import Ended, Finding, failed
from status_page.health.hide import Hider
from status_page.health.kit import Kit
from status_page.health.permissions import GRAPH_APP, SHAREPOINT_APP

LONGEST = 150.0
"""Seconds until what has not ended counts as failed; HTTP answers are cut at 230."""
_log = logging.getLogger("photosync.health")


@dataclass(frozen=True)
class Result:
    """One check with what it found."""

    check: Check
    finding: Finding
    milliseconds: int


def run_checks(kit: Kit, *, probe: bool = False) -> list[Result]:
    """All checks, in the order of the catalogue."""
    checks = checks_for(kit.settings, probe=probe)
    lanes = [[check for check in checks if check.lane is lane] for lane in Lane if lane is not Lane.AT_THE_END]
    found: dict[str, Result] = {}
    pool = ThreadPoolExecutor(len(lanes), thread_name_prefix="health")
    try:
        wait([pool.submit(_run_lane, kit, lane, found) for lane in lanes], timeout=LONGEST)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    _run_lane(kit, [check for check in checks if check.lane is Lane.AT_THE_END], found)
    hider = hider_of(kit)
    return [_hidden(found.get(check.id) or _not_ended(check), hider) for check in checks]


def _run_lane(kit: Kit, checks: Sequence[Check], found: dict[str, Result]) -> None:
    for check in checks:
        started = time.monotonic()
        try:
            finding = check.look(kit)
        except Ended as ended:
            finding = ended.finding
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and told
            # One check's defect must not cost the others' answers.
            _log.exception("the check %s failed by itself", check.id)
            finding = failed(
                f"The check itself failed: {type(error).__name__}.",
                "Please open an issue of the project with the app's log of this moment.",
            )
        found[check.id] = Result(check, finding, round((time.monotonic() - started) * 1000))


def _not_ended(check: Check) -> Result:
    finding = failed(
        f"It did not end within {LONGEST:.0f} seconds, or waited for another one that did not.",
        "Look at the first check of its section that has not passed, then check again.",
    )
    return Result(check, finding, round(LONGEST * 1000))


def hider_of(kit: Kit) -> Hider:
    """What must not appear in the answer, as far as the settings tell, and which ids may."""
    settings, storage = kit.settings, kit.services.platform("AzureWebJobsStorage")
    return Hider([*secrets_of(settings), *_keys_in(storage)], _harmless(kit))


def secrets_of(settings: Settings) -> list[str]:
    """The settings' values that nobody is to read, the test user's name among them."""
    given = (
        settings.client_state,
        settings.client_state_previous,
        settings.certificate,
        settings.certificate_password,
    )
    secrets = [secret.get_secret_value() for secret in given if secret is not None]
    return [*secrets, *([settings.test_user] if settings.test_user else [])]


def _keys_in(connection_string: str) -> Iterable[str]:
    parts = (part.partition("=") for part in connection_string.split(";"))
    return [value for name, _, value in parts if name in {"AccountKey", "SharedAccessSignature"} and value]


def _harmless(kit: Kit) -> list[str]:
    settings = kit.settings
    principals = [claims.principal for claims in kit.learned.claims.values()]
    own = (settings.tenant_id, settings.client_id or "", settings.managed_identity_client_id or "")
    return [*own, *principals, GRAPH_APP, SHAREPOINT_APP]


def _hidden(result: Result, hider: Hider) -> Result:
    finding = result.finding
    return replace(
        result,
        finding=Finding(
            finding.verdict,
            hider.clean(finding.found),
            hider.clean(finding.remedy),
            hider.request_id(finding.request_id),
        ),
    )
