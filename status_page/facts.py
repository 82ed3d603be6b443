"""The facts behind the page's first line: gathered from a handful of rows, whatever the tenant's size."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared import paused, safety_stop, subscription_record
from shared.actions import ActionRow
from shared.breaker import Breaker
from shared.control import Control
from shared.gates import Service, row_of
from shared.paused import Pause
from shared.rows import from_entity
from shared.runs import RunKind, RunRow, Users
from shared.safety_stop import SafetyStop
from shared.services import Services
from shared.subscription_record import SubscriptionHealth, SubscriptionRecord
from status_page.tally import Tally

_UNREADABLE = "unreadable-message "
_BREAKER = "breaker "
_GATE = "gate "
_RUNS = 8
_ACTIONS = 8


@dataclass(frozen=True)
class Facts:
    """What the app knows of itself at one moment."""

    tally: Tally = field(default_factory=Tally)
    subscription: SubscriptionRecord = field(default_factory=SubscriptionRecord)
    subscription_health: SubscriptionHealth = SubscriptionHealth.MISSING
    breakers: dict[Service, Breaker] = field(default_factory=dict)
    """Those that are open."""
    gates: dict[Service, datetime] = field(default_factory=dict)
    """Those that are closed, and until when."""
    stop: SafetyStop | None = None
    """The safety stop, if it is in force."""
    unreadable: int = 0
    """Messages set aside because this version could not read them."""
    sweeps: tuple[RunRow, ...] = ()
    """The latest, newest first."""
    sweep_every: timedelta = timedelta(minutes=15)
    pause: Pause | None = None
    """The pause that an administrator asked for, while it lasts."""
    latest_actions: tuple[ActionRow, ...] = ()
    """Who did what by hand, newest first."""

    @property
    def last_sweep(self) -> RunRow | None:
        """The latest sweep over everybody."""
        return next((sweep for sweep in self.sweeps if sweep.users is Users.ALL), None)

    @property
    def next_sweep(self) -> datetime | None:
        """When the next one is due; None when there never was one."""
        return self.last_sweep.requested_at + self.sweep_every if self.last_sweep else None


def gather(services: Services, tally: Tally) -> Facts:
    """Read them. Raises `AzureError` when Storage does not answer."""
    control, now = services.control, services.clock.now()
    subscription, _ = subscription_record.read(control)
    stop = safety_stop.read(control)
    return Facts(
        tally=tally,
        subscription=subscription,
        subscription_health=subscription_record.health(subscription, now),
        breakers=_open_breakers(control),
        gates=_closed_gates(control, now),
        stop=stop if stop is not None and stop.in_force else None,
        unreadable=len(control.starting_with(_UNREADABLE)),
        sweeps=tuple(services.runs.newest(RunKind.SWEEP, _RUNS)),
        sweep_every=timedelta(minutes=services.settings.sweep_minutes),
        pause=paused.read(control),
        latest_actions=tuple(services.actions.latest(_ACTIONS)),
    )


def _open_breakers(control: Control) -> dict[Service, Breaker]:
    rows = control.starting_with(_BREAKER)
    all_of_them = {Service(row.name.removeprefix(_BREAKER)): from_entity(Breaker, row.values) for row in rows}
    return {service: breaker for service, breaker in all_of_them.items() if breaker.open_since is not None}


def _closed_gates(control: Control, now: datetime) -> dict[Service, datetime]:
    rows = {row.name: row.values.get("opensAt") for row in control.starting_with(_GATE)}
    known = {service: rows.get(row_of(service)) for service in Service}
    return {service: opens for service, opens in known.items() if opens is not None and opens > now}
