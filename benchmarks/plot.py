"""Plots as SVG, drawn from the stored results: no library, readable on light and dark pages."""

import math
from collections.abc import Callable
from html import escape

from benchmarks.frame import Plot

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 44, 84
COLOURS = ("#2f6fd0", "#d2691e", "#2e8b57", "#8a4fbf", "#b03060")
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-weight:600;font-size:15px}"
    ".g{stroke:#d0d7de;stroke-width:1}.l{fill:none;stroke-width:2.5}.c{stroke:#cf222e;stroke-dasharray:6 4}"
)


def svg(plot: Plot) -> str:
    """The whole file."""
    xs = [x for series in plot.series for x, _ in series.points]
    ys = [y for series in plot.series for _, y in series.points] + ([plot.limit[1]] if plot.limit else [])
    x_ticks, y_ticks = _ticks(min(xs), max(xs), log=plot.log_x), _ticks(min(ys), max(ys), log=plot.log_y)
    across = _scale(x_ticks[0], x_ticks[-1], LEFT, WIDTH - RIGHT, log=plot.log_x)
    up = _scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP, log=plot.log_y)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(plot.title)}</title><style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#ffffff"/>',
        f'<text class="t" x="{LEFT}" y="24">{escape(plot.title)}</text>',
    ]
    for tick in y_ticks:
        y = up(tick)
        parts.append(f'<path class="g" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_label(tick)}</text>')
    for tick in x_ticks:
        x = across(tick)
        parts.append(f'<path class="g" d="M{x:.1f} {HEIGHT - BOTTOM}v5"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{_label(tick)}</text>')
    parts += _lines(plot, across, up)
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - BOTTOM + 42}" text-anchor="middle">{escape(plot.x)}</text>')
    parts.append(
        f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(plot.y)}</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


def _lines(plot: Plot, across: Callable[[float], float], up: Callable[[float], float]) -> list[str]:
    parts: list[str] = []
    legend = LEFT
    for series, colour in zip(plot.series, COLOURS, strict=False):
        placed = [(across(x), up(y)) for x, y in series.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
        parts.append(f'<path class="l" stroke="{colour}" d="M{path}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in placed]
        parts.append(f'<rect x="{legend}" y="{HEIGHT - 24}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{legend + 18}" y="{HEIGHT - 13}">{escape(series.name)}</text>')
        legend += 40 + round(7.2 * len(series.name))
    if plot.limit is not None:
        name, value = plot.limit
        parts.append(f'<path class="c" d="M{LEFT} {up(value):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT}" y="{up(value) - 6:.1f}" text-anchor="end">{escape(name)}</text>')
    return parts


def _scale(least: float, most: float, start: float, end: float, *, log: bool) -> Callable[[float], float]:
    def plain(value: float) -> float:
        return start + (value - least) / (most - least) * (end - start)

    def logarithmic(value: float) -> float:
        return start + math.log(value / least) / math.log(most / least) * (end - start)

    return logarithmic if log else plain


def _ticks(least: float, most: float, *, log: bool) -> list[float]:
    """Round numbers that cover the range; at least two."""
    if log:
        first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
        return [10.0**power for power in range(first, max(last, first + 1) + 1)]
    least = min(least, 0.0)
    rough = max(most - least, 1e-9) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough)
    count = max(1, math.ceil((most - least) / step - 1e-9))
    return [least + step * number for number in range(count + 1)]


def _label(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"
