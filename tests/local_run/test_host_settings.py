"""host.json, local.settings.json, keys, retry policies and timer status: values in, values out."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local_run.functions_host import app_settings, functions, host_json, timer_status
from local_run.functions_host.errors import StartFailed
from local_run.functions_host.host_json import HostSettings, QueueRules
from local_run.functions_host.keys import Keys
from local_run.functions_host.ncrontab import Schedule
from local_run.functions_host.protos import RpcFunctionMetadata
from local_run.functions_host.retry_policy import RetryPolicy
from local_run.functions_host.storage_account import ConnectionString
from local_run.functions_host.timer_status import FirstRun, TimerStatus

_NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
_HOURLY = Schedule.parse("0 0 * * * *")


def test_defaults_are_azures() -> None:
    """An empty host.json means what it means in Azure."""
    assert host_json.parse({"version": "2.0"}, {}) == HostSettings(
        route_prefix="api",
        function_seconds=1800,
        queues=QueueRules(
            batch_size=16,
            new_batch_threshold=8,
            max_dequeue_count=5,
            visibility_seconds=0,
            max_polling_seconds=60,
            encoding="base64",
        ),
    )


def test_every_entry_is_read() -> None:
    """Each setting of host.json that the host knows takes effect; half the batch is the threshold's default."""
    document = {
        "functionTimeout": "00:10:00",
        "extensions": {
            "http": {"routePrefix": ""},
            "queues": {
                "batchSize": 4,
                "maxDequeueCount": 3,
                "visibilityTimeout": "00:01:30",
                "maxPollingInterval": "00:00:02",
                "messageEncoding": "none",
            },
        },
    }
    assert host_json.parse(document, {}) == HostSettings("", 600, QueueRules(4, 2, 3, 90, 2, "none"))


def test_a_setting_overrides_host_json() -> None:
    """`AzureFunctionsJobHost__…` in the environment goes before the file, as in Azure."""
    environment = {"AzureFunctionsJobHost__extensions__queues__batchSize": "2"}
    assert host_json.parse({"extensions": {"queues": {"batchSize": 9}}}, environment).queues.batch_size == 2


@pytest.mark.parametrize(
    ("queues", "told"),
    [
        ({"batchSize": 33}, "batchSize must be a whole number from 1 to 32"),
        ({"maxDequeueCount": 0}, "maxDequeueCount"),
        ({"visibilityTimeout": "soon"}, "must be a time such as 00:05:00"),
        ({"messageEncoding": "hex"}, "must be base64 or none"),
    ],
)
def test_bad_entries_are_named(tmp_path: Path, queues: dict[str, object], told: str) -> None:
    """A value that Azure would refuse is refused here, by its name."""
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {"queues": queues}}))
    with pytest.raises(StartFailed, match=told):
        host_json.read(tmp_path, {})


def test_no_limit_on_functions() -> None:
    """`-1` lets functions run as long as they like."""
    assert host_json.parse({"functionTimeout": "-1"}, {}).function_seconds is None


def test_local_settings_come_behind_the_environment(tmp_path: Path) -> None:
    """The file's values count only where the environment has none."""
    file = tmp_path / "local.settings.json"
    file.write_text('{"IsEncrypted": false, "Values": {"A": "file", "B": "file"}}')
    environment = {"A": "environment"}
    app_settings.load_local_settings(file, environment)
    assert environment == {"A": "environment", "B": "file"}


@pytest.mark.parametrize("content", ["{", '{"IsEncrypted": true}', '{"Values": {"A": 1}}', None])
def test_unusable_settings_files_are_refused(tmp_path: Path, content: str | None) -> None:
    """A settings file that is missing, broken, encrypted or not of strings ends the start with its name."""
    file = tmp_path / "mine.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(StartFailed, match=r"mine\.json"):
        app_settings.load_local_settings(file, {})


def test_substitution() -> None:
    """`%NAME%` becomes the setting's value, also inside a text; a missing setting is named."""
    assert app_settings.substitute("a-%X%-b-%Y%", {"X": "1", "Y": "2"}) == "a-1-b-2"
    assert app_settings.substitute("100%", {}) == "100%"
    with pytest.raises(StartFailed, match="there is no setting Z"):
        app_settings.substitute("%Z%", {})


def test_connection_strings() -> None:
    """Azure's endpoints follow from the account's name; explicit ones, as Azurite's, are taken as they are."""
    azure = ConnectionString.parse(
        "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=a2V5;EndpointSuffix=core.chinacloudapi.cn"
    )
    assert azure.queue_endpoint == "https://acc.queue.core.chinacloudapi.cn"
    assert azure.key == b"key"
    assert (
        ConnectionString.parse("UseDevelopmentStorage=true").queue_endpoint == "http://127.0.0.1:10001/devstoreaccount1"
    )


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "AzureWebJobsStorage is missing"),
        ({"AzureWebJobsStorage": "nonsense"}, "no storage connection string"),
        ({"AzureWebJobsStorage__accountName": "acc"}, "set AzureWebJobsStorage to a connection string"),
    ],
)
def test_a_missing_connection_is_told(environment: dict[str, str], told: str) -> None:
    """A storage setting that cannot work ends the start and says which one it is."""
    with pytest.raises(StartFailed, match=told):
        app_settings.connection_string("", environment)


