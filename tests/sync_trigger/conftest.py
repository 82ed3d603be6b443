"""The product's parts on real Storage and a running tenant."""

from tests.bench import bench, certificate, tenant
from tests.draining import drained, own_tenant
from tests.sync_trigger.kept_subscription import kept, lasting_tenant

__all__ = ["bench", "certificate", "drained", "kept", "lasting_tenant", "own_tenant", "tenant"]
