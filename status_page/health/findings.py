"""What a check finds, in words that may be shown to anybody. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from shared.failures import Failure, FailureCode
from shared.gates import Service

NAMES = {Service.GRAPH: "Microsoft Graph", Service.SHAREPOINT: "SharePoint", Service.ENTRA: "Entra ID"}
_CODES = re.compile(
    r"HTTP \d{3}(?: [\w.,\-]+(?: System\.[\w.]+| Microsoft\.[\w.]+)?(?=:))?|AADSTS\d+|\b\w+(?:Error|Timeout)\b"
)
"""What of a service's answer is told: its status, its codes, the kind of an exception; never its text, which may name
people."""


class Verdict(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    WARNING = "warning"
    """It works; something is unusual or will need somebody."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """It was not tried; `found` says why."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    verdict: Verdict
    found: str
    remedy: str = ""
    request_id: str = ""
    """Microsoft's, for its support."""


class Ended(Exception):  # noqa: N818 - the house's word for it
    """A check ends here, with this finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.found)
        self.finding = finding


def passed(found: str) -> Finding:
    """As it should be."""
    return Finding(Verdict.PASSED, found)


def warning(found: str, remedy: str) -> Finding:
    """Worth a look."""
    return Finding(Verdict.WARNING, found, remedy)


def failed(found: str, remedy: str, request_id: str = "") -> Finding:
    """To be mended."""
    return Finding(Verdict.FAILED, found, remedy, request_id)


def skipped(why: str) -> Finding:
    """Not tried."""
    return Finding(Verdict.SKIPPED, why)


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on all: the worst of them, what was skipped aside."""
    found = set(verdicts)
    return next((verdict for verdict in (Verdict.FAILED, Verdict.WARNING) if verdict in found), Verdict.PASSED)


def of_failure(failure: Failure, remedy: str = "") -> Finding:
    """A failed call as a finding; `remedy` in place of the code's own."""
    name = NAMES.get(Service(failure.service), "") if failure.service else "The service"
    if failure.code is FailureCode.TOO_MANY_REQUESTS:
        seconds = f"{failure.retry_after:.0f} s" if failure.retry_after else "a while"
        if failure.status is None:
            return skipped(
                f"{name} has asked the app for a pause; {seconds} of it are left, so it was not asked again."
            )
        return Finding(
            Verdict.WARNING,
            f"{name} asked the app to slow down and to wait for {seconds}.",
            f"{failure.code.remedy} Check again then.",
            failure.request_id,
        )
    codes = codes_of(failure.detail)
    found = f"{failure.code.sentence} {name} said: {codes}." if codes else failure.code.sentence
    if failure.code is FailureCode.SERVICE_UNAVAILABLE and not remedy:
        remedy = (
            f"Check again in a few minutes. If it stays, look at Microsoft 365's service health, and whether the app's "
            f"network (firewall, proxy, virtual network) lets it reach {name}."
        )
    return failed(found, remedy or failure.code.remedy, failure.request_id)


def codes_of(detail: str) -> str:
    """A failure's detail, as far as it may be told: statuses and codes, none of the service's words."""
    return ", ".join(dict.fromkeys(found.strip() for found in _CODES.findall(detail)))


def header(response: Any, name: str) -> str:
    """A header of Storage's answer, which the library types without any; empty when there is none."""
    return str(getattr(response, "headers", {}).get(name, ""))


def of_storage(error: AzureError, service: str, roles: str) -> Finding:
    """What Storage refused, as a finding. `service`: `queues` or `tables`; `roles`: what the app's identity needs."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    code = str(getattr(error, "error_code", "") or "")
    request_id = ""
    if isinstance(error, HttpResponseError) and error.response is not None:
        request_id = header(error.response, "x-ms-request-id")
    said = f"HTTP {status} {code}".strip() if status else type(error).__name__
    found = f"The storage account's {service} refused or did not answer: {said}."
    if status == 403 or isinstance(error, ClientAuthenticationError):
        remedy = (
            f"Give the app's identity the role {roles} on the storage account (Access control (IAM)), and look whether "
            "the account's firewall (Networking) lets the app in. New roles take up to ten minutes."
        )
    else:
        remedy = (
            "Check that AzureWebJobsStorage (or AzureWebJobsStorage__accountName) names the right account, that it "
            "exists, and that its firewall (Networking) lets the app in."
        )
    return failed(found, remedy, request_id)
