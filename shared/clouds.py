"""Where each Microsoft cloud answers. One table; nobody else names a host.

Source: "Microsoft Graph national cloud deployments" and "Microsoft Entra authentication in national clouds".
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Endpoints:
    """The hosts of one cloud."""

    login: str
    graph: str
    sharepoint_suffix: str
    exchange_audience: str
    """Audience of a managed identity's token that serves as an app registration's credential."""


class Cloud(StrEnum):
    """The value of PHOTOSYNC_CLOUD."""

    PUBLIC = "public"
    US_GOV_HIGH = "us_gov_high"
    US_GOV_DOD = "us_gov_dod"
    CHINA = "china"

    @property
    def endpoints(self) -> Endpoints:
        """The hosts of this cloud."""
        return _ENDPOINTS[self]


_ENDPOINTS = {
    Cloud.PUBLIC: Endpoints(
        login="login.microsoftonline.com",
        graph="graph.microsoft.com",
        sharepoint_suffix="sharepoint.com",
        exchange_audience="api://AzureADTokenExchange",
    ),
    Cloud.US_GOV_HIGH: Endpoints(
        login="login.microsoftonline.us",
        graph="graph.microsoft.us",
        sharepoint_suffix="sharepoint.us",
        exchange_audience="api://AzureADTokenExchangeUSGov",
    ),
    Cloud.US_GOV_DOD: Endpoints(
        login="login.microsoftonline.us",
        graph="dod-graph.microsoft.us",
        sharepoint_suffix="sharepoint-mil.us",
        exchange_audience="api://AzureADTokenExchangeUSGov",
    ),
    Cloud.CHINA: Endpoints(
        login="login.chinacloudapi.cn",
        graph="microsoftgraph.chinacloudapi.cn",
        sharepoint_suffix="sharepoint.cn",
        exchange_audience="api://AzureADTokenExchangeChina",
    ),
}
