"""Queue output bindings: what a function puts out becomes messages, after it has returned."""

import json
from collections.abc import Callable, Mapping
from typing import Literal

from local_run.functions_host import queue_message
from local_run.functions_host.functions import Function, QueueOutput
from local_run.functions_host.protos import TypedData
from local_run.functions_host.queues import Queue
from local_run.functions_host.worker import Outcome


def messages_of(data: TypedData) -> list[bytes]:
    """The bodies of the messages that a value stands for.

    Text that is a JSON array becomes one message an element, an object is written anew with indentation, as the
    host does; any other text or bytes is one message as it is.
    """
    if data.bytes is not None:
        return [data.bytes]
    text = data.json if data.json is not None else str(data.string)
    try:
        value = json.loads(text)
    except ValueError:
        return [text.encode()]
    if isinstance(value, list):
        return [_element(element) for element in value]
    return [_element(value)] if isinstance(value, dict) else [text.encode()]


class QueueOutputs:
    """Delivers outputs to their queues and tells the listeners of those queues."""

    def __init__(self, queue: Callable[[str, str], Queue], encoding: Literal["base64", "none"]) -> None:
        """`queue` gives the queue of a connection and a name."""
        self._queue = queue
        self._encoding = encoding
        self.nudges: Mapping[str, Callable[[], None]] = {}
        """By queue name: told after a message was put there."""

    async def send(self, function: Function, outcome: Outcome) -> None:
        """Put everything that an invocation put out on its queues; raises when storage refuses."""
        for output in function.outputs:
            data = outcome.returned if output.name == "$return" else outcome.outputs.get(output.name)
            if data is not None:
                await self._put(output, data)

    async def _put(self, output: QueueOutput, data: TypedData) -> None:
        queue = self._queue(output.connection, output.queue)
        for body in messages_of(data):
            await queue.account.call(queue.put, queue_message.encode(body, self._encoding))
        nudge = self.nudges.get(output.queue)
        if nudge is not None:
            nudge()


def _element(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return json.dumps(value, indent=2, ensure_ascii=False).encode()
