"""Control: how notifications are sent, what was sent, and where public addresses lead."""

from typing import Any
from urllib.parse import urlsplit

from simulated_tenant.control import Asked, Problem, Routes, World, done
from simulated_tenant.endpoint_health import Pace
from simulated_tenant.graph_subscriptions import living
from simulated_tenant.notifications import Mode, Settings
from simulated_tenant.wire import Answer

ROUTES = Routes()
EVENTS = ("reauthorizationRequired", "subscriptionRemoved", "missed")


@ROUTES.add("GET", "/notifications")
def show(world: World, _: Asked) -> Answer:
    """The settings, what is waiting or under way, what was lost, and the subscriptions with their receivers' pace."""
    notifier, tenant = world.notifier, world.tenant
    subscriptions = [
        {
            "id": found.id,
            "app": found.app,
            "resource": found.resource,
            "changeType": found.change_type,
            "expires": found.expires.isoformat(),
            "pace": notifier.health[found.id].pace if found.id in notifier.health else Pace.NORMAL,
        }
        for found in living(tenant)
    ]
    body: dict[str, Any] = {
        "mode": notifier.settings.mode,
        "delaySeconds": notifier.settings.delay_seconds,
        "merge": notifier.settings.merge,
        "seed": notifier.settings.seed,
        "validateOnRenewal": tenant.validate_on_renewal,
        "waiting": [
            {"kind": letter.kind, "due": letter.due.isoformat(), "attempt": letter.attempt, "users": list(letter.users)}
            for letter in notifier.pending
        ],
        "underWay": len(notifier.under_way),
        "dropped": notifier.counts.dropped,
        "givenUp": notifier.counts.given_up,
        "subscriptions": subscriptions,
    }
    return done(body)


@ROUTES.add("POST", "/notifications")
def configure(world: World, asked: Asked) -> Answer:
    """Set `mode` (on, off, duplicate, delay, reorder), `delaySeconds`, `merge`, `seed`, `validateOnRenewal`."""
    fields = asked.fields("mode", "delaySeconds", "merge", "seed", "validateOnRenewal")
    old = world.notifier.settings
    try:
        mode = Mode(fields.get("mode", old.mode))
    except ValueError:
        raise Problem(f"mode is one of {', '.join(Mode)}.") from None
    usual = 1.0 if mode is Mode.REORDER else 600.0
    try:
        delay = float(fields.get("delaySeconds", old.delay_seconds if mode is old.mode else usual))
        seed = int(fields.get("seed", old.seed))
    except (TypeError, ValueError):
        raise Problem("delaySeconds and seed are wanted as numbers.") from None
    world.notifier.use(Settings(mode, delay, bool(fields.get("merge", old.merge)), seed))
    world.tenant.validate_on_renewal = bool(fields.get("validateOnRenewal", world.tenant.validate_on_renewal))
    return show(world, asked)


@ROUTES.add("POST", "/notifications/lifecycle")
def lifecycle(world: World, asked: Asked) -> Answer:
    """Send a lifecycle event: `{"event", "subscription"?}`; to every subscription that has the URL for it otherwise."""
    fields = asked.fields("event", "subscription")
    if fields.get("event") not in EVENTS:
        raise Problem(f"event is one of {', '.join(EVENTS)}.")
    wanted = fields.get("subscription")
    found = [one for one in living(world.tenant) if wanted in {None, one.id} and one.lifecycle_url]
    if not found:
        raise Problem("No such subscription with a lifecycleNotificationUrl. GET /notifications lists them.", 404)
    for subscription in found:
        if fields["event"] == "subscriptionRemoved":
            del world.tenant.subscriptions[subscription.id]
        world.notifier.lifecycle(subscription, fields["event"])
    return done({"sent": len(found)}, 202)


@ROUTES.add("DELETE", "/subscriptions/{subscription}")
def lose_subscription(world: World, asked: Asked) -> Answer:
    """Lose a subscription silently, as it happens to subscriptions to users."""
    if world.tenant.subscriptions.pop(asked.groups["subscription"].lower(), None) is None:
        raise Problem("No such subscription. GET /notifications lists them.", 404)
    return done()


@ROUTES.add("GET", "/deliveries")
def list_deliveries(world: World, asked: Asked) -> Answer:
    """Every POST to a receiver: when, kind, attempt, status, milliseconds; `?since=` an index."""
    try:
        since = int(asked.received.query.get("since", "0"))
    except ValueError:
        raise Problem("since is wanted as a number: the index of a delivery.") from None
    return done([delivery.as_json() for delivery in world.tenant.deliveries.all if delivery.index >= since])


@ROUTES.add("GET", "/routes")
def list_routes(world: World, _: Asked) -> Answer:
    """Where public origins lead."""
    return done(world.tenant.internet.routes)


@ROUTES.add("POST", "/routes")
def add_route(world: World, asked: Asked) -> Answer:
    """Let a public https origin lead to a server on this machine: `{"origin", "target"}`; target null ends it."""
    fields = asked.fields("origin", "target")
    origin = urlsplit(str(fields.get("origin") or ""))
    if origin.scheme != "https" or not origin.netloc or origin.path not in {"", "/"}:
        raise Problem("origin is wanted as https://host, such as https://photosync.contoso.example.")
    name = f"https://{origin.netloc}".lower()
    if fields.get("target") is None:
        world.tenant.internet.routes.pop(name, None)
        return done(world.tenant.internet.routes)
    target = urlsplit(str(fields["target"]))
    if target.scheme != "http" or target.hostname not in {"127.0.0.1", "localhost"}:
        raise Problem("target is wanted as http://127.0.0.1:port; the tenant posts to this machine only.")
    world.tenant.internet.routes[name] = f"http://{target.netloc}"
    return done(world.tenant.internet.routes)
