"""How does the network see a cell, window by window, so that nothing shows where cells meet?

Windows read beyond the cell what they read beyond their core inside of it; cores end at the border of the cell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from ssr.inference.blending import stitch
from ssr.inference.predictor import DEFAULT_CORE_PX, DEFAULT_OVERLAP_PX, Predictor, batch_size_for
from ssr.inference.windows import Span, WindowPlan
from ssr.mapping.reading import CellSeries
from ssr.models.protocol import SuperResolver


@dataclass(frozen=True)
class Windows:
    """How a cell is cut.

    Attributes:
        margin_px: what a window reads around its core.
        multiple: read windows begin at multiples of this, counted on the grid of the Earth, and are so wide.
    """

    margin_px: int
    multiple: int
    overlap_px: int = DEFAULT_OVERLAP_PX
    core_px: int = DEFAULT_CORE_PX

    @classmethod
    def of(cls, network: SuperResolver) -> "Windows":
        """As wide as a network asks for."""
        return cls(network.halo_px + DEFAULT_OVERLAP_PX, network.size_multiple)

    @property
    def inner_px(self) -> int:
        """What must be read around a cell."""
        return self.margin_px + 2 * (self.multiple - 1)

    def spans(self, first: int, side_px: int) -> tuple[Span, ...]:
        """Of a cell whose first pixel has a number, in pixels of its series."""
        n_cores = -(-side_px // self.core_px)
        borders = [k * side_px // n_cores for k in range(n_cores + 1)]
        longest = max(stop - start for start, stop in pairwise(borders))
        needed = longest + 2 * self.margin_px + self.multiple - 1
        read_px = -(-needed // self.multiple) * self.multiple
        origin = first - self.inner_px
        spans = []
        for start, stop in pairwise(borders):
            begin = (first + start - self.margin_px) // self.multiple * self.multiple
            begin = min(begin, first + side_px + self.inner_px - read_px)
            begin = begin // self.multiple * self.multiple - origin
            spans.append(Span(start + self.inner_px, stop + self.inner_px, begin, begin + read_px))
        return tuple(spans)

    def plan(self, row: int, column: int, side_px: int) -> WindowPlan:
        """All windows of a cell."""
        return WindowPlan(self.spans(row, side_px), self.spans(column, side_px), self.overlap_px)


def predict_cell(predictor: Predictor, series: CellSeries, windows: Windows, side_px: int) -> NDArray[np.float32]:
    """A cell in [0, 1], `c scale·h scale·w`, zero where no date has data."""
    inner, scale = windows.inner_px, predictor.network.scale
    plan = windows.plan(series.corner.row + inner, series.corner.column + inner, side_px)
    result: NDArray[np.float32] | None = None
    for block in stitch(plan, _predicted(predictor, series, plan), scale):
        if result is None:  # only the network knows how many channels come out
            result = np.empty((len(block.pixels), side_px * scale, side_px * scale), np.float32)
        rows, columns = (
            slice(part.start - inner * scale, part.stop - inner * scale) for part in (block.rows, block.columns)
        )
        result[:, rows, columns] = block.pixels
    assert result is not None
    return result


def _predicted(predictor: Predictor, series: CellSeries, plan: WindowPlan) -> Iterator[NDArray[np.float32]]:
    spans = iter(plan)
    while batch := list(islice(spans, batch_size_for(plan))):
        windows = np.stack(
            [series.pixels[..., r.read_start : r.read_stop, c.read_start : c.read_stop] for r, c in batch]
        )
        origins = [(series.corner.row + r.read_start, series.corner.column + c.read_start) for r, c in batch]
        yield from predictor.predict(windows, origins)
