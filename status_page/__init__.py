"""What the administrator sees. Here are the bindings: unpack, call, pack."""

import functools
from typing import TYPE_CHECKING

import azure.functions as func

from shared.front_door import FrontDoor
from shared.needs import Needs
from shared.services import services
from shared.unexpected import values_left_out

if TYPE_CHECKING:
    from shared.openapi import Described
    from shared.receive_visit import Visit
    from status_page.serve_page import Page
    from status_page.serve_views import Views

EVERY_HOUR = "0 40 * * * *"

bp = func.Blueprint()  # type: ignore[no-untyped-call] # the library leaves it unannotated


def _described() -> "Described":
    from status_page.describe import DESCRIBED

    return DESCRIBED


door = FrontDoor(bp, described=_described)


@functools.cache
def _page() -> "Page":
    from status_page.serve_page import Page

    return Page()


@functools.cache
def _views() -> "Views":
    from status_page.serve_views import Views

    return Views(services(), _page())


@door.route("GET", "dashboard", Needs.NOTHING, "Give the page, without any data")
def dashboard(_visit: "Visit") -> func.HttpResponse:
    """The page, without any data: anyone may have it."""
    return _page().shell(services().settings.sign_in)


@door.route("GET", "dashboard/assets/{name}", Needs.NOTHING, "Give the page's script, style or icon")
def dashboard_asset(visit: "Visit") -> func.HttpResponse:
    """The page's script, style and icon."""
    return _page().asset(visit.path["name"])


@door.route("POST", "dashboard/view", Needs.LOOK, "Give the page's script what it shows")
def dashboard_view(visit: "Visit") -> func.HttpResponse:
    """What the page shows, for its own script."""
    return _views().serve(visit)


@door.route("GET", "overview", Needs.LOOK, "Tell whether all is well, and if not, what to do")
def overview(_visit: "Visit") -> func.HttpResponse:
    """Whether all is well, and if not, what to do."""
    from status_page.overview import tell_overview

    home = _views().home
    return tell_overview(home.facts(), home.last_hours.get(), services().clock)


@door.route("GET", "openapi.json", Needs.NOTHING, "Give this description")
def openapi(_visit: "Visit") -> func.HttpResponse:
    """The API's description. It holds nothing of the tenant's: anyone may have it."""
    from status_page.give_description import give_description

    return give_description(services().settings.sign_in)


@door.route("GET", "status", Needs.LOOK, "List where users stand")
def status(visit: "Visit") -> func.HttpResponse:
    """Where users stand, page by page."""
    from status_page.list_status import list_status

    asked = visit.query
    return list_status(services(), asked.get("state"), asked.get("after"), asked.get("text"), asked.get("size"))


@door.route("GET", "status.csv", Needs.LOOK, "List where users stand, for a spreadsheet")
def status_csv(visit: "Visit") -> func.HttpResponse:
    """The same for a spreadsheet."""
    from status_page.export_csv import export_csv

    return export_csv(
        services(),
        visit.query.get("state"),
        visit.query.get("text"),
        visit.query.get("after"),
    )


@door.route("GET", "status/{user}", Needs.LOOK, "Tell where one user stands, with the latest attempts")
def user_status(visit: "Visit") -> func.HttpResponse:
    """Where one user stands, with the latest attempts."""
    from status_page.list_status import tell_user

    return tell_user(services(), visit.path["user"])


@door.route("GET", "status/{user}/photo", Needs.LOOK, "Show one user's photo, of Microsoft 365 or of SharePoint")
def user_photo(visit: "Visit") -> func.HttpResponse:
    """One person's photo, of Graph or of SharePoint."""
    from status_page.show_photo import show_photo

    return show_photo(services(), visit.path["user"], visit.query.get("of"))


@door.route("GET", "health", Needs.LOOK, "Check everything that the app depends on")
def health(visit: "Visit") -> func.HttpResponse:
    """Every dependency, used with the app's own identity; with `?probe=write` a test user's picture too."""
    from status_page.health.tell_health import tell_health

    return tell_health(services(), visit)


@bp.timer_trigger(arg_name="timer", schedule=EVERY_HOUR)
def keep_house(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """Everybody is counted, and what is too old goes."""
    from shared.prune import prune

    with values_left_out():
        _views().home.tallies.refresh()
        prune(services())
