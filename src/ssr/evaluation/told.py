"""How are the averages of a test printed, the two protocols apart?"""

import math
from collections.abc import Sequence

from ssr.evaluation.statistics import Mean
from ssr.evaluation.summary import Column, Summary

PROTOCOLS = {
    "corrected": "measures as the literature defines them",
    "original": "measures as Satlas Super Resolution computes them",
}
SAME_IN_BOTH = ("psnr", "ssim", "psnr_y", "ssim_y")
"""The original's own definition of these is that of the literature; it rounds to bytes first, as is usual here."""
ARROWS = {"higher": "↑", "lower": "↓"}


def averages(summary: Summary, columns: Sequence[Column]) -> str:
    """A table for each protocol: measures below each other, models side by side."""
    n = f"{summary.n_samples} sample{'s' * (summary.n_samples != 1)}"
    tables = []
    for protocol, told in PROTOCOLS.items():
        own = columns_of(protocol, columns)
        if own:
            tables.append(f"{summary.dataset}, {n}: {told}\n{_table(summary, own)}")
    return "\n\n".join(tables)


def columns_of(protocol: str, columns: Sequence[Column]) -> list[Column]:
    """A protocol's columns; those that both define alike are in both, unless nothing else is the original's."""
    own = [column for column in columns if column.protocol == protocol]
    if protocol == "corrected" or not own:
        return own
    names = {column.name for column in own}
    own += [column for column in columns if column.name in SAME_IN_BOTH and column.name not in names]
    order = [column.name for column in columns]
    return sorted(own, key=lambda column: order.index(column.name))


def shown(mean: Mean) -> str:
    """The mean of finite values, and how many were infinite."""
    if not mean.n:
        return "∞" if mean.n_infinite else "–"
    return figure(mean.value) + (f" (+{mean.n_infinite} ∞)" if mean.n_infinite else "")


def figure(value: float) -> str:
    """Four digits that count."""
    if math.isnan(value):
        return "–"
    if not value:
        return "0"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 6)}f}"


def heading(column: Column) -> str:
    """Name, direction and unit."""
    return f"{column.name} {ARROWS[column.better]}" + (f" {column.unit}" if column.unit else "")


def _table(summary: Summary, columns: Sequence[Column]) -> str:
    rows = [["", *summary.means]]
    rows += [[heading(c), *(shown(found[c.key]) for found in summary.means.values())] for c in columns]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows)
    return "\n".join(f"  {line.rstrip()}" for line in lines)
