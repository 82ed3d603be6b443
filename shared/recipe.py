"""How a target is made, as one short text: kept with what was agreed, so that changed settings copy everybody again."""

from shared.picture_names import Hosts, base_name
from shared.settings import Settings

_VERSION = "1"
"""Of the way pictures are made; another number makes every target anew."""


def recipe(settings: Settings, user_id: str, upn: str, data_location: str | None) -> str:
    """What a target made now for this user would be made by."""
    parts = (
        _VERSION,
        str(settings.large_size),
        hosts_of(settings, data_location).my,
        settings.picture_folder or "",
        base_name(settings.file_naming, user_id, upn),
        str(settings.exchange_sync_state),
    )
    return "|".join(parts)


def hosts_of(settings: Settings, data_location: str | None) -> Hosts:
    """SharePoint's hosts for a user with this `preferredDataLocation`; the central ones when it names none of ours.

    Source: sp-dev-docs, "SharePoint Online multi-geo: user profile experience".
    """
    name = settings.geos.get((data_location or "").upper(), settings.sharepoint_name)
    return Hosts.of(name, settings.cloud.endpoints.sharepoint_suffix)
