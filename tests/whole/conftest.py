"""The product's parts on real Storage and a running tenant."""

from tests.bench import bench, certificate, tenant

__all__ = ["bench", "certificate", "tenant"]
