"""What an observer of the tenant sees: what the app asks, what the tenant complains of, and what SharePoint shows."""

from typing import Any

from tests.bench import Bench

BROKEN = b"no picture"


def asked(bench: Bench) -> int:
    """How often the app has called Microsoft so far."""
    return len(bench.control.requests(app=bench.client_id, inner=False))


def complaints(bench: Bench) -> list[dict[str, Any]]:
    """What the tenant has to say of the app."""
    return [said for said in bench.control.violations() if said.get("app") == bench.client_id]


def check_target(bench: Bench, user: str, photo: bytes | None) -> None:
    """Target = source."""
    if photo is None:
        assert bench.control.target(user)["pictureUrl"] is None
    elif photo != BROKEN:
        assert bench.shows(user, photo)


def check_cost(bench: Bench, user: str, versions: int, misfortunes: int) -> None:
    """No more uploads than versions, times the misfortunes that can have broken a copy off."""
    uploads = bench.control.requests(operation="sharepoint.file.add")
    mine = [request for request in uploads if user in request["path"]]
    assert len(mine) <= 3 * max(1, versions) * (misfortunes + 2)
