"""How do numbers become a line chart that a page can hold and a screen reader can read?

SVG without scripts or fonts of its own: colours come from the page's classes `line-0` … and `currentColor`, and every
line also has a dash and a marker of its own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 340, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 36
N_TICKS = 5
DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 4", "1 4", "4 2 1 2", "10 2")
N_COLOURS = 8


@dataclass(frozen=True)
class Point:
    """One value, with its interval where there is one."""

    x: float
    y: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Line:
    """What one model or figure did."""

    label: str
    points: tuple[Point, ...]


def line_chart(
    lines: Sequence[Line], *, title: str, x_label: str, y_label: str, x_names: Sequence[str] | None = None
) -> str:
    """An SVG figure; points that are not finite are left out.

    Args:
        x_names: what stands at x = 0, 1, …; by default x is a number.
    """
    lines = [Line(line.label, tuple(p for p in line.points if math.isfinite(p.y))) for line in lines]
    points = [point for line in lines for point in line.points]
    if not points:
        return ""
    x_low, x_high = _range([p.x for p in points])
    y_low, y_high = _range([y for p in points for y in (p.y, p.low, p.high) if math.isfinite(y)])

    def across(x: float) -> float:
        return LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def down(y: float) -> float:
        return TOP + (y_high - y) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    said = "; ".join(f"{line.label}: " + ", ".join(f"{p.y:.4g}" for p in line.points) for line in lines)
    x_ticks = list(range(len(x_names))) if x_names else _ticks(x_low, x_high)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="chart">',
        f"<title>{escape(title)}</title><desc>{escape(said)}</desc>",
    ]
    for y in _ticks(y_low, y_high):
        parts.append(f'<path class="grid" d="M{LEFT} {down(y):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{down(y) + 3.5:.1f}" text-anchor="end">{_number(y)}</text>')
    for x in x_ticks:
        name = x_names[int(x)] if x_names else _number(x)
        parts.append(f'<text x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{escape(name)}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 5}" text-anchor="middle">{escape(x_label)}</text>')
    turned = f'transform="rotate(-90 11 {HEIGHT / 2:.0f})"'
    parts.append(f'<text x="11" y="{HEIGHT / 2:.0f}" text-anchor="middle" {turned}>{escape(y_label)}</text>')
    for k, line in enumerate(lines):
        parts += _drawn(line, k, across, down)
    return "".join(parts) + "</svg>"


def legend(labels: Sequence[str]) -> str:
    """What the lines of charts beside it mean."""
    keys = [
        f'<li><svg viewBox="0 0 30 10" class="key" aria-hidden="true"><path class="line line-{k % N_COLOURS}" '
        f'stroke-dasharray="{DASHES[k % len(DASHES)]}" d="M0 5H30"/></svg>{escape(label)}</li>'
        for k, label in enumerate(labels)
    ]
    return f'<ul class="legend">{"".join(keys)}</ul>'


def _drawn(line: Line, k: int, across: Callable[[float], float], down: Callable[[float], float]) -> list[str]:
    if not line.points:
        return []
    places = [(across(p.x), down(p.y)) for p in line.points]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    colour = f"line-{k % N_COLOURS}"
    parts = []
    banded = [p for p in line.points if math.isfinite(p.low) and math.isfinite(p.high)]
    if len(banded) > 1:
        edge = [f"{across(p.x):.1f} {down(p.high):.1f}" for p in banded]
        edge += [f"{across(p.x):.1f} {down(p.low):.1f}" for p in reversed(banded)]
        parts.append(f'<path class="band {colour}" d="M{"L".join(edge)}Z"/>')
    parts.append(f'<path class="line {colour}" stroke-dasharray="{DASHES[k % len(DASHES)]}" d="{path}"/>')
    if len(places) <= 20:
        parts += [f'<circle class="dot {colour}" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in places]
    return parts


def _range(values: Sequence[float]) -> tuple[float, float]:
    """With some air; never empty."""
    low, high = min(values), max(values)
    air = (high - low) * 0.05 or abs(low) * 0.05 or 0.5
    return low - air, high + air


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers within the range."""
    step = 10 ** math.floor(math.log10((high - low) / N_TICKS))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (m * step) <= N_TICKS)
    first = math.ceil(low / step)
    return [k * step for k in range(first, math.floor(high / step) + 1)]


def _number(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:.6g}"
