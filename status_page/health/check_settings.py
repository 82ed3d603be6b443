"""Configuration: what the app runs as, and what about its settings is unusual."""

import platform
import sys
from urllib.parse import urlsplit

from shared.settings import VERSION
from status_page.health.findings import Finding, passed, warning
from status_page.health.kit import Kit

_PYTHON = (3, 13)


def check_settings(kit: Kit) -> Finding:
    """The settings are valid, or the app would not have started; what of them deserves a second look."""
    settings, services = kit.settings, kit.services
    hostname, region = services.platform("WEBSITE_HOSTNAME"), services.platform("REGION_NAME")
    told = [
        f"Version {VERSION}, Python {platform.python_version()}",
        f"region {region}" if region else "not in Azure, as far as its variables say",
        f"tenant {settings.tenant_id}",
        f"SharePoint {settings.sharepoint_name}",
        f"cloud {settings.cloud}",
        f"signs in by {settings.credential}",
        f"public address {settings.public_url}",
    ]
    if settings.read_only:
        told.append("read-only")
    found = ", ".join(told) + "."
    public = urlsplit(settings.public_url).netloc
    unusual, remedies = list[str](), list[str]()
    if hostname and public.lower() != hostname.lower():
        unusual.append(f"PHOTOSYNC_PUBLIC_URL leads to {public}, Azure calls the app {hostname}.")
        remedies.append(
            "If that is a custom domain or a gateway before the app, all is well as long as /api/notifications and "
            "/api/lifecycle pass through it without sign-in. If not, remove PHOTOSYNC_PUBLIC_URL: the app then takes "
            "Azure's name."
        )
    if sys.version_info[:2] != _PYTHON:
        unusual.append("The app is made for Python 3.13.")
        remedies.append("Set the Function App's Python version to 3.13 (Configuration, General settings).")
    if settings.client_state_previous is not None:
        unusual.append("A former client state is still accepted.")
        remedies.append(
            "Remove PHOTOSYNC_CLIENT_STATE_PREVIOUS when the change of PHOTOSYNC_CLIENT_STATE is a day old."
        )
    if not unusual:
        return passed(found)
    return warning(f"{found} {' '.join(unusual)}", " ".join(remedies))