@pytest.mark.parametrize(
    ("level", "given", "admitted"),
    [
        ("anonymous", None, True),
        ("function", None, False),
        ("function", "f", True),
        ("function", "m", True),
        ("function", "ф", False),
        ("admin", "f", False),
        ("admin", "m", True),
        ("admin", "", False),
    ],
)
def test_keys(*, level: str, given: str | None, admitted: bool) -> None:
    """The function key opens functions, the master key everything, and nothing else anything."""
    assert Keys(function="f", master="m").admit(level, given) is admitted


def test_made_up_keys_differ_and_stay_out_of_sight() -> None:
    """Two runs never share a key by default, and a key is not in the value's printed form."""
    one, two = Keys(), Keys()
    assert len({one.function, one.master, two.function, two.master}) == 4
    assert one.master not in repr(one)


def test_retry_waits() -> None:
    """A fixed delay stays the same and ends with the count; a growing one doubles up to its maximum, for ever at -1."""
    second, minute = timedelta(seconds=1), timedelta(seconds=5)
    fixed = RetryPolicy(2, second, second, grows=False)
    growing = RetryPolicy(-1, second, minute, grows=True)
    assert [fixed.wait_before(retry) for retry in (1, 2, 3)] == [1, 1, None]
    assert [growing.wait_before(retry) for retry in (1, 2, 3, 4, 5_000)] == [1, 2, 4, 5, 5]


@pytest.mark.parametrize(
    ("kept", "run_on_startup", "first"),
    [
        (None, False, FirstRun.WAIT),
        (None, True, FirstRun.ON_STARTUP),
        (TimerStatus(_NOON - timedelta(hours=3), _NOON - timedelta(hours=2), _NOON), True, FirstRun.PAST_DUE),
        (TimerStatus(None, _NOON - timedelta(hours=1), _NOON - timedelta(hours=2)), False, FirstRun.PAST_DUE),
        (TimerStatus(_NOON, _NOON + timedelta(hours=1), _NOON), False, FirstRun.WAIT),
        # Kept under another schedule (every ten minutes): not a run of this one that was missed.
        (TimerStatus(_NOON - timedelta(hours=2), _NOON - timedelta(minutes=110), _NOON), False, FirstRun.WAIT),
    ],
)
def test_what_a_timer_does_first(*, kept: TimerStatus | None, run_on_startup: bool, first: FirstRun) -> None:
    """A run that was missed while no host was there is made up for once; otherwise the binding decides."""
    found, status = timer_status.at_start(kept, _HOURLY, _NOON, run_on_startup=run_on_startup)
    assert found is first
    assert status.next == _NOON + timedelta(hours=1)


def test_a_long_run_makes_one_run_late_not_many() -> None:
    """The next run counts from the beginning of the one before, however long that took."""
    assert timer_status.after_run(_HOURLY, _NOON + timedelta(seconds=1)).next == _NOON + timedelta(hours=1)


def test_status_survives_being_kept() -> None:
    """What is written about a timer is what is read; an empty or foreign blob is no status."""
    status = TimerStatus(_NOON, _NOON + timedelta(hours=1), _NOON)
    assert TimerStatus.parse(json.dumps(status.described()).encode()) == status
    assert [TimerStatus.parse(content) for content in (b"{}", b"", b"[1]", b"null")] == [None] * 4


def test_only_slow_timers_keep_a_status() -> None:
    """A missed run is told only for schedules of a minute or more."""
    assert timer_status.is_worth_keeping(_HOURLY, _NOON)
    assert timer_status.is_worth_keeping(Schedule.parse("0 * * * * *"), _NOON)
    assert not timer_status.is_worth_keeping(Schedule.parse("*/30 * * * * *"), _NOON)


@pytest.mark.parametrize(
    ("bindings", "told"),
    [
        ([{"type": "blobTrigger", "name": "b"}], "this host has no trigger of type blobTrigger"),
        ([{"type": "timerTrigger", "name": "t", "schedule": "* * *"}], "'* * *' has 3 fields"),
        ([{"type": "queueTrigger", "name": "m", "queueName": "Not A Queue"}], "'not a queue' is no queue name"),
        ([{"type": "queueTrigger", "name": "m", "queueName": "%GONE%"}], "there is no setting GONE"),
        ([{"type": "httpTrigger", "name": "r", "route": "{a:what}"}], "the constraint 'what' is not known"),
        ([{"type": "http", "name": "$return", "direction": "OUT"}], "it has 0 triggers"),
        (
            [{"type": "httpTrigger", "name": "r"}, {"type": "table", "name": "t", "direction": "OUT"}],
            "this host has no output binding of type table",
        ),
    ],
)
def test_a_function_that_cannot_be_served_is_named(bindings: list[dict[str, str]], told: str) -> None:
    """A binding that this host does not have, or that cannot be meant, ends the start with the function's name."""
    entry = RpcFunctionMetadata(name="work", function_id="1", raw_bindings=[json.dumps(each) for each in bindings])
    with pytest.raises(StartFailed) as refusal:
        functions.read([entry], "api", {})
    assert str(refusal.value).startswith("The function 'work' is in error: ")
    assert told in str(refusal.value)
