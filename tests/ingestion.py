"""Application Insights' ingestion endpoint, as far as an exporter can tell: it takes what is tracked, and keeps it.

Source: the request that Azure Monitor's exporters make, `POST /v2.1/track`, and its answer.
"""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "00000000-1111-2222-3333-444444444444"


@dataclass
class Ingestion:
    """The running endpoint and what it was told."""

    port: int
    items: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def connection_string(self) -> str:
        """What the app setting holds."""
        here = f"http://127.0.0.1:{self.port}/"
        return f"InstrumentationKey={KEY};IngestionEndpoint={here};LiveEndpoint={here}"

    def spans(self) -> list[dict[str, Any]]:
        """The data of every dependency, with the operation's id under `operation`."""
        return [
            item["data"]["baseData"]
            | {"operation": item["tags"]["ai.operation.id"], "parent": item["tags"].get("ai.operation.parentId")}
            for item in self.items
            if item["data"]["baseType"] == "RemoteDependencyData"
        ]

    def metrics(self) -> dict[str, list[dict[str, Any]]]:
        """The metrics by their names."""
        found: dict[str, list[dict[str, Any]]] = {}
        for item in self.items:
            if item["data"]["baseType"] == "MetricData":
                for metric in item["data"]["baseData"]["metrics"]:
                    point = metric | {"properties": item["data"]["baseData"].get("properties") or {}}
                    found.setdefault(metric["name"], []).append(point)
        return found


@contextmanager
def ingestion() -> Iterator[Ingestion]:
    """The endpoint, until the block ends."""

    class Track(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            text = body.decode()
            items = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
            made.items += items
            made.paths.append(self.path)
            answer = json.dumps({"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Track)
    made = Ingestion(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
