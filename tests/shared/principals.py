"""The header that App Service authentication sets, as tests need it."""

import base64
import json
from typing import Any

from shared.signed_in import PRINCIPAL_HEADER

TENANT = "11111111-2222-3333-4444-555555555555"


def header(*claims: tuple[str, str], **fields: Any) -> dict[str, str]:
    """A principal with these claims, as the platform sends it."""
    principal = {"auth_typ": "aad", "claims": [{"typ": kind, "val": value} for kind, value in claims], **fields}
    return {PRINCIPAL_HEADER: base64.b64encode(json.dumps(principal).encode()).decode()}


def account(name: str, *roles: str, tenant: str = TENANT) -> dict[str, str]:
    """A person of a tenant, with app roles."""
    return header(("preferred_username", name), ("tid", tenant), *(("roles", role) for role in roles))
