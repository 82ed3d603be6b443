"""The queue trigger's rules on a real host and real storage."""

from datetime import UTC, datetime, timedelta
from time import monotonic

from tests.local_run.apps import ThrowAwayApp, count, encoded, texts
from tests.waiting import eventually

_WORK = """
@app.queue_trigger(arg_name="msg", queue_name="work-%MARK%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None:
    body = msg.get_body().decode()
    tell(begun=body, count=msg.dequeue_count, at=time.time())
    if body.startswith("fail"):
        raise RuntimeError("boom")
    if body.startswith("wait"):
        wait_for(body)
    tell(ended=body)
"""


def test_a_message_is_served_with_its_facts(app: ThrowAwayApp) -> None:
    """The function learns the message's id, count, times and receipt, and the message is gone afterwards."""
    app.write(
        """
@app.queue_trigger(arg_name="msg", queue_name="%NAME%", connection="MyStorage")
def work(msg: func.QueueMessage, context: func.Context) -> None:
    tell(id=msg.id, body=msg.get_json(), count=msg.dequeue_count, inserted=msg.insertion_time.isoformat(),
         expires=msg.expiration_time.isoformat(), visible=msg.time_next_visible.isoformat(),
         receipt=bool(msg.pop_receipt), name=context.function_name)
"""
    )
    queue = app.queue("facts")
    sent = queue.send_message(encoded('{"userId": "ä"}'))
    app.start(
        environment={"NAME": queue.queue_name, "MyStorage": app.environment["AzureWebJobsStorage"]},
        message_lease_seconds=300,
    )
    (fact,) = eventually(app.told)
    assert (fact["id"], fact["body"], fact["count"], fact["receipt"], fact["name"]) == (
        sent.id, {"userId": "ä"}, 1, True, "work",
    )  # fmt: skip
    now = datetime.now(UTC)
    assert abs(datetime.fromisoformat(fact["inserted"]) - now) < timedelta(seconds=30)
    assert abs(datetime.fromisoformat(fact["visible"]) - now - timedelta(seconds=300)) < timedelta(seconds=30)
    assert abs(datetime.fromisoformat(fact["expires"]) - now - timedelta(days=7)) < timedelta(seconds=30)
    eventually(lambda: count(queue) == 0)


def test_failing_undecodable_and_good_messages(app: ThrowAwayApp) -> None:
    """A message that fails runs exactly `maxDequeueCount` times and is poison; one bad message blocks nobody."""
    app.write(_WORK, queues={"maxDequeueCount": 3})
    queue, poison = app.queue("work"), app.client("work-poison")
    queue.send_message(encoded("fail"))
    queue.send_message("this is { no base64")
    for number in range(20):
        queue.send_message(encoded(f"good {number}"))
    host = app.start()
    eventually(lambda: count(queue) == 0)
    assert [fact["count"] for fact in app.told(begun="fail")] == [1, 2, 3]
    assert {fact["ended"] for fact in app.told() if "ended" in fact} == {f"good {number}" for number in range(20)}
    left = sorted(message.content for message in poison.peek_messages(32))
    assert left == sorted([encoded("fail"), "this is { no base64"])
    assert "Message decoding has failed! Check MessageEncoding settings." in host.log()
    assert f"Message has reached MaxDequeueCount of 3. Moving message to queue '{poison.queue_name}'." in host.log()
    assert "RuntimeError: boom" in host.log()


def test_a_failed_message_waits_for_the_visibility_timeout(app: ThrowAwayApp) -> None:
    """With `visibilityTimeout` of a second, the second try comes a second after the first, not at once."""
    app.write(_WORK, queues={"maxDequeueCount": 2, "visibilityTimeout": "00:00:01"})
    queue = app.queue("work")
    queue.send_message(encoded("fail"))
    app.start()
    eventually(lambda: texts(app.client("work-poison")) == ["fail"])
    first, second = (fact["at"] for fact in app.told(begun="fail"))
    # Storage counts in whole seconds; without the setting the second try comes within a few milliseconds.
    assert 0.5 < second - first < 3


