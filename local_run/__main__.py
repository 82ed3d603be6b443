"""`python -m local_run` (`make run`): the local stack in the foreground, until Ctrl-C."""

import argparse
import json
import signal
import socket
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import requests

from local_run import core_tools, sample_people
from local_run.app_host import AppHost
from local_run.processes import DidNotStart
from local_run.stack import ROOT, Stack, StackPorts

PORTS = StackPorts(app=7071, proxy=8888, tls=8443, control=8899, blob=10000, queue=10001, table=10002)
AT_ONCE = {"keep_subscription", "begin_sweep"}
"""Timers that would come to it within minutes; who plays wants it now."""
_LOOK_AGAIN_SECONDS = 0.1


def main(arguments: list[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM; 0: ended well, 1: could not start, or the app ended by itself."""
    given = _parser().parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    running = _already_running(given.directory / "stack.json")
    if running:
        print(f"A stack runs already, at {running}: end it first (Ctrl-C where it runs).", file=sys.stderr)
        return 1
    wanted = _moved(StackPorts(**{**asdict(PORTS), "app": given.port}))
    print("Starting Azurite, the simulated tenant and the app …", flush=True)
    try:
        with _started(given, wanted) as stack:
            if not given.empty:
                sample_people.seed(stack.tenant.control)
            for timer in AT_ONCE & {function["name"] for function in stack.host.functions}:
                stack.host.run_function(timer)
            print(_summary(stack, with_people=not given.empty), flush=True)
            code = _follow(stack.host, ended)
            print("\nEnding …", flush=True)
    except (DidNotStart, RuntimeError) as failure:
        print(failure, file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_run", description=__doc__)
    parser.add_argument("--host", choices=("builtin", "func"), default="builtin", help="func: Core Tools, if installed")
    parser.add_argument("--empty", action="store_true", help="a tenant with nobody in it")
    parser.add_argument("--app", type=Path, default=ROOT, help="another app folder")
    parser.add_argument("--port", type=int, default=PORTS.app, help="of the app; taken ports are moved")
    parser.add_argument("--directory", type=Path, default=ROOT / ".local", help="for certificates and logs")
    return parser


def _started(given: argparse.Namespace, ports: StackPorts) -> Stack:
    app: Path = given.app.resolve()
    log = given.directory / "app.log"
    log.unlink(missing_ok=True)  # each run has its own
    # Somebody whose picture `make doctor PROBE=write` may change for a moment.
    settings = {} if given.empty else {"PHOTOSYNC_TEST_USER": sample_people.upn(sample_people.PEOPLE[0])}
    if given.host == "builtin":
        return Stack.start(given.directory, app=app, ports=ports, environment=settings)
    stack = Stack.start(given.directory, app=None, ports=ports, environment=settings)
    try:
        stack.adopt(core_tools.start(app, stack.environment(), logs=given.directory, port=ports.app))
        stack.write_state()
    except BaseException:
        stack.stop()
        raise
    return stack


def _already_running(state_file: Path) -> str | None:
    """Where the app of a stack with this state file answers; None: none does, and the file is left from a crash."""
    try:
        url = str(json.loads(state_file.read_text(encoding="utf-8"))["app"])
        with requests.Session() as session:
            session.trust_env = False
            session.get(f"{url}/admin/host/ping", timeout=2)
    except (OSError, ValueError, KeyError):
        return None
    return url


def _moved(ports: StackPorts) -> StackPorts:
    """The same ports, but the next free one where one is taken."""
    chosen: dict[str, int] = {}
    for name, wanted in asdict(ports).items():
        port = next(port for port in [*range(wanted, wanted + 50), 0] if port not in chosen.values() and _free(port))
        if port != wanted:
            print(f"Port {wanted} ({name}) is taken; using {port or 'another one'}.")
        chosen[name] = port
    return StackPorts(**chosen)


def _free(port: int) -> bool:
    with socket.socket() as attempt:
        # As the servers do it: a port that only closed connections still remember is free.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _summary(stack: Stack, *, with_people: bool) -> str:
    app, tenant = stack.host, stack.tenant
    state = stack.state()
    person = sample_people.upn(sample_people.PEOPLE[0]) if with_people else "somebody@contoso.com"
    return f"""
The local stack is ready.

  app       {app.url}   (function key: {app.function_key})
  page      {app.url}/api/dashboard
  tenant    {tenant.control.url}   (control API), proxy {tenant.proxy}, TLS {tenant.tls}
  storage   Azurite, queues at 127.0.0.1:{stack.azurite.ports.queue}
  all this  {stack.state_file}   logs beside it
  CA        {state["ca"]}

Try, in another terminal:

  curl -s -H 'x-functions-key: {app.function_key}' {app.url}/api/status
  curl -s -X PUT --data-binary @photo.jpg {tenant.control.url}/users/{person}/photo
  curl -s '{tenant.control.url}/picture?user={person}' -o picture.png
  make doctor PROBE=write

Ctrl-C ends everything. The app's log:
"""


def _follow(host: AppHost, ended: threading.Event) -> int:
    """Print the app's log as it grows, until the end is asked for (0) or the app ends by itself (1)."""
    with host.log_file.open(encoding="utf-8", errors="replace") as log:
        while not ended.wait(_LOOK_AGAIN_SECONDS):
            sys.stdout.write(log.read())
            sys.stdout.flush()
            if host.process.exit_code is not None:
                print(f"The app has ended by itself, with {host.process.exit_code}.", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
