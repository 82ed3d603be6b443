"""The local stack: storage, tenant and app wired together, each part restartable, nothing left behind."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msal
import pytest
import requests
from azure.data.tables import TableServiceClient

from local_run import core_tools
from local_run.processes import DidNotStart
from local_run.stack import PUBLIC_URL, ROOT, Stack, free_port
from tests.waiting import eventually

_APP = """
import os
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

@app.route(route="hello")
def hello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"{os.getpid()} {os.environ['EXTRA']} {os.environ['PHOTOSYNC_COMPANY']}")

@app.route(route="notified", auth_level=func.AuthLevel.ANONYMOUS)
def notified(req: func.HttpRequest) -> str:
    return req.params["validationToken"]

@app.queue_trigger(arg_name="msg", queue_name="stack-work", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None: ...
"""


def _write_app(folder: Path) -> Path:
    app = folder / "app"
    app.mkdir()
    (app / "function_app.py").write_text(_APP)
    (app / "host.json").write_text('{"version": "2.0"}')
    return app


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for this module; a test that ends the app starts it again."""
    folder = tmp_path_factory.mktemp("stack")
    with Stack.start(folder / "state", app=_write_app(folder), environment={"EXTRA": "more"}) as running:
        yield running


def test_stack_json_is_whole_and_private(stack: Stack) -> None:
    """Another program finds every address in stack.json, and no other account of the machine can read the key."""
    state = json.loads(stack.state_file.read_text())
    assert list(state) == ["app", "proxy", "tls", "ca", "control", "functionKey", "storage"]
    assert stat.S_IMODE(stack.state_file.stat().st_mode) == 0o600
    with requests.Session() as session:
        session.trust_env = False
        hello = session.get(f"{state['app']}/api/hello?code={state['functionKey']}", timeout=10)
        assert hello.text.split()[1:] == ["more", "Contoso"]
        session.proxies = {"https": state["proxy"]}
        session.verify = state["ca"]
        assert session.get("https://graph.microsoft.com/v1.0/users", timeout=10).status_code == 401
    with TableServiceClient.from_connection_string(state["storage"]) as tables:
        assert list(tables.list_tables()) == []


def test_the_settings_get_tokens(stack: Stack) -> None:
    """With the settings of the stack a real msal client signs in by certificate, for Graph and for SharePoint."""
    pem = Path(stack.environment()["PHOTOSYNC_CERTIFICATE_FILE"])
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600
    for resource in ("https://graph.microsoft.com", "https://contoso-my.sharepoint.com"):
        assert "access_token" in _sign_in(stack, resource)


def test_the_public_address_leads_to_the_app(stack: Stack) -> None:
    """What Graph calls under the public https address reaches the app: a subscription to it is accepted."""
    expires = datetime.now(UTC) + timedelta(days=1)
    wanted = {
        "changeType": "updated",
        "notificationUrl": f"{PUBLIC_URL}/api/notified",
        "resource": "users",
        "expirationDateTime": expires.isoformat(),
        "clientState": stack.environment()["PHOTOSYNC_CLIENT_STATE"],
    }
    token = _sign_in(stack, "https://graph.microsoft.com")["access_token"]
    with stack.tenant.session() as session:
        answer = session.post(
            "https://graph.microsoft.com/v1.0/subscriptions",
            json=wanted,
            headers={"Authorization": f"Bearer {token}", "User-Agent": "NONISV|Contoso|Tests/1.0"},
            timeout=20,
        )
    assert answer.status_code == 201, answer.text
    eventually(lambda: "POST '/api/notified' answered 200" in stack.host.log())


def test_the_app_restarts_where_it_was(stack: Stack) -> None:
    """After a crash the app is back at the same address with the same key: stack.json stays true."""
    before, pid = stack.state(), stack.host.process.pid
    stack.kill_app()
    with pytest.raises(LookupError, match="start_app"):
        _ = stack.host
    stack.start_app()
    assert stack.state() == before
    assert stack.host.process.pid != pid
    assert stack.host.call("GET", "/api/hello").status_code == 200


def test_a_second_host_on_the_same_storage(stack: Stack) -> None:
    """A second host of the same app runs beside the first, and each ends without the other."""
    second = stack.start_app()
    assert second.call("GET", "/api/hello").text.split()[0] != stack.host.call("GET", "/api/hello").text.split()[0]
    assert stack.stop_app(second) == 0
    assert stack.host.call("GET", "/api/hello").status_code == 200


def test_without_an_app(tmp_path: Path) -> None:
    """Storage and tenant alone serve a test that calls the product's code itself; at the end nothing runs."""
    with Stack.start(tmp_path / "state", app=None) as stack:
        settings = stack.environment()
        assert settings["HTTPS_PROXY"] == settings["https_proxy"] == stack.tenant.proxy
        assert settings["REQUESTS_CA_BUNDLE"] == settings["SSL_CERT_FILE"] == str(stack.tenant.ca)
        assert settings["NO_PROXY"] == "127.0.0.1,localhost"
        assert stack.state()["app"] is None
        with pytest.raises(LookupError, match="no app folder"):
            stack.start_app()
        processes = [stack.azurite.process.pid, stack.tenant.process.pid]
    assert not stack.state_file.exists()
    assert not any(_runs(pid) for pid in processes)


def test_a_part_that_does_not_start_takes_the_others_with_it(tmp_path: Path) -> None:
    """When the app cannot be served, the error says why, and neither storage nor tenant is left behind."""
    (tmp_path / "app").mkdir()
    before = _children()
    with pytest.raises(DidNotStart, match=r"There is no function_app\.py"):
        Stack.start(tmp_path / "state", app=tmp_path / "app")
    assert _children() == before
    assert not (tmp_path / "state" / "stack.json").exists()


class TestForeground:
    """`python -m local_run`, as `make run` starts it."""

    def test_from_start_to_ctrl_c(self, tmp_path: Path) -> None:
        """It tells where everything is, seeds people, shows the app's log, and Ctrl-C leaves nothing behind."""
        state_file = tmp_path / "state" / "stack.json"
        with _foreground(tmp_path, environment={"EXTRA": "x"}) as run:
            printed = tmp_path / "printed"
            eventually(lambda: "Serving 3 functions" in printed.read_text(), within=30)
            assert "The local stack is ready." in printed.read_text()
            assert printed.read_text().count("curl ") == 3
            state = json.loads(state_file.read_text())
            with requests.Session() as session:
                session.trust_env = False
                people = session.get(f"{state['control']}/users", timeout=10).json()
                assert len(people) == 6
                assert session.get(f"{state['app']}/api/hello?code={state['functionKey']}", timeout=10).ok
            eventually(lambda: "GET '/api/hello' answered 200" in printed.read_text())
            children = _children_of(run.pid)
            assert len(children) == 3
            run.send_signal(signal.SIGINT)
            assert run.wait(20) == 0
        assert not state_file.exists()
        assert not any(_runs(pid) for pid in children)

    def test_core_tools_that_are_not_there(self, tmp_path: Path) -> None:
        """Who asks for `func` without having it is told so, and how to go on; nothing is left running."""
        with _foreground(tmp_path, "--host", "func", environment={"PATH": _path_without_func()}) as run:
            assert run.wait(30) == 1
        assert "There is no `func` on PATH" in (tmp_path / "printed").read_text()
        assert not (tmp_path / "state" / "stack.json").exists()
        settings = json.loads((tmp_path / "state" / "local.settings.json").read_text())
        assert settings["Values"]["FUNCTIONS_WORKER_RUNTIME"] == "python"
        assert settings["Values"]["PHOTOSYNC_COMPANY"] == "Contoso"


def test_core_tools_get_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`func start` is called in the app's folder with the port, with the settings in its environment, and is ended."""
    app = _write_app(tmp_path)
    func = tmp_path / "bin" / "func"
    func.parent.mkdir()
    # A stand-in for Core Tools: takes `start --port N` in the app's folder and serves it.
    func.write_text(
        f'#!/bin/sh\n[ "$1 $2" = "start --port" ] && [ -f function_app.py ] || exit 9\n'
        f'app=$PWD; cd {ROOT} && exec {sys.executable} -m local_run.functions_host --app "$app" --port "$3" '
        f"--master-key none-is-needed --function-key none-is-needed 2>&1\n"
    )
    func.chmod(0o755)
    monkeypatch.setenv("PATH", f"{func.parent}:{os.environ['PATH']}")
    (tmp_path / "logs").mkdir()
    settings = {
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "EXTRA": "by func",
        "PHOTOSYNC_COMPANY": "C",
        "AzureWebJobs.work.Disabled": "true",
    }
    with core_tools.start(app, settings, logs=tmp_path / "logs", port=free_port()) as host:
        assert host.call("GET", "/api/hello").text.split(maxsplit=1)[1] == "by func C"
    assert host.process.exit_code == 0


def _sign_in(stack: Stack, resource: str) -> dict[str, str]:
    """What msal gets for a resource with nothing but the stack's settings."""
    settings = stack.environment()
    key, _, certificate = Path(settings["PHOTOSYNC_CERTIFICATE_FILE"]).read_text().partition("-----BEGIN CERTIFICATE")
    with stack.tenant.session() as session:
        client = msal.ConfidentialClientApplication(
            settings["PHOTOSYNC_CLIENT_ID"],
            authority=f"https://login.microsoftonline.com/{settings['PHOTOSYNC_TENANT_ID']}",
            client_credential={"private_key": key, "public_certificate": f"-----BEGIN CERTIFICATE{certificate}"},
            http_client=session,
        )
        answer: dict[str, str] = client.acquire_token_for_client([f"{resource}/.default"])
    return answer


def _foreground(folder: Path, *arguments: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    app = _write_app(folder)
    with (folder / "printed").open("wb") as printed:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "local_run", "--app", str(app), "--directory", str(folder / "state")),
                *("--port", str(free_port()), *arguments),
            ],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )


def _path_without_func() -> str:
    return os.pathsep.join(
        folder for folder in os.environ["PATH"].split(os.pathsep) if not (Path(folder) / "func").exists()
    )


def _children() -> set[int]:
    return set(_children_of(os.getpid()))


def _children_of(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
