"""Control: notifications."""

from simulated_tenant.control import Routes

ROUTES = Routes()
