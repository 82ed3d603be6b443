"""`python -m simulated_tenant.operations_page`: writes OPERATIONS.md, the list of everything that the tenant serves."""

from pathlib import Path

from simulated_tenant.control import Handle
from simulated_tenant.running import ROUTES
from simulated_tenant.services import Service, all_services
from simulated_tenant.wire import Handler

PATH = Path(__file__).with_name("OPERATIONS.md")
_HEAD = """# Operations

Written by `python -m simulated_tenant.operations_page`; a test holds it to the code.

Faults (`POST /faults`) and latency (`POST /latency`) hang on the names. Units are what a call costs of a budget
(`POST /budget`).
"""


def page() -> str:
    """The whole file."""
    parts = [_HEAD, *(_service(service) for service in all_services()), _control()]
    return "\n".join(parts)


def _service(service: Service) -> str:
    lines = [f"## {service.name}", "", "| name | method | units | what |", "|---|---|---|---|"]
    for operation in service.operations.all:
        cost = service.unit_cost if operation.cost is None else operation.cost
        lines.append(f"| `{operation.name}` | {operation.method} | {cost} | {_first_line(operation.handle)} |")
    return "\n".join([*lines, ""])


def _control() -> str:
    lines = ["## Control API", "", "| call | what |", "|---|---|"]
    lines += [f"| `{route.method} {route.path}` | {_first_line(route.handle)} |" for route in ROUTES]
    return "\n".join([*lines, ""])


def _first_line(handler: Handler | Handle) -> str:
    text = (handler.__doc__ or "").strip().partition("\n")[0]
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PATH.write_text(page())
