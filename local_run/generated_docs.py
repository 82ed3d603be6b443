"""`make tables`: writes what README and docs take from the code anew; tests say when to."""

import logging
from pathlib import Path

from local_run import readme_tables
from shared.failures import FailureCode, FailureKind
from shared.logs import Happened

DOCS = Path(__file__).parent.parent / "docs"
TROUBLESHOOTING = DOCS / "troubleshooting.md"
HEADING = "## Every code"
OBSERVABILITY = DOCS / "observability.md"
EVENTS = "## Every event"
_TURN = {FailureKind.WAIT: "Waits.", FailureKind.MEND: "To mend.", FailureKind.BUG: "A bug."}


def with_codes(text: str) -> str:
    """The page's text with every failure code as the code has them now, after the introduction of its last section."""
    before, heading, after = text.partition(HEADING + "\n")
    introduction = after.partition("\n### ")[0].strip()
    codes = [
        f"### {code}\n\n{_TURN[code.kind]} {code.sentence}\n\n**What to do:** {code.remedy}" for code in FailureCode
    ]
    return f"{before}{heading}\n{introduction}\n\n" + "\n\n".join(codes) + "\n"


def with_events(text: str) -> str:
    """The same for every event of the log, in the last section of its page."""
    before, heading, after = text.partition(EVENTS + "\n")
    introduction = after.partition("\n|")[0].strip()
    rows = [f"| `{event}` | {logging.getLevelName(event.level).title()} | {event.sentence} |" for event in Happened]
    table = "\n".join(["| event | level | |", "|---|---|---|", *rows])
    return f"{before}{heading}\n{introduction}\n\n{table}\n"


if __name__ == "__main__":
    OBSERVABILITY.write_text(with_events(OBSERVABILITY.read_text("utf-8")), "utf-8")
    readme_tables.README.write_text(readme_tables.with_tables(readme_tables.README.read_text("utf-8")), "utf-8")
    TROUBLESHOOTING.write_text(with_codes(TROUBLESHOOTING.read_text("utf-8")), "utf-8")
