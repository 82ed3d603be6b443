"""`make doctor`: what it prints, how it ends, and what it says when an app gives no report."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from local_run import doctor
from local_run.doctor_report import Paper, report
from local_run.doctor_unanswered import settings_in_log, wrong_settings
from local_run.stack import ROOT

KEY = "the-key-of-this-app"


def check(verdict: str, **fields: Any) -> dict[str, Any]:
    """One check of a report."""
    usual = {"id": "x", "section": "Storage", "title": "Queues", "milliseconds": 7, "found": "It is so."}
    rest: dict[str, Any] = {"remedy": None, "requestId": None, "verifies": []}
    return {**usual, **rest, "verdict": verdict, **fields}


def told(*checks: dict[str, Any]) -> dict[str, Any]:
    """A report of these."""
    counts = {
        word: sum(one["verdict"] == word for one in checks) for word in ("passed", "warning", "failed", "skipped")
    }
    worst = "failed" if counts["failed"] else "warning" if counts["warning"] else "passed"
    return {"verdict": worst, "counts": counts, "checks": list(checks)}


class App(BaseHTTPRequestHandler):
    """Somebody who answers as told, and remembers what was asked."""

    answer: ClassVar[tuple[int, str, bytes, dict[str, str]]]
    seen: ClassVar[list[tuple[str, dict[str, str]]]]

    def do_GET(self) -> None:
        """Answer."""
        type(self).seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        status, kind, body, headers = type(self).answer
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def app(status: int, body: Any, kind: str = "application/json", **headers: str) -> Iterator[tuple[str, type[App]]]:
    """An app that answers so; its address."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler = type("Handler", (App,), {"answer": (status, kind, content, headers), "seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key, as an administrator gives it."""
    monkeypatch.setenv("PHOTOSYNC_KEY", KEY)
    monkeypatch.delenv("PHOTOSYNC_TOKEN", raising=False)


def test_a_report_reads_without_colour() -> None:
    """Sections, a line a check with sign and word, details indented, the remedy behind an arrow, counts at the end."""
    text = report(
        told(
            check("passed"),
            check("warning", found="Odd.", remedy="Look at it."),
            check("failed", section="Graph", title="Users", remedy="Grant it.", requestId="r-1", verifies=["d.md#a"]),
            check("skipped", section="Graph"),
        ),
        Paper(),
    )
    assert text.splitlines() == [
        "",
        "Storage",
        "  ✓ passed   Queues  7 ms",
        "      It is so.",
        "  ! warning  Queues  7 ms",
        "      Odd.",
        "      → Look at it.",
        "",
        "Graph",
        "  ✗ failed   Users  7 ms",
        "      It is so.",
        "      → Grant it.",
        "      request id r-1, for Microsoft's support",
        "      assumed of a live tenant: d.md#a",
        "  – skipped  Queues  7 ms",
        "      It is so.",
        "",
        "1 failed, 1 warning, 1 passed, 1 skipped",
    ]


def test_a_report_fits_every_terminal() -> None:
    """Narrow ones, those without colour or Unicode; and nothing that comes over the network is obeyed by one."""
    given = told(check("failed", found="word " * 40, remedy="\033[2Jdo this \x07", title="Grüße\r"))
    narrow = report(given, Paper(width=50))
    assert max(map(len, narrow.splitlines())) <= 50
    assert not set("\033\x07\r") & set(narrow)
    assert report(given, Paper(signs=False)).isascii()
    painted = report(given, Paper(colour=True))
    assert "\033[31m✗ failed" in painted


def test_it_asks_with_the_key_and_ends_with_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    """0 when nothing has failed, 1 when something has, whatever the status; the key goes into a header."""
    for verdict, status, code in (("passed", 200, 0), ("warning", 200, 0), ("failed", 503, 1)):
        with app(status, told(check(verdict))) as (url, asked):
            assert doctor.main(["--url", url, "--probe", "write"]) == code
            ((path, headers),) = asked.seen
        assert path == "/api/health?probe=write"
        assert headers["x-functions-key"] == KEY
    out, err = capsys.readouterr()
    assert out.rstrip().endswith("1 failed, 0 warnings, 0 passed")
    assert "to write a picture" in err
    assert KEY not in out + err


def test_json_is_the_apps_own_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """For a script: standard output holds the report and nothing else."""
    given = told(check("passed"))
    with app(200, given) as (url, _):
        assert doctor.main(["--url", url, "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == given


def test_an_access_token_goes_before_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """For an app whose people sign in with Entra ID."""
    monkeypatch.setenv("PHOTOSYNC_TOKEN", "a-token")
    with app(200, told(check("passed"))) as (url, asked):
        doctor.main(["--url", url])
        headers = asked.seen[0][1]
    assert headers["authorization"] == "Bearer a-token"
    assert "x-functions-key" not in headers


PROBLEM = {"title": "You may look, but not act.", "detail": "That takes a role."}
UNANSWERED: dict[str, tuple[int, Any, str, dict[str, str], str]] = {
    "a wrong key": (401, b"", "text/plain", {}, "App keys, Host keys"),
    "a stopped app": (403, b"<html>stopped</html>", "text/html", {}, "Overview: Start"),
    "a problem": (403, PROBLEM, "application/problem+json", {}, "You may look, but not act."),
    "another app": (404, b"", "text/plain", {}, "the app has no /api/health"),
    "an app that does not start": (500, b"", "text/plain", {}, "Log stream"),
    "the platform's own 503": (503, b"The service is unavailable.", "text/html", {}, "Log stream"),
    "a sign-in page": (302, b"", "text/html", {"Location": "https://login.example/?a=b"}, "login.example"),
    "something else": (200, {"hello": 1}, "application/json", {}, "that is no report"),
    "no json": (200, b"<html>", "text/html", {}, "that is no report"),
}


@pytest.mark.parametrize("what", UNANSWERED)
def test_without_a_report_it_says_what_to_check(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 2, and says what that answer means and where to look; a redirection is not followed with the key."""
    status, body, kind, headers, expected = UNANSWERED[what]
    with app(status, body, kind, **headers) as (url, asked):
        assert doctor.main(["--url", url]) == 2
        assert len(asked.seen) == 1
    out, err = capsys.readouterr()
    assert expected in err
    assert "→" in err
    assert out == ""


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://photosync.invalid", "no host called photosync.invalid"),
        ("http://127.0.0.1:9", "Nothing listens at 127.0.0.1"),
        ("http://photosync.azurewebsites.net", "is not the https address"),
        ("ftp://x", "is not the https address"),
    ],
)
def test_an_address_that_does_not_answer(
    url: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No host, nobody there, or no address at all: each in its own words. The key never goes over plain HTTP."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert doctor.main(["--url", url]) == 2
    assert expected in capsys.readouterr().err


def test_an_untrusted_certificate_is_no_riddle() -> None:
    """It says so, with what a company's proxy needs."""
    import requests

    from local_run.doctor_unanswered import of_error

    assert "REQUESTS_CA_BUNDLE" in str(of_error("https://a.example", requests.exceptions.SSLError("bad")))
    assert "slept" in str(of_error("https://a.example", requests.exceptions.ReadTimeout("slow")))


def test_without_a_key_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody can type one, the environment variable is named."""
    monkeypatch.delenv("PHOTOSYNC_KEY")
    with app(200, told()) as (url, asked):
        assert doctor.main(["--url", url]) == 2
        assert asked.seen == []
    assert "PHOTOSYNC_KEY" in capsys.readouterr().err


def test_a_local_stack_that_did_not_start_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stack the last log is read for the settings that were wrong, the latest start's."""
    assert doctor.main(["--directory", str(tmp_path)]) == 2
    assert "make run" in capsys.readouterr().err
    old = "x 1 of the app's settings must be mended before it can start:\n  PHOTOSYNC_OLD: is missing. It is: old\n"
    new = old.replace("OLD", "TENANT_ID") + "  AzureWebJobsStorage: is missing\nTraceback\n  PHOTOSYNC_NOT: no\n"
    (tmp_path / "app.log").write_text(old + "more\n" + new)
    assert doctor.main(["--directory", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "PHOTOSYNC_TENANT_ID: is missing" in err
    assert not {"PHOTOSYNC_OLD", "PHOTOSYNC_NOT"} & set(err.replace(":", " ").split())
    assert settings_in_log(tmp_path / "none.log") == []


def test_settings_of_core_tools_are_read_too(tmp_path: Path) -> None:
    """What `func start` would refuse is said, a complete file passes, an unreadable one is called that."""
    file = tmp_path / "local.settings.json"
    assert wrong_settings(file) is None
    file.write_text((ROOT / "local.settings.sample.json").read_text("utf-8"))
    assert wrong_settings(file) is None
    file.write_text('{"Values": {"PHOTOSYNC_COMPANY": "Contoso"}}')
    assert "PHOTOSYNC_TENANT_ID: is missing" in str(wrong_settings(file))
    file.write_text("{")
    assert "cannot be read" in str(wrong_settings(file))


def test_make_passes_everything_on() -> None:
    """`make doctor URL=… OUTPUT=json PROBE=write` in a process of its own, with the key from the environment only."""
    with app(200, told(check("passed"))) as (url, asked):
        done = subprocess.run(
            ["make", "--no-print-directory", "doctor", f"URL={url}", "OUTPUT=json", "PROBE=write"],  # noqa: S607 - make
            cwd=ROOT,
            env=os.environ | {"NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert asked.seen[0][0] == "/api/health?probe=write"
        assert asked.seen[0][1]["x-functions-key"] == KEY
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "passed"
