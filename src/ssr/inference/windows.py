"""How is a raster cut into windows that fit in memory?

A core is what a window owns. Its read window adds `halo_px` of context, and `overlap_px` that it shares with its
neighbours, on every side where it has one; at the edge of the raster it owns that margin too. All read windows have
one size, so they can be batched. Worked example, one axis of 100 px with cores of at most 40, halo 8, overlap 2: two
cores 0…50 and 50…100 with read windows of 60 px at 0…60 and 40…100.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

ALIGNED_PX = 4
"""Windows are a multiple of this wide: on rows of odd length processors are 15 % slower (docs/performance.md)."""


@dataclass(frozen=True)
class Span:
    """One axis of a window, in low-resolution pixels of the raster: what it owns and what it reads."""

    core_start: int
    core_stop: int
    read_start: int
    read_stop: int


@dataclass(frozen=True)
class WindowPlan:
    """All windows of a raster, as the product of row spans and column spans.

    by_rows: the network sees the raster row by row (`engines.rowwise`): windows are as wide as it and need no context.
    n_together: windows that are predicted together; None: as many as their size suggests.
    """

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    overlap_px: int
    by_rows: bool = False
    n_together: int | None = None

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def __iter__(self) -> Iterator[tuple[Span, Span]]:
        """Windows from left to right, then downwards."""
        return ((row, column) for row in self.rows for column in self.columns)


def plan_windows(
    shape_hw: tuple[int, int], *, core_px: int, halo_px: int, overlap_px: int, multiple: int = 1
) -> WindowPlan:
    """Cut a raster of any size from 1×1 up.

    Args:
        core_px: longest side of what a window with neighbours on both sides owns, but for less than ALIGNED_PX; at
            least four times the overlap, so that the strips shared with two neighbours never meet.
        multiple: read windows start at multiples of this and are multiples of it wide, as networks ask that fold
            pixels into channels; the last may then reach over the edge by less than one multiple.
    """
    if core_px < max(1, 4 * overlap_px):
        raise ValueError(f"core_px is {core_px}; expected at least {max(1, 4 * overlap_px)}, four times the overlap")
    rows, columns = (_spans(n, core_px, halo_px + overlap_px, multiple) for n in shape_hw)
    return WindowPlan(rows, columns, overlap_px)


def plan_rows(shape_hw: tuple[int, int], *, core_px: int) -> WindowPlan:
    """Cut a raster into bands over its whole width for a network that sees it row by row."""
    height, width = shape_hw
    n_bands = -(-height // core_px)
    borders = pairwise(k * height // n_bands for k in range(n_bands + 1))
    bands = tuple(Span(start, stop, start, stop) for start, stop in borders)
    return WindowPlan(bands, (Span(0, width, 0, width),), 0, by_rows=True)


def kept_share(plan: WindowPlan) -> float:
    """Of the pixels that are computed, how many are kept."""
    if plan.by_rows:
        return 1.0
    row, column = plan.rows[0], plan.columns[0]
    n_computed = len(plan) * (row.read_stop - row.read_start) * (column.read_stop - column.read_start)
    return plan.rows[-1].core_stop * plan.columns[-1].core_stop / n_computed


def _spans(n: int, core_px: int, margin: int, multiple: int) -> tuple[Span, ...]:
    n_windows = -(
        -(n - 2 * margin) // core_px
    )  # the first and the last own a margin more, for they need it on one side
    read_px = -(-(n + 2 * margin * (n_windows - 1)) // max(1, n_windows))
    if core_px >= 4 * ALIGNED_PX:
        read_px = -(-read_px // ALIGNED_PX) * ALIGNED_PX
    if multiple > 1:
        read_px = -(-(read_px + 2 * multiple) // multiple) * multiple  # room for starting at multiples
    if n_windows <= 1 or n <= read_px:
        return (Span(0, n, 0, n),)
    last_start = -(-(n - read_px) // multiple) * multiple
    starts = [k * last_start // (n_windows - 1) // multiple * multiple for k in range(n_windows)]
    borders = [0, *((start + before + read_px) // 2 for before, start in pairwise(starts)), n]
    return tuple(Span(*core, start, start + read_px) for core, start in zip(pairwise(borders), starts, strict=True))
