"""The checks, in the order that they are told; which of them wait for which; what each proves in a live tenant."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial

from shared.settings import Settings
from status_page.health.check_app import check_clock, check_sweep
from status_page.health.check_graph import check_groups, check_photos, check_users
from status_page.health.check_obstacles import check_obstacles
from status_page.health.check_queues import check_queues
from status_page.health.check_settings import check_settings
from status_page.health.check_sharepoint import check_files, check_folder, check_geo, check_profiles
from status_page.health.check_subscription import check_subscription
from status_page.health.check_tables import check_tables
from status_page.health.check_tokens import check_graph_token, check_sharepoint_token
from status_page.health.findings import Finding
from status_page.health.kit import Kit
from status_page.health.probe_write import check_probe


class Lane(Enum):
    """Checks of one lane wait for each other; the lanes run side by side."""

    APP = "app"
    STORAGE = "storage"
    GRAPH = "graph"
    SHAREPOINT = "sharepoint"
    AT_THE_END = "at the end"
    """After all others: they look at what those have learned."""


@dataclass(frozen=True)
class Check:
    """One check."""

    id: str
    section: str
    title: str
    lane: Lane
    look: Callable[[Kit], Finding]
    verifies: tuple[str, ...] = ()
    """Anchors of docs/to-verify.md: what is assumed of a live tenant, and shown to be so or not by this check."""


def checks_for(settings: Settings, *, probe: bool = False) -> list[Check]:
    """The checks of an app with these settings."""
    app, storage, graph, sharepoint, work = "The app", "Storage", "Microsoft Graph", "SharePoint", "At work"
    suffix = settings.cloud.endpoints.sharepoint_suffix
    admin, my = f"{settings.sharepoint_name}-admin.{suffix}", f"{settings.sharepoint_name}-my.{suffix}"
    return [
        Check("settings", app, "Configuration", Lane.APP, check_settings, ("platform-variables",)),
        Check("queues", storage, "Queues and their encoding", Lane.STORAGE, check_queues, ("queue-encoding",)),
        Check("tables", storage, "Tables", Lane.STORAGE, check_tables),
        Check("token-graph", graph, "Token for Graph", Lane.GRAPH, check_graph_token, ("token-roles",)),
        Check("graph-users", graph, "User.Read.All: users", Lane.GRAPH, check_users),
        Check(
            "graph-photos",
            graph,
            "ProfilePhoto.Read.All: photos",
            Lane.GRAPH,
            check_photos,
            ("photo-permission", "no-photo-answer"),
        ),
        Check("graph-groups", graph, "GroupMember.Read.All: groups", Lane.GRAPH, check_groups),
        Check("subscription", graph, "Subscription", Lane.GRAPH, check_subscription, ("subscription-listed",)),
        Check(
            "token-admin",
            sharepoint,
            "Token for SharePoint, profiles",
            Lane.SHAREPOINT,
            partial(check_sharepoint_token, host=admin),
            ("token-roles",),
        ),
        Check(
            "sharepoint-profiles",
            sharepoint,
            "User.ReadWrite.All: profiles",
            Lane.SHAREPOINT,
            check_profiles,
            ("profile-permission",),
        ),
        Check(
            "token-my",
            sharepoint,
            "Token for SharePoint, files",
            Lane.SHAREPOINT,
            partial(check_sharepoint_token, host=my),
            ("token-roles",),
        ),
        Check(
            "sharepoint-files",
            sharepoint,
            "Sites.ReadWrite.All: files",
            Lane.SHAREPOINT,
            lambda kit: check_files(kit, kit.central),
            ("folder-listing",),
        ),
        Check(
            "picture-folder",
            sharepoint,
            "Picture folder",
            Lane.SHAREPOINT,
            lambda kit: check_folder(kit, kit.central),
            ("folder-listing",),
        ),
        *(_geo(location, name) for location, name in sorted(settings.geos.items())),
        *([_probe()] if probe else []),
        Check("clock", work, "Clock", Lane.AT_THE_END, check_clock, ("date-headers",)),
        Check("sweep", work, "Sweep", Lane.APP, check_sweep),
        Check("gates", work, "Pauses, breakers, safety stop", Lane.AT_THE_END, check_obstacles),
    ]


def _probe() -> Check:
    proves = ("picture-shown", "uploads-accepted", "profile-permission", "identity-writes", "delete-answer")
    return Check("probe-write", "SharePoint", "A picture written and taken back", Lane.AT_THE_END, check_probe, proves)


def _geo(location: str, name: str) -> Check:
    def look(kit: Kit) -> Finding:
        return check_geo(kit, kit.hosts(name))

    return Check(f"geo-{location.lower()}", "SharePoint", f"Location {location}", Lane.SHAREPOINT, look, ("geo-hosts",))
