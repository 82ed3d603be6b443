"""SharePoint's wish for a User-Agent that says whose traffic it is.

https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
"""

import re

_DECORATED = re.compile(r"(?:NONISV|ISV)\|[^|]+\|[^|/]+/[^\s|]+.*")


def is_decorated(agent: str) -> bool:
    """Whether the agent reads `NONISV|Company|App/1.0` or `ISV|Company|App/1.0`."""
    return _DECORATED.fullmatch(agent) is not None


def complaint(agent: str) -> str:
    """The violation in a sentence."""
    return f"User-Agent {agent!r} is not decorated; SharePoint asks for NONISV|Company|App/1.0."
