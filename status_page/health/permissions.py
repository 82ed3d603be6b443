"""Which application permissions the app needs, what a token says of them, and how to grant one. Pure.

Sources: README, "Permissions"; Graph v1.0 reference, "Get profilePhoto" and "List users", Permissions; sp-dev-docs,
"Granting access via Entra ID App-Only".
"""

from dataclasses import dataclass

from shared.setting_values import Credential

GRAPH_APP = "00000003-0000-0000-c000-000000000000"
SHAREPOINT_APP = "00000003-0000-0ff1-ce00-000000000000"
"""Application ids of Microsoft's own services, the same in every tenant."""


@dataclass(frozen=True)
class Permission:
    """One application permission that the app needs."""

    role: str
    held_by: frozenset[str] = frozenset()
    """Roles that allow as much and more."""

    def is_in(self, roles: frozenset[str]) -> bool:
        """Whether a token with these roles may do it."""
        return self.role in roles or bool(self.held_by & roles)


_WRITE_USERS = frozenset({"User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"})
_WRITE_SITES = frozenset({"Sites.Manage.All", "Sites.FullControl.All", "Sites.Selected"})
READ_USERS = Permission("User.Read.All", _WRITE_USERS)
READ_PHOTOS = Permission("ProfilePhoto.Read.All", frozenset({"ProfilePhoto.ReadWrite.All"}))
READ_GROUPS = Permission("GroupMember.Read.All", frozenset({"Group.Read.All", "Directory.Read.All"}))
WRITE_PROFILES = Permission("User.ReadWrite.All")
WRITE_FILES = Permission("Sites.ReadWrite.All", _WRITE_SITES)
OPTIONAL = frozenset({READ_GROUPS.role, "Sites.Selected"})
"""Granted for a purpose that a token does not show: jobs may name a group; the My Site host may be granted alone."""


@dataclass(frozen=True)
class Resource:
    """A service as Entra ID knows it."""

    name: str
    app_id: str


GRAPH = Resource("Microsoft Graph", GRAPH_APP)
SHAREPOINT = Resource("SharePoint", SHAREPOINT_APP)


def missing(roles: frozenset[str], needed: tuple[Permission, ...]) -> list[str]:
    """Those needed that a token with these roles does not carry in any form."""
    return [permission.role for permission in needed if not permission.is_in(roles)]


def needless(roles: frozenset[str], needed: tuple[Permission, ...]) -> list[str]:
    """Those carried that nothing needs: a stolen token could do more than the app ever does."""
    return sorted(roles - {permission.role for permission in needed} - OPTIONAL)


def how_to_grant(resource: Resource, roles: list[str], credential: Credential, principal: str) -> str:
    """What to click, or to run, to grant these roles.

    `principal`: object id of the app's service principal; empty when it is not known.
    """
    names = " and ".join(roles)
    if credential is Credential.MANAGED_IDENTITY:
        whose = f" (object id {principal})" if principal else ""
        return (
            f"Grant {resource.name}'s application permission {names} to the app's managed identity{whose}. No page of "
            "Entra ID does that for an identity: use New-MgServicePrincipalAppRoleAssignment of Microsoft Graph "
            f"PowerShell, with the resource whose application id is {resource.app_id}. Azure keeps an identity's "
            "token for up to 24 hours: a new permission may count only after that."
        )
    return (
        f"Entra admin centre, App registrations, the app, API permissions, Add a permission, {resource.name}, "
        f"Application permissions, {names}; then Grant admin consent."
    )


def how_to_remove(roles: list[str]) -> str:
    """What to do about those that nothing needs."""
    return (
        f"Remove {' and '.join(roles)}, unless other software uses the same identity or you have found that it is "
        "needed (docs/to-verify.md): Entra admin centre, Enterprise applications, the app, Permissions."
    )
