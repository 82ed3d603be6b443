"""docs/benchmarks.md and its plots, written from the stored results."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.frame import Measurement, Plot, Told
from benchmarks.plot import svg
from benchmarks.store import Stored

DOCS = Path(__file__).parent.parent / "docs"
_HEAD = """# Benchmarks

Written by `make bench` from [benchmarks.json](benchmarks.json); `make bench ONLY=webhook` measures one anew. A quick
version runs in `make test` and holds the counts and ratios, never seconds.

Everything runs on one machine: the app in Microsoft's Python worker, Azurite for Storage, and a simulated tenant for
Microsoft Graph and SharePoint, all sharing the same cores. So **counts and ratios carry over to Azure, absolute times
do not**: Azure's Storage is quicker under load than Azurite and further away, and an instance's core is its own.
"""


def write_page(measurements: tuple[Measurement, ...], stored: Mapping[str, Stored], docs: Path = DOCS) -> None:
    """Write the page and every plot."""
    (docs / "benchmarks.md").write_text(page(measurements, stored), "utf-8")
    for measurement in measurements:
        if measurement.name in stored:
            for plot in measurement.tell(stored[measurement.name].result).plots:
                (docs / file_name(plot)).write_text(svg(plot), "utf-8")


def file_name(plot: Plot) -> str:
    """The plot's file."""
    return f"bench-{plot.name}.svg"


def page(measurements: tuple[Measurement, ...], stored: Mapping[str, Stored]) -> str:
    """The page's Markdown."""
    told = {m.name: m.tell(stored[m.name].result) for m in measurements if m.name in stored}
    sections = [_section(m, stored[m.name], told[m.name]) for m in measurements if m.name in told]
    return "\n".join([_HEAD, _summary(measurements, told), *sections])


def _summary(measurements: tuple[Measurement, ...], told: Mapping[str, Told]) -> str:
    lines = ["| what is claimed | measured | |", "|---|---|---|"]
    for measurement in measurements:
        if measurement.name in told:
            lines += [
                f"| {claim.text} | {claim.measured} | {'holds' if claim.held else '**does not hold**'} |"
                for claim in told[measurement.name].claims
            ]
        else:
            lines.append(f"| {measurement.title} | not measured yet | |")
    return "\n".join([*lines, ""])


def _section(measurement: Measurement, stored: Stored, told: Told) -> str:
    pictures = [f"![{plot.title}]({file_name(plot)})" for plot in told.plots]
    when = (
        f"*`make bench ONLY={measurement.name}`, {stored.measured_at:%-d %B %Y, %H:%M} UTC, took "
        f"{stored.seconds:.0f} s, on {stored.machine.told}. {stored.machine.versions_told}.*"
    )
    return "\n".join([f"## {measurement.title}", "", *told.lines, "", *pictures, *([""] if pictures else []), when, ""])