def test_plain_messages(app: ThrowAwayApp) -> None:
    """With `messageEncoding: none` the text itself is the body, for triggers and for outputs."""
    app.write(
        """
@app.queue_trigger(arg_name="msg", queue_name="plain-%MARK%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="$return", queue_name="answers-%MARK%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> str:
    return "heard " + msg.get_body().decode()
""",
        queues={"messageEncoding": "none"},
    )
    app.queue("plain").send_message("<ä & b>")
    app.start()
    answers = app.queue("answers")
    eventually(lambda: [message.content for message in answers.peek_messages()] == ["heard <ä & b>"])


def test_a_chain_of_functions_and_a_queue_made_late(app: ThrowAwayApp) -> None:
    """A queue that does not exist yet is waited for; what one function puts out, the next one gets at once."""
    app.write(
        """
@app.queue_trigger(arg_name="msg", queue_name="first-%MARK%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="out", queue_name="second-%MARK%", connection="AzureWebJobsStorage")
async def first(msg: func.QueueMessage, out: func.Out[str]) -> None:
    out.set(msg.get_body().decode())

@app.queue_trigger(arg_name="msg", queue_name="second-%MARK%", connection="AzureWebJobsStorage")
def second(msg: func.QueueMessage) -> None:
    tell(second=msg.get_json())
"""
    )
    host = app.start()
    eventually(lambda: "Serving 2 functions" in host.log())
    app.queue("first").send_message(encoded('{"a": [1, "ü"]}'))
    eventually(lambda: app.told(second={"a": [1, "ü"]}))
    assert "cannot be read" not in host.log()


def test_messages_on_a_poison_queue_are_never_given_up(app: ThrowAwayApp) -> None:
    """A function on a poison queue that fails leaves the message there, invisible until its lease ends."""
    app.write(
        """
@app.queue_trigger(arg_name="msg", queue_name="work-%MARK%-poison", connection="AzureWebJobsStorage")
def bury(msg: func.QueueMessage) -> None:
    tell(count=msg.dequeue_count)
    raise RuntimeError("not today")
""",
        queues={"maxDequeueCount": 1},
    )
    queue = app.queue("work-poison")
    queue.send_message(encoded("x"))
    host = app.start(message_lease_seconds=1)
    eventually(lambda: [fact["count"] for fact in app.told()][:2] == [1, 2])
    assert count(queue) == 1
    assert "Moving message" not in host.log()


def test_a_message_that_the_function_settles_itself(app: ThrowAwayApp) -> None:
    """When the receipt is not ours any more, settlement is left to whoever holds the message, without an error."""
    app.write(
        """
from azure.storage.queue import QueueClient
@app.queue_trigger(arg_name="msg", queue_name="work-%MARK%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None:
    name = "work-" + os.environ["MARK"]
    with QueueClient.from_connection_string(os.environ["AzureWebJobsStorage"], name) as queue:
        queue.delete_message(msg.id, msg.pop_receipt)
    tell(count=msg.dequeue_count)
    raise RuntimeError("after settling")
"""
    )
    queue = app.queue("work")
    queue.send_message(encoded("x"))
    host = app.start()
    eventually(lambda: app.told() and "Executed 'Functions.work' (Failed" in host.log())
    host.stop()
    assert count(queue) == 0
    assert len(app.told()) == 1
    assert "could not be" not in host.log()


def test_no_more_run_together_than_allowed(app: ThrowAwayApp) -> None:
    """At most batchSize + newBatchThreshold messages run at a time; the next batch waits for one to end."""
    app.write(_WORK, queues={"batchSize": 4, "newBatchThreshold": 2})
    queue = app.queue("work")
    for number in range(12):
        queue.send_message(encoded(f"wait {number}"))
    app.start(environment={"PYTHON_THREADPOOL_THREAD_COUNT": "16"})
    # With 4 running, more than 2 run: no new batch.
    eventually(lambda: len(app.told()) == 4)
    begun = [fact["begun"] for fact in app.told()]
    app.open_gate(begun[0])
    app.open_gate(begun[1])
    # Two ended, two run, which is not more than 2: one new batch of 4.
    eventually(lambda: len([fact for fact in app.told() if "begun" in fact]) == 8)
    running = {fact["begun"] for fact in app.told() if "begun" in fact} - set(begun[:2])
    assert len(running) == 6
    for number in range(12):
        app.open_gate(f"wait {number}")
    eventually(lambda: count(queue) == 0)


