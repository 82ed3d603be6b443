"""The tenant's own certificate authority, and the one certificate for all host names of its cloud."""

import ssl
from pathlib import Path

import trustme

from simulated_tenant.clouds import Cloud


def make(cloud: Cloud, directory: Path) -> tuple[ssl.SSLContext, Path]:
    """The server's TLS context, and the path of the authority's certificate (`ca.pem`) for clients to trust."""
    authority = trustme.CA(organization_name="Simulated tenant")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    authority.issue_cert(*cloud.certificate_names).configure_cert(context)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "ca.pem"
    path.write_bytes(authority.cert_pem.bytes())
    return context, path.resolve()
