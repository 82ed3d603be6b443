"""A tenant as it is on its first day, and back to it."""

from simulated_tenant.clouds import PUBLIC, Cloud
from simulated_tenant.sharepoint_library import provision
from simulated_tenant.state import Geo, Tenant


def new_tenant(
    *,
    tenant_id: str | None = None,
    domain: str = "contoso.com",
    sharepoint_name: str = "contoso",
    language: str = "en-US",
    picture_folder: str = "Profile Pictures",
    cloud: Cloud = PUBLIC,
) -> Tenant:
    """A tenant with its central geo and nobody in it."""
    tenant = Tenant(
        domain=domain,
        language=language,
        sharepoint_name=sharepoint_name,
        picture_folder=picture_folder,
        cloud=cloud,
        display_name=domain.partition(".")[0].capitalize(),
    )
    if tenant_id:
        tenant.tenant_id = tenant_id.lower()
    add_geo(tenant, sharepoint_name)
    return tenant


def add_geo(tenant: Tenant, name: str, location: str | None = None) -> Geo:
    """A geo as SharePoint provides it, with the picture library and its one sub-folder."""
    geo = Geo(name, location)
    provision(tenant, geo)
    tenant.geos.append(geo)
    return geo


def start_over(tenant: Tenant) -> None:
    """Bring `tenant` back to its first day. Its identity stays, and so does who listens to it."""
    fresh = new_tenant(
        tenant_id=tenant.tenant_id,
        domain=tenant.domain,
        sharepoint_name=tenant.sharepoint_name,
        language=tenant.language,
        picture_folder=tenant.picture_folder,
        cloud=tenant.cloud,
    )
    kept = ("signing_key", "identity_header", "on_change", "serve_inner", "internet")
    vars(tenant).update({name: value for name, value in vars(fresh).items() if name not in kept})
