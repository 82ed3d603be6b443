"""Where users stand, as CSV for a spreadsheet: all that match, in parts that can be put together.

A part has up to 20,000 rows and takes some seconds at most; the header `Link` with rel="next" leads to the following
one, which has no heading line, so that the parts joined are one file.
Source: RFC 4180; OWASP, "CSV Injection".
"""

import csv
import io
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode

import azure.functions as func

from shared.failures import FailureCode
from shared.problem import problem
from shared.services import Services
from shared.status import StatusRow
from status_page.find_users import find_users
from status_page.list_status import read_filters

ROWS_A_PART = 20_000
SECONDS_A_PART = 20.0
HEADING = (
    "name",
    "user principal name",
    "object id",
    "state",
    "last copied (UTC)",
    "last checked (UTC)",
    "attempts",
    "next attempt (UTC)",
    "error",
    "error means",
    "detail",
    "request id",
)
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for something else."""


def export_csv(services: Services, state: str | None, text: str | None, after: str | None) -> func.HttpResponse:
    """One part of the file."""
    asked = read_filters(state, text, after)
    if isinstance(asked, func.HttpResponse):
        return asked
    try:
        found = find_users(services.status, replace(asked, size=ROWS_A_PART), seconds=SECONDS_A_PART)
    except ValueError as error:
        return problem(400, "bad-request", "The query parameter after is wrong.", str(error))
    headers = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": 'attachment; filename="photo-sync-status.csv"',
    }
    if found.after:
        query = {"state": state, "text": text, "after": found.after}
        given = urlencode({name: value for name, value in query.items() if value})
        headers["Link"] = f'</api/status.csv?{given}>; rel="next"'
    return func.HttpResponse(
        as_csv(found.rows, heading=after is None).encode(),
        mimetype="text/csv",
        charset="utf-8",
        headers=headers,
    )


def as_csv(rows: list[StatusRow], *, heading: bool) -> str:
    """The rows as CSV. Pure."""
    text = io.StringIO()
    writer = csv.writer(text)
    if heading:
        text.write(_BYTE_ORDER_MARK)
        writer.writerow(HEADING)
    writer.writerows([harmless(value) for value in _values(row)] for row in rows)
    return text.getvalue()


def harmless(value: str) -> str:
    """The value so that no spreadsheet takes it for a formula. Pure."""
    return f"'{value}" if value.startswith(_STARTS_A_FORMULA) else value


def _values(row: StatusRow) -> tuple[str, ...]:
    return (
        row.display_name or "",
        row.upn or "",
        row.user_id,
        str(row.state),
        _moment(row.copied_at),
        _moment(row.checked_at),
        str(row.attempts),
        _moment(row.next_attempt_at),
        row.error_code or "",
        FailureCode.read(row.error_code).sentence if row.error_code else "",
        row.error_detail or "",
        row.error_request_id or "",
    )


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""
