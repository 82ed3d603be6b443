"""What the administrator sees. Here are the bindings: unpack, call, pack."""

import functools
from typing import TYPE_CHECKING

import azure.functions as func

from shared.services import services

if TYPE_CHECKING:
    from status_page.serve_page import Page
    from status_page.serve_views import Views

bp = func.Blueprint()  # type: ignore[no-untyped-call] # the library leaves it unannotated


@functools.cache
def _page() -> "Page":
    from status_page.serve_page import Page

    return Page()


@functools.cache
def _views() -> "Views":
    from status_page.serve_views import Views

    return Views(services(), _page())


@bp.route("dashboard", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def dashboard(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding's name
    """The page, without any data: anyone may have it."""
    return _page().shell()


@bp.route("dashboard/assets/{name}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def dashboard_asset(req: func.HttpRequest) -> func.HttpResponse:
    """The page's script, style and icon."""
    return _page().asset(req.route_params["name"])


@bp.route("dashboard/view", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
def dashboard_view(req: func.HttpRequest) -> func.HttpResponse:
    """What the page shows, for its own script."""
    return _views().serve(req.get_body(), req.headers)


@bp.route("overview", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def overview(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding's name
    """Whether all is well, and if not, what to do."""
    from status_page.overview import tell_overview

    return tell_overview(_views().home.facts(), services().clock)


@bp.route("status", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def status(req: func.HttpRequest) -> func.HttpResponse:
    """Where users stand, page by page."""
    from status_page.list_status import list_status

    asked = req.params
    return list_status(services(), asked.get("state"), asked.get("after"), asked.get("text"), asked.get("size"))


@bp.route("status.csv", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def status_csv(req: func.HttpRequest) -> func.HttpResponse:
    """The same for a spreadsheet."""
    from status_page.export_csv import export_csv

    return export_csv(services(), req.params.get("state"), req.params.get("text"), req.params.get("after"))


@bp.route("status/{user}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def user_status(req: func.HttpRequest) -> func.HttpResponse:
    """Where one user stands, with the latest attempts."""
    from status_page.list_status import tell_user

    return tell_user(services(), req.route_params["user"])


@bp.route("status/{user}/photo", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def user_photo(req: func.HttpRequest) -> func.HttpResponse:
    """One person's photo, of Graph or of SharePoint."""
    from status_page.show_photo import show_photo

    return show_photo(services(), req.route_params["user"], req.params.get("of"))
