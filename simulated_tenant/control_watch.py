"""Control: faults, latency, budgets, the clock; the record of requests and violations; starting over."""

from datetime import timedelta
from typing import Any

from simulated_tenant.control import Asked, Problem, Routes, World, done
from simulated_tenant.journal import KINDS, counts
from simulated_tenant.seed import start_over
from simulated_tenant.wire import Answer

ROUTES = Routes()


@ROUTES.add("GET", "/operations")
def list_operations(world: World, _: Asked) -> Answer:
    """The names that faults and latency hang on."""
    return done(world.dispatcher.operation_names())


@ROUTES.add("POST", "/faults")
def script_fault(world: World, asked: Asked) -> Answer:
    """Script the next calls of an operation: `{"operation", "script": [...], "user"?, "match"?, "app"?}`."""
    fields = asked.fields("operation", "script", "user", "match", "app")
    known = world.dispatcher.operation_names()
    operation = fields.get("operation")
    if operation not in known:
        raise Problem(f"Unknown operation {operation!r}. Known: {', '.join(known)}.")
    script = fields.get("script")
    if not isinstance(script, list) or not script:
        raise Problem("script is wanted as a list of instructions.")
    try:
        added = world.dispatcher.faults.add(
            operation, [str(text) for text in script], _needles(world, fields), fields.get("app")
        )
    except ValueError as error:
        raise Problem(str(error)) from error
    return done(added.as_json(), 201)


@ROUTES.add("GET", "/faults")
def list_faults(world: World, _: Asked) -> Answer:
    """Each script with what was met and what is left; `completed` when every script is used up."""
    scripts = world.dispatcher.faults.scripts
    return done(
        {"completed": not any(script.left for script in scripts), "scripts": [script.as_json() for script in scripts]}
    )


@ROUTES.add("DELETE", "/faults")
def clear_faults(world: World, _: Asked) -> Answer:
    """Drop every script, and open every gate that a Retry-After has closed."""
    world.dispatcher.faults.scripts.clear()
    world.dispatcher.limits.forget()
    return done()


@ROUTES.add("POST", "/latency")
def set_latency(world: World, asked: Asked) -> Answer:
    """Milliseconds before every answer of a service or an operation: `{"graph": 80}`; 0 ends it."""
    dispatcher = world.dispatcher
    names = [*(service.name for service in dispatcher.services), *dispatcher.operation_names()]
    for name, milliseconds in asked.fields(*names).items():
        dispatcher.latency[name] = _number(milliseconds, name) / 1000
    return done({name: seconds * 1000 for name, seconds in dispatcher.latency.items()})


@ROUTES.add("POST", "/budget")
def set_budget(world: World, asked: Asked) -> Answer:
    """Resource units a minute for each app at a service: `{"service", "perMinute"}`; null lifts it."""
    fields = asked.fields("service", "perMinute")
    names = [service.name for service in world.dispatcher.services]
    if fields.get("service") not in names:
        raise Problem(f"service is one of {', '.join(names)}.")
    limits = world.dispatcher.limits
    limits.per_minute.pop(fields["service"], None)
    if fields.get("perMinute") is not None:
        limits.per_minute[fields["service"]] = int(_number(fields["perMinute"], "perMinute"))
    limits.forget()
    return done(limits.per_minute)


@ROUTES.add("GET", "/clock")
def show_clock(world: World, _: Asked) -> Answer:
    """The tenant's time."""
    return done({"now": world.tenant.now().isoformat()})


@ROUTES.add("POST", "/clock")
def advance_clock(world: World, asked: Asked) -> Answer:
    """Move the tenant's time forward: `{"advanceSeconds": n}`; or let Date headers be off: `{"dateOffset": n}`.

    Tokens, gates, subscriptions and back-off follow the tenant's time; Date headers the machine's, but for the offset.
    `{"stands": true}` lets the time pass only when it is moved, however long the machine takes for anything.
    """
    fields = asked.fields("advanceSeconds", "dateOffset", "stands")
    if "stands" in fields:
        world.tenant.let_clock_stand(stands=bool(fields["stands"]))
    if "dateOffset" in fields:
        world.tenant.date_offset = timedelta(seconds=_number(fields["dateOffset"], "dateOffset"))
    if "advanceSeconds" in fields or not fields.keys() & {"dateOffset", "stands"}:
        seconds = _number(fields.get("advanceSeconds"), "advanceSeconds")
        world.tenant.clock_offset += timedelta(seconds=seconds)
    world.notifier.wake()
    return show_clock(world, asked)


@ROUTES.add("GET", "/requests")
def list_requests(world: World, asked: Asked) -> Answer:
    """The requests received: `?since=&operation=&service=&app=&inner=&limit=`; `operation` may end in `*`."""
    query = asked.received.query
    unknown = set(query) - {"since", "operation", "service", "app", "inner", "limit"}
    if unknown:
        raise Problem(
            f"Unknown filter {', '.join(sorted(unknown))}. Known: since, operation, service, app, inner, limit."
        )
    entries = list(
        world.tenant.journal.matching(
            since=int(_number(query.get("since", "0"), "since")),
            operation=query.get("operation", ""),
            service=query.get("service", ""),
            app=query.get("app", ""),
            inner=None if "inner" not in query else asked.flag("inner"),
        )
    )
    shown = entries[: int(_number(query["limit"], "limit"))] if "limit" in query else entries
    body = {
        "next": world.tenant.journal.next_index,
        "total": len(entries),
        "counts": counts(entries),
        "requests": [entry.as_json() for entry in shown],
    }
    return done(body)


@ROUTES.add("DELETE", "/requests")
def clear_requests(world: World, _: Asked) -> Answer:
    """Forget the requests; indexes go on."""
    world.tenant.journal.entries.clear()
    return done()


@ROUTES.add("GET", "/violations")
def list_violations(world: World, asked: Asked) -> Answer:
    """What callers did that they should not: time, kind, app, operation and a sentence; `?kind=` narrows."""
    kind = asked.received.query.get("kind")
    if kind is not None and kind not in KINDS:
        raise Problem(f"No violation of kind {kind!r}. Known: {', '.join(KINDS)}.")
    found = world.tenant.journal.violations
    return done([violation.as_json() for violation in found if kind in {None, violation.kind}])


@ROUTES.add("DELETE", "/violations")
def clear_violations(world: World, _: Asked) -> Answer:
    """Forget the violations."""
    world.tenant.journal.violations.clear()
    return done()


@ROUTES.add("POST", "/reset")
def reset(world: World, _: Asked) -> Answer:
    """Start over: no users, apps, files, subscriptions, faults, records; the clock is right, the tenant id stays."""
    start_over(world.tenant)
    world.dispatcher.reset()
    world.notifier.reset()
    return done()


def _needles(world: World, fields: dict[str, Any]) -> tuple[str, ...]:
    """What must occur in a request: any form of the user, or the substring."""
    if fields.get("user") and fields.get("match"):
        raise Problem("Give user or match, not both.")
    if fields.get("match"):
        return (str(fields["match"]),)
    if not fields.get("user"):
        return ()
    user = world.tenant.find_user(str(fields["user"]))
    if user is None:
        raise Problem(f"No user {fields['user']!r}. GET /users lists them.", 404)
    return (user.id, user.upn)


def _number(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Problem(f"{name} is wanted as a number, not {value!r}.") from None
    if number < 0:
        raise Problem(f"{name} must not be negative.")
    return number
