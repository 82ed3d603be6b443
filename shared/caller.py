"""One HTTP call to a Microsoft service, with the manners they ask for.

A call has a timeout, a decorated user agent and a fresh client-request-id. It waits at the service's gate; it obeys
`Retry-After`; it retries only what may be retried, and only briefly: long waits are the queue's business. A 401 gets
one new token. What is left comes back as an answer, or as a `Failure` with a code.

Sources: "Microsoft Graph throttling guidance"; "Microsoft Graph error responses"; sp-dev-docs, "Avoid getting throttled
or blocked in SharePoint Online".
"""

import logging
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import requests

from shared.answers import Answer, claims_challenge, failure_of
from shared.clock import Clock
from shared.failures import Failure, FailureCode
from shared.gates import Gates, Service
from shared.operation_name import operation_of
from shared.spans import span

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0
SHORT_WAIT = 5.0
"""Seconds. Up to this a wait is slept; a longer one puts the message back on the queue."""
TRIES = 3
"""Quick tries of one call within one attempt."""
PAUSE_WITHOUT_RETRY_AFTER = 10.0
"""Seconds that a 429 without Retry-After closes the gate for."""
LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of any answer but a photo's."""

_log = logging.getLogger("photosync.calls")


class TokenSource(Protocol):
    """Where access tokens come from."""

    def get(self, resource: str, claims_challenge: str | None = None) -> str:
        """A token for the resource; raises `Failure`."""
        ...

    def forget(self) -> None:
        """Drop cached tokens."""
        ...


@dataclass(frozen=True)
class Call:
    """One request to make. Every call of the app is idempotent, so each may be made again."""

    service: Service
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    handled: Collection[int] = ()
    """Statuses, besides the successes, that the caller wants to see as an answer."""
    largest: int = LARGEST_ANSWER
    """Bytes of the answer's body."""
    too_large: FailureCode = FailureCode.ANSWER_NOT_UNDERSTOOD
    """What a body beyond `largest` is reported as."""

    @property
    def resource(self) -> str:
        """What a token is asked for: scheme and host of the URL, since SharePoint's hosts each want their own."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass
class Meter:
    """What one attempt has cost: HTTP requests by service."""

    requests: dict[Service, int] = field(default_factory=lambda: dict.fromkeys(Service, 0))
    request_ids: dict[Service, list[str]] = field(default_factory=lambda: {service: [] for service in Service})
    """Microsoft's own, in the order of the answers."""


