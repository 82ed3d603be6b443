"""A Microsoft 365 tenant on this machine: Entra ID tokens, Graph, SharePoint, notifications and faults.

It answers for Microsoft's own host names, behind an HTTPS forward proxy with a certificate authority of its own, so
that any client runs against it unmodified. It knows nothing of the product that it was made for.
"""
