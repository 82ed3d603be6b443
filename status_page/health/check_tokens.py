"""Tokens: Entra ID gives one for each host, and what it carries is what the app needs, no less and no more.

What a token says is a hint, as it may hold a permission in another form; the checks that use the permissions decide.
"""

from shared.failures import Failure
from status_page.health import permissions
from status_page.health.findings import Finding, Verdict, failed, of_failure, passed, warning
from status_page.health.kit import Kit
from status_page.health.permissions import Permission, Resource


def check_graph_token(kit: Kit) -> Finding:
    """A token for Graph."""
    groups = (permissions.READ_GROUPS,) if kit.settings.scope_group or kit.settings.exclude_group else ()
    needed = (permissions.READ_USERS, permissions.READ_PHOTOS, *groups)
    return _check(kit, kit.settings.cloud.endpoints.graph, permissions.GRAPH, needed)


def check_sharepoint_token(kit: Kit, host: str) -> Finding:
    """A token for one of SharePoint's hosts; all of them carry the same roles."""
    return _check(kit, host, permissions.SHAREPOINT, (permissions.WRITE_PROFILES, permissions.WRITE_FILES))


def _check(kit: Kit, host: str, resource: Resource, needed: tuple[Permission, ...]) -> Finding:
    try:
        claims = kit.claims_of(host)
    except Failure as failure:
        return of_failure(failure)
    audience = claims.audience.rstrip("/").lower()
    if audience not in {f"https://{host}", resource.app_id}:
        return failed(
            f"Entra ID gave a token, but for {claims.audience}, not for https://{host}.",
            "Something between the app and Entra ID exchanges tokens: look at proxies and at the identity settings. "
            "If there is nothing of the kind, open an issue of the project.",
        )
    kit.learned.claims[host] = claims
    carried = ", ".join(sorted(claims.roles)) or "no permission at all"
    found, remedies = f"A token for {host}; it carries {carried}.", list[str]()
    if lacking := permissions.missing(claims.roles, needed):
        found += f" It lacks {', '.join(lacking)}."
        remedies.append(permissions.how_to_grant(resource, lacking, kit.settings.credential, claims.principal))
    if excess := permissions.needless(claims.roles, needed):
        found += f" The app does not need {', '.join(excess)}: it could do more than it ever should."
        remedies.append(permissions.how_to_remove(excess))
    return warning(found, " ".join(remedies)) if remedies else passed(found)


def usable(kit: Kit, host: str) -> bool:
    """Whether there is a token to ask the host with."""
    return host in kit.learned.claims


def refused(failure: Failure, kit: Kit, host: str, resource: Resource, permission: Permission) -> Finding:
    """A refused use of a permission: with the way to grant it, when it is for want of that."""
    claims = kit.learned.claims.get(host)
    lacks = claims is not None and not permission.is_in(claims.roles)
    if failure.status != 403 and not lacks:
        return of_failure(failure)
    principal = claims.principal if claims else ""
    remedy = permissions.how_to_grant(resource, [permission.role], kit.settings.credential, principal)
    finding = of_failure(failure, remedy)
    if lacks or finding.verdict is not Verdict.FAILED:
        return finding
    return failed(
        f"{finding.found} Its token does carry {permission.role}, or more.",
        f"If it was granted within the last hour, check again later. {remedy}",
        finding.request_id,
    )
