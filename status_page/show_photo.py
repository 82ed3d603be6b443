"""One person's photo, as Graph has it or as SharePoint serves it: for the administrator who wants to see, on request.

Nothing is kept, and nothing but a picture is passed on: what the bytes are is told from the bytes.
"""

from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

import azure.functions as func

from shared.failures import Failure
from shared.picture_names import Hosts, picture_paths
from shared.problem import problem, problem_of
from shared.services import Services
from shared.settings import Settings
from shared.status import StatusRow
from status_page.list_status import find_one, never_looked_at

_PATIENCE = timedelta(seconds=20)
_KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"GIF8", "image/gif"))


def show_photo(services: Services, user: str, of: str | None) -> func.HttpResponse:
    """The picture; a problem when there is none, or when it is none."""
    if of not in {"source", "target"}:
        return problem(400, "bad-request", "Which photo?", "?of=source is Microsoft 365's, ?of=target SharePoint's.")
    seen = find_one(services, user)
    if seen is None:
        return never_looked_at()
    try:
        content = _source(services, seen.row) if of == "source" else _target(services, seen.row)
    except Failure as failure:
        return problem_of(failure)
    if content is None:
        where = "Microsoft 365" if of == "source" else "SharePoint"
        return problem(404, "no-picture", f"{where} has no picture of this person.", "There is nothing to show.")
    kind = image_type(content)
    if kind is None:
        detail = f"{len(content):,} bytes that begin with {content[:8].hex(' ')}."
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-a-picture", "That is not a picture.", detail)
    headers = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return func.HttpResponse(content, mimetype=kind, headers=headers)


def image_type(content: bytes) -> str | None:
    """The media type that the first bytes prove; None for anything that is not shown. Pure."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _KINDS if content.startswith(start)), None)


def my_hosts(settings: Settings) -> set[str]:
    """The My Site hosts of all our geos."""
    suffix = settings.cloud.endpoints.sharepoint_suffix
    return {Hosts.of(name, suffix).my for name in (settings.sharepoint_name, *settings.geos.values())}


def _source(services: Services, row: StatusRow) -> bytes | None:
    graph = services.graph(services.caller(give_up_at=services.clock.now() + _PATIENCE))
    return graph.download(row.user_id, services.settings.max_photo_megabytes * 1024 * 1024)


def _target(services: Services, row: StatusRow) -> bytes | None:
    """The large one of the pictures that the recorded URL leads to; only ever from the tenant's own hosts."""
    from shared.sharepoint import SharePoint

    host = urlsplit(row.picture_url or "").netloc
    if not row.picture_url or host not in my_hosts(services.settings):
        return None
    caller = services.caller(give_up_at=services.clock.now() + _PATIENCE)
    return SharePoint(caller, Hosts(host, "")).read_file(picture_paths(row.picture_url)[2])
