"""Azure Storage on this machine: starts Azurite, which answers for blobs, queues and tables."""

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from local_run.processes import ChildProcess, DidNotStart

_HERE = Path(__file__).parent / "azurite"
_SCRIPT = _HERE / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
_ACCOUNT = "devstoreaccount1"
# Azurite's published key, the same for everybody.
DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Ports:
    """Where the three services listen; 0 on start means any free port."""

    blob: int = 0
    queue: int = 0
    table: int = 0


class Azurite:
    """A running Azurite. Use as a context manager, or call `stop`; it also ends when this process does."""

    def __init__(self, process: ChildProcess, ports: Ports, logs: Path | None) -> None:
        self.process = process
        self.ports = ports
        self._logs = logs

    @classmethod
    def start(cls, *, directory: Path | None = None, ports: Ports = Ports(), logs: Path | None = None) -> "Azurite":
        """Start it and wait until it answers; raises `DidNotStart` when it does not (a taken port, no Node).

        `directory`: where the data is kept; None: in memory. `logs`: where its output goes; None: a folder of its own
        that goes away with it.
        """
        node = shutil.which("node")
        if node is None or not _SCRIPT.is_file():
            raise DidNotStart("Azurite is not installed here: run `make setup` (Node 20 or newer is needed).")
        own_logs = None if logs is not None else Path(tempfile.mkdtemp(prefix="azurite-"))
        log_folder = logs or own_logs or Path()
        keeping = ["--inMemoryPersistence"] if directory is None else ["--location", directory]
        process = ChildProcess(
            "Azurite",
            [
                node,
                "--require",
                _HERE / "end_with_parent.cjs",
                _SCRIPT,
                *keeping,
                # The storage SDKs speak newer versions of the interface than any Azurite knows, and all are refused
                # unless it is told not to look.
                "--skipApiVersionCheck",
                "--disableTelemetry",
                "--silent",
                *(
                    word
                    for service in ("blob", "queue", "table")
                    for word in (f"--{service}Host", "127.0.0.1", f"--{service}Port", str(getattr(ports, service)))
                ),
            ],
            out=log_folder / "azurite.log",
            err=log_folder / "azurite.err",
            own_group=True,
        )
        try:
            found = process.wait_until(lambda: _listening(process.printed()), within=30)
        except DidNotStart:
            _remove(own_logs)
            raise
        return cls(process, found, own_logs)

    @property
    def connection_string(self) -> str:
        """For the storage SDKs and for `AzureWebJobsStorage`."""
        endpoints = ";".join(
            f"{name}Endpoint=http://127.0.0.1:{port}/{_ACCOUNT}"
            for name, port in (("Blob", self.ports.blob), ("Queue", self.ports.queue), ("Table", self.ports.table))
        )
        return f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={DEVELOPMENT_KEY};{endpoints};"

    def stop(self) -> None:
        """End it."""
        self.process.stop(within=5)
        _remove(self._logs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _listening(printed: str) -> Ports | None:
    """The ports that it tells of, once all three are open."""
    ports = {kind.lower(): int(port) for kind, port in _LISTENING.findall(printed)}
    return Ports(**ports) if len(ports) == 3 else None


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
