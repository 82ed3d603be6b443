"""What the administrator sees. Here are the bindings: unpack, call, pack."""

import azure.functions as func

from shared.services import services

bp = func.Blueprint()  # type: ignore[no-untyped-call] # the library leaves it unannotated


@bp.route("status", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def status(req: func.HttpRequest) -> func.HttpResponse:
    """Where all users stand, page by page."""
    from status_page.list_status import list_status

    return list_status(services(), req.params.get("state"), req.params.get("after"))


@bp.route("status/{user}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def user_status(req: func.HttpRequest) -> func.HttpResponse:
    """Where one user stands, with the latest attempts."""
    from status_page.list_status import tell_user

    return tell_user(services(), req.route_params["user"])
