"""Answers of the HTTP surface: JSON, and problem details (RFC 9457) for every error."""

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import azure.functions as func

from shared.failures import Failure, FailureKind


def json_answer(status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """An answer whose body is `value` as JSON; never cached, since it tells of a moment."""
    return func.HttpResponse(
        json.dumps(value, ensure_ascii=False, default=str),
        status_code=status,
        mimetype="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})},
    )


def problem(
    status: int, code: str, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> func.HttpResponse:
    """A problem: `code` names its kind for scripts, `title` says it, `detail` says what to do about this one.

    With a 503 the caller is always told when to ask again: after half a minute, unless `headers` say otherwise.
    """
    again = {"Retry-After": "30"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    body = {"type": f"urn:photosync:problem:{code}", "title": title, "status": status, "detail": detail, **more}
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False),
        status_code=status,
        mimetype="application/problem+json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **again, **(headers or {})},
    )


def problem_of(failure: Failure) -> func.HttpResponse:
    """The problem that a failure is to the caller of our API: 503 when waiting helps, 502 when it does not."""
    waiting_helps = failure.code.kind is FailureKind.WAIT
    seconds = max(1, math.ceil(failure.retry_after or 30.0))
    return problem(
        503 if waiting_helps else 502,
        str(failure.code),
        failure.code.sentence,
        f"{failure.code.remedy} {failure.detail}".strip(),
        {"Retry-After": str(seconds)} if waiting_helps else None,
        requestId=failure.request_id,
    )
