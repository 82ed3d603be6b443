"""What the views say while the app is paused: to each who waits, why."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import azure.functions as func

from shared.receive_visit import Visit
from shared.runs import RunKind
from shared.services import Services
from shared.status import StatusRow
from shared.who_gets_in import READ_ONLY, LetIn
from shared.words import UserState
from status_page.serve_page import Page
from status_page.serve_views import Views

ADMIN = LetIn("maria@contoso.com", is_named=True)
WAITS = "waits, since the app is paused"


def shown(services: Services, visitor: LetIn = ADMIN, **asked: Any) -> str:
    """The HTML of a view."""
    request = func.HttpRequest("POST", "/", headers={"x-photosync-page": "1"}, body=json.dumps(asked).encode())
    answer = Views(services, Page()).serve(Visit(request, visitor))
    assert answer.status_code == 200, answer.get_body()
    return " ".join(answer.get_body().decode().split())


def waiting(services: Services, state: UserState, **fields: Any) -> str:
    """Somebody in this state; gives the object id."""
    user = str(uuid4())
    services.status.insert(StatusRow(user, state, upn=f"{user}@contoso.com", **fields))
    return user


def test_whoever_waits_is_told_why(services: Services) -> None:
    """In a pause no list promises a next try, and each person's view says who paused, and why; afterwards none does."""
    now = services.clock.now()
    user = waiting(services, UserState.DEFERRED, next_attempt_at=now + timedelta(minutes=5), attempts=2)
    waiting(services, UserState.PENDING)
    waiting(services, UserState.IN_STEP)
    before = shown(services)
    assert "next try <time" in before
    assert WAITS not in before

    services.pause_switch.pause(now, "maria@contoso.com", "Moving <house>")
    home = shown(services)
    assert home.count(WAITS) == 2
    assert "next try <time" not in home
    assert "Moving &lt;house&gt;" in home
    person = shown(services, view="user", id=user)
    assert "The app is paused by maria@contoso.com since" in person
    assert "when the app is resumed" in person

    services.pause_switch.resume(now)
    assert WAITS not in shown(services)
    assert "paused" not in shown(services, view="user", id=user)


def test_a_job_that_waits_says_so(services: Services) -> None:
    """A job goes on later, and promises no end while nothing moves."""
    now = services.clock.now()
    run = services.runs.start(now=now, requested_by="a test", total=3, force=False, dry_run=False)
    services.pause_switch.pause(now, "a test", None)
    told = shown(services, view="run", id=run.run_id, kind=str(RunKind.JOB))
    assert WAITS in told
    assert "done about" not in told


def test_who_may_only_look_gets_no_button(services: Services) -> None:
    """No view holds a button that acts for a visitor who may not; an administrator has them on every one."""
    now = services.clock.now()
    user = waiting(services, UserState.FAILED, error_code="PhotoRefused")
    run = services.runs.start(now=now, requested_by="a test", total=3, force=False, dry_run=False)
    views: list[dict[str, Any]] = [
        {},
        {"view": "user", "id": user},
        {"view": "run", "id": run.run_id, "kind": str(RunKind.JOB)},
    ]
    for view in views:
        assert "data-method" in shown(services, **view)
        looking = shown(services, LetIn("function key", READ_ONLY), **view)
        assert "data-method" not in looking
        assert "Looking only." in looking