class Caller:
    """Calls Microsoft's services for one attempt; cheap to make, to be used by one thread."""

    def __init__(
        self,
        session: requests.Session,
        tokens: TokenSource,
        *,
        gates: Gates,
        clock: Clock,
        user_agent: str,
        give_up_at: datetime | None = None,
        on_answer: Callable[[Service, Mapping[str, str]], None] | None = None,
    ) -> None:
        """`give_up_at`: no call starts after it, and no answer is read beyond it. `on_answer`: sees all headers."""
        self._session = session
        self._tokens = tokens
        self._gates = gates
        self._clock = clock
        self._user_agent = user_agent
        self._give_up_at = give_up_at
        self._on_answer = on_answer
        self.meter = Meter()

    def send(self, call: Call) -> Answer:
        """Make the call; the answer when it is a success or its status is one of `call.handled`.

        Raises:
            Failure: for everything else, and when the body exceeds `call.largest` bytes.
        """
        challenge: str | None = None
        renewed = False
        for tries_left in reversed(range(TRIES)):
            self._wait_at_gate(call.service)
            token = self._tokens.get(call.resource, challenge)
            try:
                answer = self._exchange(call, token)
            except requests.RequestException as error:
                failure = Failure(
                    FailureCode.SERVICE_UNAVAILABLE, f"{call.service}: {type(error).__name__}", service=call.service
                )
            else:
                if answer.status < HTTPStatus.MULTIPLE_CHOICES or answer.status in call.handled:
                    return answer
                failure = failure_of(call.service, answer, self._clock.now())
                if answer.status == HTTPStatus.UNAUTHORIZED and not renewed:
                    challenge, renewed = claims_challenge(answer), True
                    if challenge is None:
                        self._tokens.forget()
                    continue
                if answer.status == HTTPStatus.FORBIDDEN:
                    # A token carries the permissions of the moment it was made: once somebody has granted what was
                    # missing, the next attempt must not be refused for an old token's sake.
                    self._tokens.forget()
            self._prepare_retry(call.service, failure, tries_left)
        raise failure

    def _prepare_retry(self, service: Service, failure: Failure, tries_left: int) -> None:
        """Return when the call may be made again; raise the failure when it may not, or not soon."""
        asked_to_wait = failure.code is FailureCode.TOO_MANY_REQUESTS or failure.retry_after is not None
        if asked_to_wait:
            wait = PAUSE_WITHOUT_RETRY_AFTER if failure.retry_after is None else failure.retry_after
            failure.retry_after = wait
            self._gates.close(service, self._clock.now() + timedelta(seconds=wait))
            if tries_left == 0 or wait > SHORT_WAIT:
                raise failure
        elif failure.code is FailureCode.SERVICE_UNAVAILABLE and tries_left > 0:
            self._clock.sleep(random.uniform(0.2, 1.0))  # noqa: S311 - jitter, not a secret
        else:
            raise failure

    def _wait_at_gate(self, service: Service) -> None:
        while (left := self._gates.seconds_left(service, self._clock.now())) > 0:
            if left > SHORT_WAIT:
                raise Failure(FailureCode.TOO_MANY_REQUESTS, "the gate is closed", retry_after=left, service=service)
            self._clock.sleep(left)
        self._check_time(service)

    def _check_time(self, service: Service) -> None:
        if self._give_up_at is not None and self._clock.now() >= self._give_up_at:
            raise Failure(FailureCode.SERVICE_UNAVAILABLE, "the attempt took too long", service=service)

    def _exchange(self, call: Call, token: str) -> Answer:
        """One request and its answer, read up to `call.largest` bytes."""
        self.meter.requests[call.service] += 1
        operation = operation_of(call.url)
        with span(f"{call.method} {operation.path}", is_call=True) as told:
            told.attributes |= {"http.request.method": call.method, "url.full": operation.url}
            answer = self._request(call, token)
            told.attributes |= {"http.response.status_code": answer.status, "request_id": answer.request_id}
            told.failed = answer.status >= HTTPStatus.BAD_REQUEST and answer.status not in call.handled
        self.meter.request_ids[call.service].append(answer.request_id)
        if self._on_answer is not None:
            self._on_answer(call.service, answer.headers)
        _log.debug("%s %s answered %d, request id %s", call.method, operation.url, answer.status, answer.request_id)
        return answer

    def _request(self, call: Call, token: str) -> Answer:
        headers = {
            "Authorization": f"Bearer {token}",
            "User-Agent": self._user_agent,
            "client-request-id": str(uuid4()),
            "Accept": "application/json",
            **call.headers,
        }
        with self._session.request(
            call.method,
            call.url,
            headers=headers,
            data=call.body,
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            allow_redirects=False,
            stream=True,
        ) as response:
            request_id = response.headers.get("request-id") or response.headers.get("SPRequestGuid") or ""
            content = b"".join(self._pieces(response, call))
            return Answer(response.status_code, response.headers, content, request_id)

    def _pieces(self, response: requests.Response, call: Call) -> Iterator[bytes]:
        """The body in pieces, ended by a `Failure` when it grows too large or comes too slowly."""
        length = 0
        for piece in response.iter_content(64 * 1024):
            length += len(piece)
            if length > call.largest:
                raise Failure(call.too_large, f"larger than {call.largest} bytes", service=call.service)
            self._check_time(call.service)
            yield piece
