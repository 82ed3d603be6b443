"""The bench's parts."""

from tests.bench import bench, certificate, tenant
from tests.draining import drained, own_tenant

__all__ = ["bench", "certificate", "drained", "own_tenant", "tenant"]
