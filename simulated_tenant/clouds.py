"""The host names of Microsoft's clouds; the tenant lives in one of them and answers for that one only."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """One of Microsoft's clouds."""

    name: str
    login: str
    """Host of Entra ID."""
    graph: str
    sharepoint: str
    """Domain below which each tenant has its SharePoint hosts."""
    token_exchange: str
    """Audience of a managed identity's token that stands in for an app's credential."""

    @property
    def certificate_names(self) -> tuple[str, ...]:
        """What the leaf certificate must be valid for."""
        return (self.login, self.graph, f"*.{self.sharepoint}")


CLOUDS = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            "public",
            "login.microsoftonline.com",
            "graph.microsoft.com",
            "sharepoint.com",
            "api://AzureADTokenExchange",
        ),
        Cloud(
            "usgov",
            "login.microsoftonline.us",
            "graph.microsoft.us",
            "sharepoint.us",
            "api://AzureADTokenExchangeUSGov",
        ),
        Cloud(
            "dod",
            "login.microsoftonline.us",
            "dod-graph.microsoft.us",
            "sharepoint-mil.us",
            "api://AzureADTokenExchangeUSGov",
        ),
        Cloud(
            "china",
            "login.chinacloudapi.cn",
            "microsoftgraph.chinacloudapi.cn",
            "sharepoint.cn",
            "api://AzureADTokenExchangeChina",
        ),
    )
}
PUBLIC = CLOUDS["public"]


def pattern(*hosts: str) -> str:
    """A regular expression that matches exactly these hosts; `*.` at the start stands for one label."""
    return "|".join(re.escape(host).replace(r"\*\.", r"[a-z0-9-]+\.") for host in dict.fromkeys(hosts))


LOGIN_HOSTS = pattern(*(cloud.login for cloud in CLOUDS.values()))
GRAPH_HOSTS = pattern(*(cloud.graph for cloud in CLOUDS.values()))
SHAREPOINT_HOSTS = pattern(*(f"*.{cloud.sharepoint}" for cloud in CLOUDS.values()))


def answers_for(cloud: Cloud, host: str) -> bool:
    """Whether a tenant in `cloud` answers for `host`."""
    return re.fullmatch(pattern(*cloud.certificate_names), host, re.IGNORECASE) is not None