def test_hundreds_of_messages_a_second(app: ThrowAwayApp) -> None:
    """A burst of messages is not held up by the host: well over a hundred a second even on a busy machine."""
    app.write(
        """
@app.queue_trigger(arg_name="msg", queue_name="work-%MARK%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None:
    pass

@app.route(route="put")
@app.queue_output(arg_name="out", queue_name="work-%MARK%", connection="AzureWebJobsStorage")
def put(req: func.HttpRequest, out: func.Out[typing.List[str]]) -> str:
    out.set([str(number) for number in range(300)])
    return "stored"
"""
    )
    queue = app.queue("work")
    host = app.start()
    begun = monotonic()
    assert host.call("POST", "/api/put").text == "stored"
    eventually(lambda: count(queue) == 0, within=20)
    assert monotonic() - begun < 6


class TestLease:
    """Who holds a message, for how long, and what happens when the holder dies."""

    def test_a_killed_host_gives_its_messages_back(self, app: ThrowAwayApp) -> None:
        """After SIGKILL a message comes back when the lease ends, with a higher count, and is finished then."""
        app.write(_WORK)
        queue = app.queue("work")
        queue.send_message(encoded("wait"))
        first = app.start(message_lease_seconds=1)
        eventually(lambda: app.told(begun="wait", count=1))
        first.kill()
        assert count(queue) == 1
        app.start(message_lease_seconds=1)
        app.open_gate("wait")
        eventually(lambda: app.told(begun="wait", count=2) and app.told(ended="wait"))
        eventually(lambda: count(queue) == 0)

    def test_messages_that_crash_the_host_end_as_poison(self, app: ThrowAwayApp) -> None:
        """A message that came more often than allowed is moved away before it can run, and kill, once more."""
        app.write(_WORK, queues={"maxDequeueCount": 2})
        queue = app.queue("work")
        queue.send_message(encoded("wait"))
        for _ in range(2):
            (taken,) = queue.receive_messages(max_messages=1)
            queue.update_message(taken, visibility_timeout=0)
        app.start()
        eventually(lambda: texts(app.client("work-poison")) == ["wait"])
        assert app.told() == []

    def test_a_long_run_keeps_its_message(self, app: ThrowAwayApp) -> None:
        """A function that runs longer than the lease is not run a second time, by this host or another."""
        app.write(_WORK)
        queue = app.queue("work")
        queue.send_message(encoded("wait"))
        app.start(message_lease_seconds=1)
        app.start(message_lease_seconds=1)
        eventually(lambda: app.told(begun="wait"))
        begun = monotonic()
        eventually(lambda: monotonic() - begun > 2.2)
        app.open_gate("wait")
        eventually(lambda: count(queue) == 0)
        assert len(app.told(begun="wait")) == len(app.told(ended="wait")) == 1

    def test_two_hosts_share_a_queue(self, app: ThrowAwayApp) -> None:
        """Two hosts on one queue run every message once, and both get some."""
        app.write(
            """
@app.queue_trigger(arg_name="msg", queue_name="work-%MARK%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None:
    tell(ran=msg.get_body().decode(), by=os.getpid())
    wait_for("go")
""",
            queues={"batchSize": 2, "newBatchThreshold": 0},
        )
        queue = app.queue("work")
        for number in range(40):
            queue.send_message(encoded(str(number)))
        app.start()
        app.start()
        # While each holds two and waits, neither can have taken everything.
        eventually(lambda: len({fact["by"] for fact in app.told()}) == 2)
        app.open_gate("go")
        eventually(lambda: count(queue) == 0)
        assert sorted(int(fact["ran"]) for fact in app.told()) == list(range(40))


def test_the_time_limit_fails_a_function(app: ThrowAwayApp) -> None:
    """A function that exceeds `functionTimeout` has failed: the caller gets 500, a message comes again."""
    app.write(
        """
import asyncio
@app.route(route="slow")
async def slow(req: func.HttpRequest) -> str:
    await asyncio.sleep(60)
    return "late"
"""
        + _WORK,
        functionTimeout="00:00:01",
        queues={"maxDequeueCount": 1},
    )
    queue = app.queue("work")
    queue.send_message(encoded("wait"))
    host = app.start()
    assert host.call("GET", "/api/slow").status_code == 500
    eventually(lambda: texts(app.client("work-poison")) == ["wait"])
    app.open_gate("wait")
    assert "Timeout value of 1" in host.log()
