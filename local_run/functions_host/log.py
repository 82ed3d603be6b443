"""The host's log on stderr: one readable line an entry, with the invocation it belongs to."""

import logging
import sys
from datetime import UTC, datetime

from local_run.functions_host import worker

_QUIET = ("azure", "urllib3", "uvicorn", "asyncio", "msal")
"""Libraries that tell every request at INFO; `azure.functions` is the worker library itself."""


class _Line(logging.Formatter):
    """A line such as `10:00:00.123 INFO    3f2a90c1 photo_worker: message`."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        invocation = (worker.invocation_of_this_thread() or "")[:8]
        text = f"{at} {record.levelname:<7} {invocation:<8} {record.name}: {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


def set_up(level: str) -> None:
    """Send every logger's lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
