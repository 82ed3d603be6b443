"""Why an app gave no report, and what to look at: for `make doctor`, when there is nothing else to print."""

import json
import re
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import requests

from shared.settings import Settings, SettingsError

_MENDED = "of the app's settings must be mended"
_STARTS = (
    "Look at what it says when it starts: Function App, Log stream (or Application Insights, exceptions). Most often a "
    "setting is missing or wrong: the first error names each, with what it is for. "
    "Then: is the storage account that AzureWebJobsStorage names there, and does it let the app in?"
)


class Unanswered(Exception):  # noqa: N818 - the house's word for it
    """There is no report; the text says why, and what to look at."""


def of_error(url: str, error: requests.RequestException) -> Unanswered:
    """The app could not be reached."""
    host = urlsplit(url).hostname or url
    words = repr(error)
    if isinstance(error, requests.exceptions.SSLError):
        return Unanswered(
            f"{host} did not prove who it is: its certificate is not trusted here.\n"
            "→ If a proxy of your company inspects traffic, name its certificate in REQUESTS_CA_BUNDLE. Otherwise "
            "check the custom domain's certificate: Function App, Custom domains."
        )
    if isinstance(error, requests.exceptions.Timeout):
        return Unanswered(
            f"{host} did not answer in time.\n"
            "→ Try again in a minute, since an app that has slept takes time to start. If it stays: is it stopped, "
            "or reachable only from inside a virtual network (Function App, Networking)?"
        )
    if "NameResolution" in words or "getaddrinfo" in words or "Name or service not known" in words:
        return Unanswered(
            f"There is no host called {host}, as far as this machine's DNS knows.\n"
            "→ Compare it with Function App, Overview, Default domain. An app behind a private endpoint has a "
            "name only inside its network."
        )
    return Unanswered(
        f"Nothing listens at {host}: {type(error).__name__}.\n"
        "→ Check the address. On this machine: does `make run` still run? In Azure: is the app started (Function App, "
        "Overview), and does a proxy or a firewall stand between?"
    )


def of_answer(url: str, answer: requests.Response) -> Unanswered:
    """Something answered, but not with a report."""
    host, status = urlsplit(url).hostname or url, answer.status_code
    if told := _problem(answer):
        return Unanswered(f"The app refused, with {status}: {told}{_about_the_token(status)}")
    match status:
        case HTTPStatus.UNAUTHORIZED:
            what = "the key was not accepted"
            todo = (
                "Take a key from Function App, App keys, Host keys, into the environment variable PHOTOSYNC_KEY. If "
                "people sign in with Entra ID (PHOTOSYNC_SIGN_IN is entra), give an access token in PHOTOSYNC_TOKEN."
            )
        case HTTPStatus.FORBIDDEN:
            what = "it lets nobody in"
            todo = (
                "Is the app stopped (Function App, Overview: Start)? Do access restrictions keep this machine out "
                "(Networking, Inbound traffic)?"
            )
        case HTTPStatus.NOT_FOUND:
            what = "the app has no /api/health"
            todo = f"Either this is another app, or an older version, or the app did not start. {_STARTS}"
        case _ if 300 <= status < 400:
            what = f"it leads elsewhere, to {urlsplit(answer.headers.get('Location', '')).netloc or 'nowhere'}"
            todo = (
                "The key is not sent there. If that is a sign-in page, give an access token in PHOTOSYNC_TOKEN; if it "
                "is the app's real address, use that as URL."
            )
        case _ if status >= 500:
            what, todo = "the app does not start, or failed", _STARTS
        case _:
            what, todo = (
                "that is no report",
                "Check that URL is the address of this app: https://<app>.azurewebsites.net",
            )
    return Unanswered(f"{host} answered {status}: {what}.\n→ {todo}")


def no_stack(directory: Path, root: Path) -> Unanswered:
    """No local stack runs, and no address was given."""
    lines = [
        f"No local stack runs: there is no {directory.name}/stack.json.",
        "→ Start one with `make run`; or name a deployed app: make doctor URL=https://<app>.azurewebsites.net",
    ]
    if said := settings_in_log(directory / "app.log"):
        lines += ["", "The app's last log says why it did not start:", *said]
    if wrong := wrong_settings(root / "local.settings.json"):
        lines += ["", "local.settings.json, which `func start` reads, is not complete:", wrong]
    return Unanswered("\n".join(lines))


def settings_in_log(log: Path) -> list[str]:
    """The lines of a log that name missing or wrong settings, of the latest start that failed for them."""
    try:
        lines = log.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    begins = [number for number, line in enumerate(lines) if _MENDED in line]
    if not begins:
        return []
    named = []
    for line in lines[begins[-1] + 1 :]:
        if not re.search(r"\b(PHOTOSYNC_\w+|AzureWebJobsStorage\w*)[:=]", line):
            break
        named.append(f"  {line.strip()}")
    return named


def wrong_settings(file: Path) -> str | None:
    """What is wrong with the settings in a `local.settings.json`; None when nothing is, or there is no such file."""
    try:
        values = json.loads(file.read_text("utf-8"))["Values"]
        Settings.from_environment({str(name): str(value) for name, value in values.items()})
    except FileNotFoundError:
        return None
    except SettingsError as error:
        return str(error)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"  it cannot be read: {type(error).__name__}"
    return None


def _problem(answer: requests.Response) -> str | None:
    """The title and detail of a problem of our own (RFC 9457); None when it is none."""
    if "problem+json" not in answer.headers.get("Content-Type", ""):
        return None
    try:
        told = answer.json()
        return f"{told['title']}\n→ {told['detail']}"
    except (ValueError, KeyError, TypeError):
        return None


def _about_the_token(status: int) -> str:
    if status != HTTPStatus.UNAUTHORIZED:
        return ""
    return "\n  For this command the access token goes into the environment variable PHOTOSYNC_TOKEN."
