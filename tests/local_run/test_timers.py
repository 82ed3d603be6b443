"""Timers on a real host: schedule, startup, missed runs, retries, one at a time."""

import json
from datetime import UTC, datetime, timedelta

from local_run.azurite import Azurite
from local_run.functions_host.blobs import Blob
from local_run.functions_host.storage_account import ConnectionString, StorageAccount
from tests.local_run.apps import ThrowAwayApp
from tests.waiting import eventually

_TICK = """
@app.timer_trigger(arg_name="t", schedule="%SCHEDULE%")
def tick(t: func.TimerRequest) -> None:
    tell(at=time.time(), past_due=t.past_due, last=t.schedule_status["Last"], by=os.getpid())
"""


def test_a_timer_keeps_its_seconds(app: ThrowAwayApp) -> None:
    """A timer of every second runs at the full seconds, is told of its last run, and errors do not stop it."""
    app.write(_TICK + '    raise RuntimeError("ticked")\n')
    app.start(environment={"SCHEDULE": "* * * * * *"})
    eventually(lambda: len(app.told()) >= 2)
    first, second = app.told()[:2]
    assert [fact["at"] % 1 < 0.5 for fact in (first, second)] == [True, True]
    assert int(second["at"]) - int(first["at"]) == 1
    assert first["last"] is None
    assert abs(datetime.fromisoformat(second["last"]).timestamp() - first["at"]) < 0.5
    assert first["past_due"] is False


def test_run_on_startup(app: ThrowAwayApp) -> None:
    """A timer that says so runs when the host starts; another one does not."""
    app.write(
        """
@app.timer_trigger(arg_name="t", schedule="0 0 0 1 1 *", run_on_startup=True)
async def eager(t: func.TimerRequest) -> None:
    tell(ran="eager", past_due=t.past_due)

@app.timer_trigger(arg_name="t", schedule="0 0 0 1 1 *")
def patient(t: func.TimerRequest) -> None:
    tell(ran="patient")
"""
    )
    host = app.start()
    eventually(lambda: app.told(ran="eager", past_due=False))
    eventually(lambda: "The next run of 'patient'" in host.log())
    assert not app.told(ran="patient")


def test_a_missed_run_is_made_up_for_once(app: ThrowAwayApp, azurite: Azurite) -> None:
    """A host that was away when its timer was due runs it once at the start, marked as past due, and only once."""
    app.write(_TICK)
    environment = {"SCHEDULE": "0 0 * * * *"}
    host = app.start(environment=environment)
    eventually(lambda: "The next run of 'tick'" in host.log())
    host_id = host.call("GET", "/admin/host/status", key=host.master_key).json()["id"]
    assert host.stop() == 0
    assert app.told() == []

    account = StorageAccount(ConnectionString.parse(azurite.connection_string))
    blob = Blob(account, f"timers/{host_id}/tick/status")
    kept = json.loads(blob.read() or b"")
    assert datetime.fromisoformat(kept["Next"]) > datetime.now(UTC)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    away_since = {"Last": (hour - timedelta(hours=3)).isoformat(), "Next": (hour - timedelta(hours=2)).isoformat()}
    blob.write(json.dumps(kept | away_since).encode())
    account.close()

    host = app.start(environment=environment)
    (fact,) = eventually(app.told)
    assert (fact["past_due"], fact["last"]) == (True, away_since["Last"])
    eventually(lambda: "The next run of 'tick'" in host.log())
    assert host.stop() == 0
    host = app.start(environment=environment)
    eventually(lambda: "The next run of 'tick'" in host.log())
    assert len(app.told()) == 1


def test_retries_of_a_timer(app: ThrowAwayApp) -> None:
    """A retry policy repeats a failed run with its delay, and the function knows which attempt it is."""
    app.write(
        """
@app.timer_trigger(arg_name="t", schedule="0 0 0 1 1 *", run_on_startup=True)
@app.retry(strategy="fixed_delay", max_retry_count="1", delay_interval="00:00:01")
def tick(t: func.TimerRequest, context: func.Context) -> None:
    tell(attempt=context.retry_context.retry_count, of=context.retry_context.max_retry_count, at=time.time())
    raise RuntimeError("again")
"""
    )
    host = app.start()
    eventually(lambda: len(app.told()) == 2)
    eventually(lambda: "The next run of 'tick'" in host.log())
    facts = app.told()
    assert [(fact["attempt"], fact["of"]) for fact in facts] == [(0, 0), (1, 1)]
    assert facts[1]["at"] - facts[0]["at"] >= 1


def test_one_host_at_a_time(app: ThrowAwayApp) -> None:
    """Of two hosts one runs the timer; when that one ends in order, the other takes over."""
    app.write(_TICK)
    environment = {"SCHEDULE": "* * * * * *"}
    hosts = [app.start(environment=environment), app.start(environment=environment)]
    eventually(lambda: len(app.told()) >= 2)
    by = {fact["by"] for fact in app.told()}
    assert len(by) == 1
    (holder,) = (host for host in hosts if host.process.pid in by)
    holder.stop()
    eventually(lambda: {fact["by"] for fact in app.told()} == {host.process.pid for host in hosts})
    seconds = [int(fact["at"]) for fact in app.told()]
    assert len(seconds) == len(set(seconds))
