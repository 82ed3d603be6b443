"""The views behind the key: what the page's script asks for, as pieces of HTML."""

import logging
from collections.abc import Callable
from typing import Literal

import azure.functions as func
from azure.core.exceptions import AzureError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared import paused
from shared.logs import Happened, tell
from shared.problem import problem
from shared.receive_visit import Visit, storage_away
from shared.runs import RunKind
from shared.services import Services
from shared.signed_in import comes_from_the_page
from shared.who_gets_in import LetIn
from shared.words import UserState
from status_page.find_users import SORTABLE, Sort
from status_page.own_clock import OwnClock
from status_page.runs_told import RunBook
from status_page.serve_page import HEADERS, Page
from status_page.view_home import HomeView
from status_page.view_user import gather_user

_FRAGMENT = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; sandbox"}
_log = logging.getLogger("photosync.page")


class ViewRequest(BaseModel):
    """The body of `POST /api/dashboard/view`. What is looked for stands here: an address would be kept in logs."""

    model_config = ConfigDict(extra="ignore")

    view: Literal["home", "user", "run"] = "home"
    state: UserState | Literal[""] = ""
    text: str = Field(default="", max_length=200)
    sort: Sort = Sort.NAME
    place: str | None = Field(default=None, max_length=1000)
    looked_at: int = Field(default=0, ge=0, alias="lookedAt")
    """People whom this search has looked at before this place."""
    id: str = Field(default="", max_length=200)
    kind: RunKind = RunKind.JOB


class Views:
    """The views of one process: what the shell's script asks for, as pieces of HTML."""

    def __init__(self, services: Services, page: Page) -> None:
        self._services = services
        self._page = page
        self._book = RunBook(services)
        self._clock = OwnClock(services)
        self._home = HomeView(services, self._book)

    @property
    def home(self) -> HomeView:
        """The facts behind the first view."""
        return self._home

    def serve(self, visit: Visit) -> func.HttpResponse:
        """One view, with the buttons that this visitor may press."""
        if not comes_from_the_page({name.lower(): value for name, value in visit.headers.items()}):
            return problem(403, "not-the-page", "This answers the page's own script.", "Scripts read /api/overview.")
        try:
            asked = ViewRequest.model_validate_json(visit.body or b"{}")
        except ValidationError:
            return problem(400, "bad-request", "The page asked for something unknown.", "Load the page again.")
        views: dict[str, Callable[[ViewRequest, LetIn], str | None]] = {
            "home": self._home_html,
            "user": self._user_html,
            "run": self._run_html,
        }
        try:
            html = views[asked.view](asked, visit.let_in)
        except ValueError as error:
            return problem(400, "bad-request", "There is no such place.", str(error))
        except AzureError as error:
            tell(_log, Happened.PAGE_FAILED, error=type(error).__name__)
            return storage_away()
        if html is None:
            return problem(404, "not-there", "There is nothing here.", "It may have been removed since.")
        return func.HttpResponse(html, mimetype="text/html", charset="utf-8", headers=HEADERS | _FRAGMENT)

    def _home_html(self, asked: ViewRequest, visitor: LetIn) -> str:
        home = self._home.gather(asked.state or None, asked.text, asked.sort, asked.place, asked.looked_at)
        tenant = self._services.settings.sharepoint_name
        common = {"visitor": visitor, "pause": home.facts.pause, "most_sorted": SORTABLE}
        foot = {
            "region": self._services.platform("REGION_NAME"),
            "keep_days": self._services.settings.keep_days,
            "clock_off": self._clock.off(),
        }
        return self._page.render(
            "home.html", home=home, now=home.now, asked=asked, sorts=Sort, tenant=tenant, **common, **foot
        )

    def _user_html(self, asked: ViewRequest, visitor: LetIn) -> str | None:
        try:
            view = gather_user(self._services, asked.id)
        except ValueError:  # no object id, so nobody's
            return None
        if view is None:
            return None
        common = {"visitor": visitor, "pause": paused.read(self._services.control)}
        return self._page.render("user.html", view=view, row=view.row, now=view.now, **common)

    def _run_html(self, asked: ViewRequest, visitor: LetIn) -> str | None:
        told = self._book.tell(asked.kind, asked.id)
        if told is None:
            return None
        common = {"visitor": visitor, "pause": paused.read(self._services.control)}
        return self._page.render("run.html", run=told, now=self._services.clock.now(), **common)
