"""`python -m simulated_tenant`: runs the tenant until it is told to end."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from simulated_tenant.clouds import CLOUDS
from simulated_tenant.running import run
from simulated_tenant.seed import new_tenant


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m simulated_tenant", description=__doc__)
    for name in ("proxy", "tls", "control"):
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0, the default, takes any free port")
    parser.add_argument("--directory", type=Path, help="where ca.pem is written; a temporary folder otherwise")
    parser.add_argument("--tenant-id", type=lambda text: str(UUID(text)), help="a new GUID otherwise")
    parser.add_argument("--domain", default="contoso.com")
    parser.add_argument("--sharepoint-name", default="contoso", help="contoso of contoso-my.sharepoint.com")
    parser.add_argument("--language", default="en-US", help="of the -my host's root web")
    parser.add_argument("--picture-folder", default="Profile Pictures", help="its name follows the language")
    parser.add_argument("--cloud", choices=sorted(CLOUDS), default="public")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    return parser.parse_args(argv)


async def main(options: argparse.Namespace, directory: Path) -> None:
    """Run until SIGTERM, SIGINT or, if so asked, the end of standard input."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    if options.with_parent:
        threading.Thread(target=_wait_for_parent, args=(loop, over), daemon=True).start()
    tenant = new_tenant(
        tenant_id=options.tenant_id,
        domain=options.domain,
        sharepoint_name=options.sharepoint_name,
        language=options.language,
        picture_folder=options.picture_folder,
        cloud=CLOUDS[options.cloud],
    )
    async with run(
        tenant, directory, proxy_port=options.proxy_port, tls_port=options.tls_port, control_port=options.control_port
    ) as addresses:
        print(json.dumps(addresses), flush=True)
        await over.wait()


def _wait_for_parent(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    # Below the buffers of `sys.stdin`, whose lock a thread must not hold when the interpreter ends.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself meanwhile
        loop.call_soon_threadsafe(over.set)


if __name__ == "__main__":
    chosen = arguments()
    with contextlib.ExitStack() as stack:
        place = chosen.directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="simulated-tenant-")))
        asyncio.run(main(chosen, place))
