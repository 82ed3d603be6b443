"""Graph: what changed among users since a token was given. Photos are no property of the directory and never show.

https://learn.microsoft.com/graph/api/user-delta
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from simulated_tenant import graph, graph_users, odata
from simulated_tenant.state import ChangeKind, Tenant
from simulated_tenant.wire import Answer, Operations, Received

OPERATIONS = Operations(graph.HOST)
TOKEN_LIFETIME = timedelta(days=7)
PAGE = 200
MOST_IDS = 50


@OPERATIONS.add("graph.users.delta", "GET", r"/v1\.0/users/delta(?:\(\))?", cost=2)
def delta(tenant: Tenant, received: Received, _: Mapping[str, str]) -> Answer:
    """The first round lists everyone; each further round what changed since."""
    graph.require(tenant, received, graph.READ_USERS)
    round_ = _round(tenant, received)
    names = list(round_["select"])
    found = _first_round(tenant) if round_["since"] is None else _changes(tenant, round_["since"], round_["until"])
    if round_["ids"]:
        found = [item for item in found if item["id"] in round_["ids"]]
    start = round_["position"]
    shown = [_shown(item, names) for item in found[start : start + PAGE]]
    kind = f"users({','.join(names)})" if round_["selected"] else "users"
    body: dict[str, Any] = {"@odata.context": graph.context(tenant, kind)}
    if start + PAGE < len(found):
        body["@odata.nextLink"] = _link(tenant, "$skiptoken", round_ | {"position": start + PAGE})
    else:
        following = round_ | {"since": round_["until"], "until": None, "position": 0}
        body["@odata.deltaLink"] = _link(tenant, "$deltatoken", following | {"at": tenant.now().timestamp()})
    body["value"] = shown
    return graph.of_json(body)


def _round(tenant: Tenant, received: Received) -> dict[str, Any]:
    """Where the round stands. Options are given at first only: afterwards the links carry them."""
    query = received.query
    token = query.get("$skiptoken") or query.get("$deltatoken")
    if token is None or token == "latest":  # noqa: S105 - a word of the protocol
        names = odata.selected(received, graph_users.KNOWN, graph_users.USUAL)
        return {
            "since": len(tenant.changes) if token else None,
            "until": len(tenant.changes),
            "position": 0,
            "select": list(dict.fromkeys([*names, "id"])),
            "selected": "$select" in query,
            "ids": _ids(received),
            "at": tenant.now().timestamp(),
        }
    known: dict[str, Any] = odata.unsealed(received, token)
    if tenant.now().timestamp() - known["at"] > TOKEN_LIFETIME.total_seconds() or (known["since"] or 0) > len(
        tenant.changes
    ):
        message = (
            "The sync state generation is not found. The delta token is expired and data must be synchronized again."
        )
        raise graph.refused(received, 400, "syncStateNotFound", message)
    return known | {"until": len(tenant.changes)} if known["until"] is None else known


def _ids(received: Received) -> list[str]:
    """The ids that `$filter` names; it can name nothing else."""
    text = received.query.get("$filter")
    if not text:
        return []
    odata.filtered(received, ("id",))
    ids = [part.strip("'").lower() for part in text.replace("(", " ").replace(")", " ").split() if part.startswith("'")]
    if len(ids) > MOST_IDS:
        raise graph.bad_request(received, f"A delta query may filter by at most {MOST_IDS} ids.")
    return ids


def _first_round(tenant: Tenant) -> list[dict[str, Any]]:
    return [graph_users.entity(user) for user in tenant.users.values() if not user.soft_deleted]


def _changes(tenant: Tenant, since: int, until: int) -> list[dict[str, Any]]:
    """Each changed user once, as it is now."""
    ids = dict.fromkeys(change.user_id for change in tenant.changes[since:until] if change.kind is not ChangeKind.PHOTO)
    found: list[dict[str, Any]] = []
    for user_id in ids:
        user = tenant.users.get(user_id)
        if user is None:
            found.append({"id": user_id, "@removed": {"reason": ChangeKind.PURGED.value}})
        elif user.soft_deleted:
            found.append({"id": user_id, "@removed": {"reason": ChangeKind.SOFT_DELETED.value}})
        else:
            found.append(graph_users.entity(user))
    return found


def _shown(item: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return dict(item) if "@removed" in item else graph_users.shown(item, names)


def _link(tenant: Tenant, option: str, state: Mapping[str, Any]) -> str:
    return f"{graph.root(tenant)}/users/delta?{option}={odata.sealed(state)}"
