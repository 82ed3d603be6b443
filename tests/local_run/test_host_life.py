"""How a host starts, refuses to start, waits for storage, and ends."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local_run.app_host import AppHost
from local_run.azurite import DEVELOPMENT_KEY, Azurite, Ports
from local_run.processes import DidNotStart
from tests.local_run.apps import ThrowAwayApp, count, encoded, texts
from tests.waiting import eventually

_WORK = """
@app.queue_trigger(arg_name="msg", queue_name="work-%MARK%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None:
    tell(begun=msg.get_body().decode())
    wait_for("go")
    tell(ended=msg.get_body().decode())

@app.route(route="slow")
def slow(req: func.HttpRequest) -> str:
    tell(begun="request")
    wait_for("go")
    return "done"

@app.route(route="spin")
async def spin(req: func.HttpRequest) -> str:
    tell(begun="spin")
    wait_for("never")
"""


_UNSET = """
@app.queue_trigger(arg_name="m", queue_name="%NOT_SET%", connection="AzureWebJobsStorage")
def work(m: func.QueueMessage) -> None: ...
"""
_ELSEWHERE = """
@app.queue_trigger(arg_name="m", queue_name="work", connection="Elsewhere")
def work(m: func.QueueMessage) -> None: ...
"""
_UNBOUND = """
@app.route(route="x")
def x(other: func.HttpRequest) -> str: ...
"""


class TestEnd:
    """SIGTERM, SIGINT, a second signal, and a parent that is gone."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_what_runs_may_end(self, app: ThrowAwayApp, number: signal.Signals) -> None:
        """On a signal the host takes nothing new, lets the running function end, settles its message, and exits 0."""
        app.write(_WORK, queues={"batchSize": 1, "newBatchThreshold": 0})
        queue = app.queue("work")
        queue.send_message(encoded("one"))
        host = app.start()
        eventually(lambda: app.told(begun="one"))
        queue.send_message(encoded("two"))
        host.signal(number)
        eventually(lambda: "Ending: 1 invocations run." in host.log())
        app.open_gate("go")
        assert host.process.wait(10) == 0
        assert app.told(ended="one")
        assert texts(queue) == ["two"]
        assert not app.told(begun="two")

    def test_a_running_request_is_answered(self, app: ThrowAwayApp) -> None:
        """A request under way gets its answer during the end; a new one is not accepted any more."""
        app.write(_WORK)
        host = app.start()
        caller = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import urllib.request as u; print(u.urlopen('{host.url}/api/slow').read().decode())",
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        eventually(lambda: app.told(begun="request"))
        host.signal(signal.SIGTERM)
        eventually(lambda: _refuses(host))
        app.open_gate("go")
        assert caller.communicate(timeout=10)[0] == "done\n"
        assert host.process.wait(10) == 0

    def test_what_does_not_end_is_cut_off(self, app: ThrowAwayApp) -> None:
        """After the limit the host ends all the same, names what it cut off, and leaves the message to its lease."""
        app.write(_WORK)
        queue = app.queue("work")
        queue.send_message(encoded("one"))
        host = app.start(drain_seconds=0.2)
        eventually(lambda: app.told(begun="one"))
        assert host.stop() == 1
        assert "cut off: work" in host.log()
        assert count(queue) == 1

    def test_a_second_signal_ends_it_at_once(self, app: ThrowAwayApp) -> None:
        """Who is in a hurry signals twice, even while a function blocks the event loop."""
        app.write(_WORK)
        host = app.start()
        caller = subprocess.Popen(
            [sys.executable, "-c", f"import urllib.request as u; u.urlopen('{host.url}/api/spin')"],
            stderr=subprocess.DEVNULL,
        )
        eventually(lambda: app.told(begun="spin"))
        host.signal(signal.SIGTERM)
        host.signal(signal.SIGINT)
        assert host.process.wait(5) == 130
        assert caller.wait(5) != 0

    def test_nothing_survives_a_killed_parent(self, app: ThrowAwayApp) -> None:
        """Azurite and the host end when the process that started them is killed, so a dead test run leaves nothing."""
        app.write(_WORK)
        program = f"""
import sys
from pathlib import Path
from local_run.app_host import AppHost
from local_run.azurite import Azurite
azurite = Azurite.start(logs=Path({str(app.logs)!r}))
host = AppHost.start(Path({str(app.folder)!r}), {app.environment!r}, logs=Path({str(app.logs)!r}))
print(azurite.process.pid, host.process.pid, flush=True)
sys.stdin.read()
"""
        parent = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        assert [_runs(pid) for pid in children] == [True, True]
        parent.kill()
        parent.communicate()
        eventually(lambda: not any(_runs(pid) for pid in children))


class TestRefusalToStart:
    """Apps that cannot be served end the start with exit code 1 and a sentence that says why."""

    def test_no_function_app(self, app: ThrowAwayApp) -> None:
        """A folder without function_app.py is named."""
        assert f"There is no function_app.py in {app.folder}" in _refusal(app)

    def test_no_host_json(self, app: ThrowAwayApp) -> None:
        """A folder without host.json is named."""
        (app.folder / "function_app.py").touch()
        assert f"There is no host.json in {app.folder}" in _refusal(app)

    @pytest.mark.parametrize(
        ("source", "told"),
        [
            ("", "No functions were found"),
            ("import a_module_that_nobody_has", "ModuleNotFoundError: No module named 'a_module_that_nobody_has'"),
            ("second = func.FunctionApp()", "More than one FunctionApp"),
            ("app = None", "Could not find top level function app instances in function_app.py"),
            (_UNBOUND, "the following parameters are declared in Python"),
            (_UNSET, "The function 'work' is in error: '%NOT_SET%' does not resolve to a value"),
            (_ELSEWHERE, "The setting Elsewhere is missing"),
        ],
    )
    def test_a_broken_app(self, app: ThrowAwayApp, source: str, told: str) -> None:
        """What is wrong with an app is said in the runtime's or the host's own plain words."""
        app.write(source)
        assert told in _refusal(app)

    def test_a_taken_port(self, app: ThrowAwayApp) -> None:
        """A port that something else listens on is named, with the way out."""
        app.write(_WORK)
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            assert f"Port {port} is taken" in _refusal(app, port=port)

    def test_azurite_on_a_taken_port(self) -> None:
        """Azurite says so too, instead of being waited for in vain."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with pytest.raises(DidNotStart, match="address already in use"):
                Azurite.start(ports=Ports(queue=port))


def test_a_host_waits_for_storage(app: ThrowAwayApp) -> None:
    """With storage away the host serves HTTP, says what it waits for, and goes on by itself once storage is there."""
    app.write(
        _WORK
        + """
@app.timer_trigger(arg_name="t", schedule="0 0 0 1 1 *", run_on_startup=True)
def tick(t: func.TimerRequest) -> None:
    tell(tick=t.past_due)
"""
    )
    app.open_gate("go")
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = Ports(blob=one.getsockname()[1], queue=two.getsockname()[1])
    app.environment["AzureWebJobsStorage"] = _connection_string(ports)
    host = app.start()
    assert host.call("GET", "/api/slow").text == "done"
    eventually(lambda: "cannot be read: storage does not answer" in host.log())
    eventually(lambda: "The timer 'tick' waits for storage" in host.log())
    with Azurite.start(ports=ports) as late:
        app.use(late)
        app.queue("work").send_message(encoded("late"))
        eventually(lambda: app.told(ended="late") and app.told(tick=False))
        assert "answers again" in host.log()
    eventually(lambda: host.log().count("cannot be read") == 2)
    assert host.stop() == 0


def test_where_the_app_runs_and_what_it_is_given(app: ThrowAwayApp) -> None:
    """The app runs in its own folder, imports its own packages and nothing of ours, and gets its local settings."""
    (app.folder / "parts").mkdir()
    (app.folder / "parts" / "__init__.py").write_text("WORD = 'own'")
    app.write(
        """
import importlib.util
from parts import WORD
@app.route(route="where")
def where(req: func.HttpRequest) -> str:
    return f"{WORD} {Path('host.json').exists()} {importlib.util.find_spec('simulated_tenant')}"

@app.route(route="who")
def who(req: func.HttpRequest) -> str:
    return os.environ["WHO"] + os.environ["MARK"]
"""
    )
    file = app.logs / "local.settings.json"
    file.write_text('{"Values": {"WHO": "file ", "MARK": "never"}}')
    host = app.start(settings=file)
    assert host.call("GET", "/api/where").text == "own True None"
    # The file's values count where the environment has none.
    assert host.call("GET", "/api/who").text == f"file {app.environment['MARK']}"


def _refusal(app: ThrowAwayApp, *, port: int = 0) -> str:
    """What the host says when it does not start; fails when it does."""
    ended = subprocess.run(
        [sys.executable, "-m", "local_run.functions_host", "--app", str(app.folder), "--port", str(port)],
        env=app.whole_environment(),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Traceback" not in ended.stderr.splitlines()[-1]
    return ended.stderr


def _refuses(host: AppHost) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", int(host.url.rpartition(":")[2]))) != 0


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def _connection_string(ports: Ports) -> str:
    account = "http://127.0.0.1:{}/devstoreaccount1"
    return (
        f"AccountName=devstoreaccount1;AccountKey={DEVELOPMENT_KEY};"
        f"BlobEndpoint={account.format(ports.blob)};QueueEndpoint={account.format(ports.queue)}"
    )
