"""What Microsoft's answers mean: from a status and a body to a value or a `Failure`. Pure: no network, no clock."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.failures import Failure, FailureCode
from shared.gates import Service
from shared.retry_after import seconds_to_wait

_UNAVAILABLE = {408, 500, 502, 503, 504, 509}


@dataclass(frozen=True)
class Answer:
    """An answer that its caller asked to see."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    request_id: str

    def json(self) -> Any:
        """The body as JSON; raises `Failure` when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Failure(
                FailureCode.ANSWER_NOT_UNDERSTOOD,
                f"HTTP {self.status} with a body that is no JSON",
                request_id=self.request_id,
                status=self.status,
            ) from None


def failure_of(service: Service, answer: Answer, now: datetime) -> Failure:
    """What a status means, in one table. The text of an answer is shown, never decided on."""
    retry_after = (
        seconds_to_wait(answer.headers, now) if answer.status == 429 or answer.status in _UNAVAILABLE else None
    )
    match answer.status:
        case 429:
            code = FailureCode.TOO_MANY_REQUESTS
        case status if status in _UNAVAILABLE:
            code = FailureCode.SERVICE_UNAVAILABLE
        case 401:
            code = FailureCode.SIGN_IN_FAILED
        case 403:
            code = FailureCode.NOT_PERMITTED
        case 423:
            code = FailureCode.TARGET_LOCKED
        case _:
            code = FailureCode.REQUEST_REFUSED
    return Failure(code, describe(answer), answer.request_id, retry_after, service, answer.status)


def describe(answer: Answer) -> str:
    """The service's own error code and words, shortened, from any of the shapes that Graph and SharePoint use."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    error = body.get("odata.error") or body.get("error") or body if isinstance(body, dict) else None
    if not isinstance(error, dict):
        text = body.get("error_description") or error if isinstance(body, dict) else None
        return f"HTTP {answer.status} {text or ''}".strip()[:300]
    message = error.get("message") or error.get("error_description") or ""
    words = message.get("value", "") if isinstance(message, dict) else message
    return f"HTTP {answer.status} {error.get('code', '')}: {words}".strip()[:300]


def error_code(answer: Answer) -> str:
    """Graph's error code in the answer's body; empty when there is none."""
    try:
        return str(json.loads(answer.body)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def claims_challenge(answer: Answer) -> str | None:
    """The claims challenge in a 401's WWW-Authenticate header, decoded; None when there is none."""
    found = re.search(r'claims="([A-Za-z0-9+/_=-]+)"', answer.headers.get("WWW-Authenticate", ""))
    if not found:
        return None
    try:
        return base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
