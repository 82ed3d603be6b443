"""Reads `faults.md`, the table of how everything ends that can go wrong with one call."""

from pathlib import Path

SINGLE = ("400", "401", "403", "404", "409", "413", "429", "500", "503", "504", "reset", "stall", "cut", "garbage")
SEQUENCES = ("503·503", "reset·reset", "reset·503", "429·429", "503·400", "reset·401")
FAULTS = SINGLE + SEQUENCES


def expected() -> dict[tuple[str, str], list[str]]:
    """Operation and fault to the ends of the looks before the one that ends well."""
    ends: dict[tuple[str, str], list[str]] = {}
    faults: list[str] = []
    for line in Path(__file__).with_name("faults.md").read_text("utf-8").splitlines():
        name, *cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if name == "operation":
            faults = cells
        elif faults and cells and not name.startswith("-"):
            ends |= {(name, fault): cell.split("+") for fault, cell in zip(faults, cells, strict=True)}
    return ends


def script(operation: str, fault: str, calls_before: int) -> list[str]:
    """The instructions of one case. Storage asks for a shorter pause: its library waits for it there and then."""
    pause = 2 if operation.startswith(("queue", "table")) else 30
    written = {"429": f"429:Retry-After={pause}", "stall": "stall:5"}
    return ["ok"] * calls_before + [written.get(one, one) for one in fault.split("·")]
