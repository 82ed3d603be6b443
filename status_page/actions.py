"""What the page's buttons do: each an API call that a script can make too, and the question that comes before. Pure.

The question says what will happen, to how many people and about how long it takes, so that nobody starts a large thing
by a slip.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.pace import AT_ONCE
from status_page import say


@dataclass(frozen=True)
class Action:
    """One button."""

    id: str
    label: str
    method: str
    path: str
    """After `/api/`."""
    body: dict[str, Any] | None = None
    title: str = ""
    """The question; empty: none is asked, because nothing large happens."""
    text: str = ""
    yes: str = ""
    """The word on the button that does it."""
    ask: str = ""
    """What the question also asks for in words, sent as the reason; empty: nothing."""
    urgent: bool = field(default=False)
    """Whether it is what the first line says to do."""

    @property
    def body_json(self) -> str:
        """The body as it is sent."""
        return "" if self.body is None else json.dumps(self.body)


def copy_again(user_id: str) -> Action:
    """One person, whatever the record says."""
    return Action(f"copy-{user_id}", "Copy again", "POST", "sync", {"users": [user_id], "force": True})


def put_back_earlier(user_id: str) -> Action:
    """One person as before the app."""
    return Action(
        f"restore-{user_id}",
        "Put back what was there before…",
        "POST",
        "sync",
        {"users": [user_id], "action": "restore"},
        "Put back what was there before?",
        "SharePoint shows this person's picture as it was before the app first wrote it, or none if there was none, "
        "and the app's three files are removed. What somebody else has set since stays. From then on the app leaves "
        "the person alone until you press Copy again.",
        "Put it back",
    )


def retry_failed(failed: int, per_minute: int) -> Action:
    """Everybody whose state is failed."""
    who = say.counted(failed, "person", "people")
    return Action(
        "retry-failed",
        f"Retry all failed ({say.number(failed)})",
        "POST",
        "retry",
        {"all": True},
        "Retry all failed?",
        f"The photos of {who} are looked at anew and copied, {_takes(failed, per_minute)}.",
        f"Retry {say.number(failed)}",
    )


def sweep_now() -> Action:
    """A sweep before its time."""
    return Action("sweep-now", "Sweep now", "POST", "sweep", {})


def lift_stop(would_remove: int) -> Action:
    """Let the pictures be cleared."""
    who = say.counted(would_remove, "person", "people")
    return Action(
        "lift-stop",
        "Let the pictures be cleared",
        "POST",
        "sweep",
        {"force": True},
        "Clear the pictures?",
        f"SharePoint will no longer show a picture of {who} or more. Do it only if Microsoft 365 really has none of "
        "them. The permission holds for a day.",
        "Clear them",
        urgent=True,
    )


def put_back(messages: int) -> Action:
    """The messages that could not be read."""
    several = say.counted(messages, "message", "messages")
    return Action(
        "put-back",
        f"Put {several} back",
        "POST",
        "retry",
        {"poison": True},
        f"Put {several} back?",
        "This version of the app tries to read them once more. If it cannot, they are set aside again.",
        "Put back",
    )


def pause_app() -> Action:
    """Stop all checking and copying."""
    return Action(
        "pause-app",
        "Pause copying…",
        "POST",
        "pause",
        {},
        "Pause the app?",
        "Nothing is checked and nothing copied until somebody resumes it. Changes are received and kept meanwhile, "
        "jobs wait (but for a restore, which goes on), and nothing is lost.",
        "Pause",
        ask="Why? (optional; everybody who opens this page reads it)",
    )


def resume_app() -> Action:
    """Let everything go on."""
    return Action("resume-app", "Resume", "DELETE", "pause", urgent=True)


def cancel_job(run_id: str, left: int) -> Action:
    """Stop a job."""
    return Action(
        f"cancel-{run_id}",
        "Cancel",
        "DELETE",
        f"sync/{run_id}",
        None,
        "Cancel this job?",
        f"About {say.counted(left, 'person', 'people')} will not be looked at. What has begun is brought to its end.",
        "Cancel the job",
    )


def _takes(users: int, per_minute: int) -> str:
    """At the pace of bulk work; a few people do not stand in its line."""
    if users <= AT_ONCE:
        return "within a minute or so"
    return f"after about {say.lasts(max(timedelta(minutes=1), timedelta(minutes=users / per_minute)))}"
