"""The product's parts on real Storage and a running tenant."""

from tests.bench import certificate
from tests.draining import own_tenant

__all__ = ["certificate", "own_tenant"]
