"""A process that handles the photo events on its standard input, a line each, and ends with the input.

Of each it tells the outcome; at the end, which telemetry modules it had to import.

>>> python -m tests.telemetry.looking
"""

import json
import logging
import sys

from photo_worker.look_at_photo import PhotoWorker
from shared import logs
from shared.services import services
from shared.words import PhotoEvent


def main() -> None:
    """Look, and tell."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    logs.quieten_libraries()
    worker = PhotoWorker(services())
    for line in sys.stdin:
        print(worker.handle(PhotoEvent.from_message(line)), flush=True)
    names = ("opentelemetry", "azure.monitor", "psutil")
    print(json.dumps(sorted(name for name in sys.modules if name.startswith(names))), flush=True)


if __name__ == "__main__":
    main()
