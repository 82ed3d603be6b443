"""`python -m local_run.functions_host`: serve an app folder on this machine."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from local_run.functions_host import log
from local_run.functions_host.errors import StartFailed
from local_run.functions_host.host import Options, serve
from local_run.functions_host.keys import Keys


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal; 0: ended well, 1: could not be served or was cut off, 2: wrong arguments."""
    given = _parser().parse_args(arguments)
    log.set_up(given.log_level)
    keys = {name: key for name, key in (("function", given.function_key), ("master", given.master_key)) if key}
    options = Options(
        app=given.app.resolve(),
        port=given.port,
        settings=given.settings and given.settings.resolve(),
        keys=Keys(**keys),
        message_lease_seconds=given.message_lease,
        drain_seconds=given.drain_limit,
        with_parent=given.with_parent,
    )
    # The app may print as much as it likes: that goes to stderr, so that nobody has to read our stdout to the end.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stdout:
        os.dup2(2, 1)
        try:
            return asyncio.run(serve(options, stdout))
        except StartFailed as failure:
            print(failure, file=sys.stderr)
            return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_run.functions_host", description=__doc__)
    parser.add_argument("--app", type=Path, required=True, help="the folder with function_app.py and host.json")
    parser.add_argument("--port", type=int, default=7071, help="0: any free one (default: 7071)")
    parser.add_argument("--settings", type=Path, help="a local.settings.json; the environment goes before it")
    parser.add_argument("--function-key", help="opens the functions (default: made up)")
    parser.add_argument("--master-key", help="opens everything (default: made up)")
    parser.add_argument(
        "--message-lease", type=int, default=600, metavar="SECONDS",
        help="how long a crashed host hides its messages (default: 600, as in Azure)",
    )  # fmt: skip
    parser.add_argument(
        "--drain-limit", type=float, default=10.0, metavar="SECONDS",
        help="how long running functions may go on at the end (default: 10, as in Azure)",
    )  # fmt: skip
    parser.add_argument("--with-parent", action="store_true", help="end when stdin closes")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
