"""The record of every POST that the tenant sends to somebody's endpoint."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulated_tenant.outbound import Sent


@dataclass(frozen=True)
class Delivery:
    """One POST."""

    index: int
    at: datetime
    kind: str
    """`validation`, `change` or `lifecycle`."""
    url: str
    attempt: int
    status: int | None
    milliseconds: float
    failure: str | None
    subscriptions: tuple[str, ...]
    users: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The delivery as the control API shows it. A function key in the URL is the receiver's secret and left out."""
        return {
            "index": self.index,
            "at": self.at.isoformat(),
            "kind": self.kind,
            "url": self.url.partition("?")[0],
            "attempt": self.attempt,
            "status": self.status,
            "milliseconds": round(self.milliseconds, 1),
            "failure": self.failure,
            "delivered": self.status is not None and 200 <= self.status < 300,
            "subscriptions": list(self.subscriptions),
            "users": list(self.users),
        }


@dataclass
class Deliveries:
    """All of them, in order of their end."""

    all: list[Delivery] = field(default_factory=list)

    def note(
        self,
        at: datetime,
        kind: str,
        url: str,
        sent: Sent,
        *,
        attempt: int = 1,
        subscriptions: tuple[str, ...] = (),
        users: tuple[str, ...] = (),
    ) -> None:
        """Write one down."""
        self.all.append(
            Delivery(
                len(self.all),
                at,
                kind,
                url,
                attempt,
                sent.status,
                sent.milliseconds,
                sent.failure,
                subscriptions,
                users,
            )
        )
