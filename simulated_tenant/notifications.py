"""Change notifications: what Graph sends to subscribers, when, and how often."""

from simulated_tenant.state import Tenant


class Notifier:
    """Delivers notifications."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    def start(self) -> None:
        """Begin to deliver."""

    async def stop(self) -> None:
        """End."""

    def wake(self) -> None:
        """Look again at what is due."""

    def reset(self) -> None:
        """Forget everything."""
