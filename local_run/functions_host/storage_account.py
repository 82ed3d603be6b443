"""Azure Storage over its REST interface, as far as a Functions host needs it: requests signed with the account's key.

The host uses a fixed, old version of the interface that Azure and every Azurite understand, so it does not depend on
which version the installed SDK happens to send. Calls block; the loop makes them through `StorageAccount.call`.
Source: "Authorize with Shared Key", Azure Storage REST documentation.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

API_VERSION = "2021-12-02"
PARALLEL_CALLS = 32
# Azurite's published key, the same for everybody.
_DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


class StorageRefused(Exception):  # noqa: N818 - it is an answer, not a defect
    """Storage answered with an error: `status` and `code` (`QueueNotFound`, `PopReceiptMismatch` …)."""

    def __init__(self, status: int, code: str, path: str) -> None:
        super().__init__(f"storage answered {status} {code} to {path}")
        self.status = status
        self.code = code


class StorageUnreachable(Exception):  # noqa: N818 - it is a state, not a defect
    """Storage did not answer."""


@dataclass(frozen=True)
class Answer:
    """What storage answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class ConnectionString:
    """The parts of a storage connection string."""

    account: str
    key: bytes
    queue_endpoint: str
    blob_endpoint: str

    @classmethod
    def parse(cls, text: str) -> "ConnectionString":
        """Raises `ValueError` when the text is no connection string with an account key."""
        parts = dict(part.split("=", 1) for part in text.strip().strip(";").split(";") if "=" in part)
        fields = {name.strip().lower(): value.strip() for name, value in parts.items()}
        if fields.get("usedevelopmentstorage", "").lower() == "true":
            name = "devstoreaccount1"
            base = "http://127.0.0.1"
            return cls(name, base64.b64decode(_DEVELOPMENT_KEY), f"{base}:10001/{name}", f"{base}:10000/{name}")
        if "accountname" not in fields or "accountkey" not in fields:
            raise ValueError("AccountName and AccountKey are needed")
        scheme = fields.get("defaultendpointsprotocol", "https")
        suffix = fields.get("endpointsuffix", "core.windows.net")
        account = fields["accountname"]
        return cls(
            account=account,
            key=base64.b64decode(fields["accountkey"], validate=True),
            queue_endpoint=fields.get("queueendpoint", f"{scheme}://{account}.queue.{suffix}").rstrip("/"),
            blob_endpoint=fields.get("blobendpoint", f"{scheme}://{account}.blob.{suffix}").rstrip("/"),
        )


class StorageAccount:
    """Signed requests to one account, from a small pool of threads with kept connections."""

    def __init__(self, connection: ConnectionString) -> None:
        self.connection = connection
        self._http = urllib3.PoolManager(
            num_pools=4, maxsize=PARALLEL_CALLS, block=True, retries=False, timeout=urllib3.Timeout(connect=3, read=30)
        )
        self._threads = ThreadPoolExecutor(PARALLEL_CALLS, thread_name_prefix="storage")

    async def call[T](self, function: Callable[..., T], *arguments: Any) -> T:
        """Make a blocking call in one of the account's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def close(self) -> None:
        """Let go of the threads and connections; waits for calls under way."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._http.clear()

    def request(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """One signed request; raises `StorageRefused` for an answer of 400 or more, `StorageUnreachable` for none."""
        sent = {"x-ms-version": API_VERSION, "x-ms-date": formatdate(usegmt=True)} | dict(headers or {})
        if body:
            sent["content-length"] = str(len(body))
        sent["authorization"] = self._authorization(method, url, query or {}, sent)
        target = f"{url}?{urlencode(query)}" if query else url
        # An empty PUT must say so itself; the signature takes a length of 0 as absent.
        if method == "PUT" and not body:
            sent["content-length"] = "0"
        try:
            answer = self._http.request(method, target, headers=sent, body=body or None)
        except urllib3.exceptions.HTTPError as error:
            raise StorageUnreachable(f"storage does not answer at {_origin(url)}: {type(error).__name__}") from error
        if answer.status >= 400:
            raise StorageRefused(answer.status, answer.headers.get("x-ms-error-code", ""), urlsplit(url).path)
        return Answer(answer.status, answer.headers, answer.data)

    def _authorization(self, method: str, url: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        own = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-ms-"))
        resource = f"/{self.connection.account}{urlsplit(url).path}"
        resource += "".join(f"\n{name.lower()}:{query[name]}" for name in sorted(query))
        standard = "\n".join(headers.get(name, "") for name in _SIGNED_HEADERS)
        text = f"{method}\n{standard}\n{own}{resource}"
        digest = hmac.new(self.connection.key, text.encode(), hashlib.sha256).digest()
        return f"SharedKey {self.connection.account}:{base64.b64encode(digest).decode()}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
