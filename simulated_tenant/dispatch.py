"""Takes every request that the tenant gets: finds its operation, applies faults and limits, records it, answers."""

import asyncio
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, parse_qsl

from simulated_tenant import tokens, user_agent
from simulated_tenant.clouds import answers_for
from simulated_tenant.faults import Faults, Instruction, Script, searchable
from simulated_tenant.http_server import Request
from simulated_tenant.journal import Entry
from simulated_tenant.limits import Gate, Limits, Spent, is_early, seconds_of
from simulated_tenant.services import Service
from simulated_tenant.state import Tenant
from simulated_tenant.wire import Answer, Manner, Operation, Pending, Received, Refused, Reply

UNKNOWN = "unknown"
GARBAGE = b"\x00\xfe\xff this is neither a picture nor JSON \x00" * 8


@dataclass(frozen=True)
class _Call:
    """One request on its way through the dispatcher."""

    received: Received
    service: Service
    operation: Operation | None
    groups: dict[str, str]
    app: str | None
    entry: Entry

    @property
    def name(self) -> str:
        return self.entry.operation


class Dispatcher:
    """Serves the requests of all services against one tenant."""

    def __init__(self, tenant: Tenant, services: Sequence[Service]) -> None:
        self.tenant = tenant
        self.services = services
        self.faults = Faults()
        self.limits = Limits()
        self.latency: dict[str, float] = {}
        """Service or operation to seconds."""
        tenant.serve_inner = self._serve_inner

    def operation_names(self) -> list[str]:
        """The names that faults may hang on, sorted."""
        return sorted({operation.name for service in self.services for operation in service.operations.all})

    def reset(self) -> None:
        """Forget every fault, gate, budget and latency."""
        self.faults = Faults()
        self.limits = Limits()
        self.latency.clear()

    async def serve(self, request: Request) -> Reply:
        """Answer one request from the TLS port."""
        received = received_from(request, self.tenant.now())
        service = self._service_of(received.host)
        if service is None:
            sentence = f"The simulated tenant does not answer for {received.host or 'a request without Host'}."
            self.tenant.journal.violate(received.at, "unknown-host", None, UNKNOWN, sentence)
            return Reply(Answer(421, sentence.encode(), {"content-type": "text/plain"}))
        received = replace(received, path=service.tidy(received.path))
        return await self._serve(received, service, request.target.partition("?")[2])

    async def _serve_inner(self, received: Received) -> Answer:
        """Serve one item of a batch. What would happen to a connection becomes a 504 of the item."""
        service = self._service_of(received.host)
        assert service is not None  # noqa: S101 - the outer request came through it
        reply = await self._serve(received, service, "")
        match reply.manner:
            case Manner.WHOLE:
                return reply.answer
            case Manner.CUT:
                return replace(reply.answer, body=reply.answer.body[: len(reply.answer.body) // 2])
            case _:
                await asyncio.sleep(reply.stall_seconds)
                return service.error_answer(self.tenant, received, 504, None, None)

    def _service_of(self, host: str) -> Service | None:
        if not answers_for(self.tenant.cloud, host):
            return None
        return next((service for service in self.services if service.operations.host.fullmatch(host)), None)

    async def _serve(self, received: Received, service: Service, query: str) -> Reply:
        started = time.perf_counter()
        call = self._open(received, service, query)
        self._look_at_agent(call)
        delay = self.latency.get(call.name, self.latency.get(service.name, 0.0))
        if delay:
            await asyncio.sleep(delay)
        reply = await self._reply(call)
        if not received.inner:
            answer = service.finish(self.tenant, received, reply.answer)
            date = format_datetime(datetime.now(UTC) + self.tenant.date_offset, usegmt=True)
            reply = replace(reply, answer=replace(answer, headers=dict(answer.headers) | {"Date": date}))
        call.entry.status = 0 if reply.manner is Manner.RESET else reply.answer.status
        call.entry.milliseconds = (time.perf_counter() - started) * 1000
        return reply

    def _open(self, received: Received, service: Service, query: str) -> _Call:
        found = service.operations.find(received)
        app = tokens.app_named_by(received) or _app_in_form(received)
        entry = self.tenant.journal.open_entry(
            at=received.at,
            service=service.name,
            operation=found[0].name if found else UNKNOWN,
            app=app,
            method=received.method,
            host=received.host,
            path=received.path,
            query=query,
            user_agent=received.headers.get("user-agent", ""),
            inner=received.inner,
            request_id=received.request_id,
            sent=len(received.body),
        )
        operation, groups = found or (None, {})
        return _Call(received, service, operation, dict(groups), app, entry)

    async def _reply(self, call: _Call) -> Reply:
        refusal = self._at_gate(call) or self._over_budget(call)
        if refusal is not None:
            call.entry.throttled = True
            return Reply(refusal)
        taken = self.faults.take(call.name, call.app, call.received)
        if taken is None:
            reply = Reply(await self._handle(call))
        else:
            call.entry.fault = taken[1].text
            reply = await self._with_fault(call, taken[1])
        self._close_gate(call, reply.answer, taken)
        return self._with_rate_limit(call, reply)

    async def _handle(self, call: _Call) -> Answer:
        """What the service answers when nothing is in its way."""
        received, service = call.received, call.service
        try:
            service.authorize(self.tenant, received)
            if call.operation is None:
                self._violate(call, "unknown-path", f"{received.method} {received.path} is not served.")
                return service.unknown_path(self.tenant, received)
            answer = call.operation.handle(self.tenant, received, call.groups)
            return await answer.finish() if isinstance(answer, Pending) else answer
        except Refused as refused:
            if refused.violation:
                self._violate(call, refused.kind, refused.violation)
            return refused.answer
        except Exception:  # noqa: BLE001 - a defect of the simulation must show as one, and not end the process
            traceback.print_exc()
            return service.error_answer(
                self.tenant, received, 500, None, "The simulated tenant has a defect; see stderr."
            )

    async def _with_fault(self, call: _Call, fault: Instruction) -> Reply:
        if fault.kind == "status":
            answer = call.service.error_answer(self.tenant, call.received, fault.status, fault.code, fault.message)
            return Reply(replace(answer, headers=dict(answer.headers) | dict(map(_dated, fault.headers))))
        if fault.kind == "reset":
            return Reply(Answer(0), Manner.RESET)
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
        return _spoilt(await self._handle(call), fault)

    def _at_gate(self, call: _Call) -> Answer | None:
        """429 when the app has been told to wait and has not waited."""
        if call.app is None or not self.limits.gates:
            return None
        now, received = self.tenant.now(), call.received
        gate = self.limits.closed_for(
            call.app, call.service.name, call.name, text=searchable(received), arrived=received.at, now=now
        )
        if gate is None:
            return None
        left = (gate.until - now).total_seconds()
        if is_early(gate, received.identity, received.at):
            self._violate(
                call, "early-retry", f"{received.method} {received.path} came {left:.1f} s before Retry-After ended."
            )
        self.limits.charge(call.app, call.service.name, self._cost(call), now)
        answer = call.service.error_answer(self.tenant, received, 429, None, None)
        return replace(answer, headers=dict(answer.headers) | {"Retry-After": str(int(left) + 1)})

    def _over_budget(self, call: _Call) -> Answer | None:
        """429 when the minute's resource units are used up."""
        if call.app is None:
            return None
        now = self.tenant.now()
        spent = self.limits.charge(call.app, call.service.name, self._cost(call), now)
        if spent is None or spent.allowed:
            return None
        answer = call.service.error_answer(self.tenant, call.received, 429, None, None)
        headers = dict(answer.headers) | {"Retry-After": str(spent.reset_seconds)}
        if call.service.rate_limit_headers:
            headers |= _rate_limit(spent)
        refusal = replace(answer, headers=headers)
        self._close_gate(call, refusal, None)
        return refusal

    def _cost(self, call: _Call) -> int:
        declared = call.operation.cost if call.operation else None
        return call.service.unit_cost if declared is None else declared

    def _with_rate_limit(self, call: _Call, reply: Reply) -> Reply:
        """From 80 % of the budget on, the answers say so."""
        if call.app is None or not call.service.rate_limit_headers:
            return reply
        spent = self.limits.announced(call.app, call.service.name, self.tenant.now())
        if spent is None:
            return reply
        answer = reply.answer
        return replace(reply, answer=replace(answer, headers=dict(answer.headers) | _rate_limit(spent)))

    def _close_gate(self, call: _Call, answer: Answer, taken: tuple[Script, Instruction] | None) -> None:
        retry_after = {name.lower(): value for name, value in answer.headers.items()}.get("retry-after")
        seconds = seconds_of(retry_after) if retry_after and answer.status in {429, 503} else None
        if call.app is None or seconds is None or seconds <= 0:
            return
        needles = taken[0].needles if taken else ()
        now = self.tenant.now()
        refused = {call.received.identity}
        until = now + timedelta(seconds=min(seconds, 10**8))
        operation = call.name if needles else None
        self.limits.close_gate(Gate(call.app, call.service.name, now, until, operation, needles, refused))

    def _look_at_agent(self, call: _Call) -> None:
        agent = call.entry.user_agent
        if call.service.wants_decorated_agent and not user_agent.is_decorated(agent):
            self._violate(call, "user-agent", user_agent.complaint(agent))

    def _violate(self, call: _Call, kind: str, sentence: str) -> None:
        self.tenant.journal.violate(self.tenant.now(), kind, call.app, call.name, sentence)


def received_from(request: Request, at: datetime) -> Received:
    """A request of the wire as services see it."""
    path, _, query = request.target.partition("?")
    return Received(
        method=request.method,
        host=request.headers.get("host", "").partition(":")[0].lower(),
        path=path,
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers=request.headers,
        body=request.body,
        at=at,
    )


def _app_in_form(received: Received) -> str | None:
    """The client id of a token request: for the record, never for access."""
    if not received.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None
    return parse_qs(received.body.decode("utf-8", errors="ignore")).get("client_id", [None])[0]


def _dated(header: tuple[str, str]) -> tuple[str, str]:
    """`Retry-After=date+30` as an HTTP date: the machine's, since that is the clock that clients compare with."""
    name, value = header
    if not value.startswith("date+"):
        return header
    return name, format_datetime(datetime.now(UTC) + timedelta(seconds=float(value[5:])), usegmt=True)


def _spoilt(answer: Answer, fault: Instruction) -> Reply:
    """The answer of an operation that was done, with what the fault does to it on its way."""
    match fault.kind:
        case "lost":
            return Reply(answer, Manner.RESET)
        case "stall":
            return Reply(answer, Manner.STALL, fault.seconds)
        case "cut":
            return Reply(answer, Manner.CUT)
        case "garbage":
            return Reply(replace(answer, body=GARBAGE))
        case _:
            return Reply(answer)


def _rate_limit(spent: Spent) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(spent.limit),
        "RateLimit-Remaining": str(spent.remaining),
        "RateLimit-Reset": str(spent.reset_seconds),
    }
