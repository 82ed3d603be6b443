"""The product's parts on real Storage and a running tenant."""

from tests.bench import bench, certificate, tenant
from tests.sync_trigger.kept_subscription import kept, lasting_tenant

__all__ = ["bench", "certificate", "kept", "lasting_tenant", "tenant"]
