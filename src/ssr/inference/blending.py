"""How do overlapping windows become one raster without seams, whatever order they were predicted in?

Neighbours share a strip of `2·overlap` pixels centred on the border of their cores. Across the strip one fades into
the other along a straight line: first between columns, then between rows, always of exactly two values, so the order
of prediction cannot matter; where two windows agree, the result is their common value to the bit. Blocks leave as
soon as they are final; what is kept is one strip per row of windows, not the raster.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssr.inference.windows import Span, WindowPlan

Patch = NDArray[np.float32]


class Block(NamedTuple):
    """Final pixels and their place in the fine raster: `c h w` at rows × columns.

    edge: what the windows below need of these columns, `c 2·overlap w`; without rows where there are none below.
    """

    rows: slice
    columns: slice
    pixels: Patch
    edge: Patch


def stitch(
    plan: WindowPlan, patches: Iterable[Patch], scale: int, *, first_row: int = 0, edge: Patch | None = None
) -> Iterator[Block]:
    """Turn predictions of the read windows, in the plan's order, into final blocks.

    Args:
        patches: `c scale·h scale·w` of each read window.
        first_row: of windows, with which the patches begin.
        edge: the edges of the row of windows before, side by side.
    """
    overlap = plan.overlap_px * scale
    source = iter(patches)
    places = final_spans(plan.columns, plan.overlap_px, scale)
    above: list[Patch] = [] if edge is None else [edge[:, :, place] for place in places]
    finals = final_spans(plan.rows, plan.overlap_px, scale)
    for i, row in list(enumerate(plan.rows))[first_row:]:
        has_above = i > 0
        start, stop = finals[i].start, finals[i].stop
        below: list[Patch] = []
        left: Patch | None = None
        for j, column in enumerate(plan.columns):
            patch = _cut(next(source), row, column, plan, scale)
            patch = _fade(left, patch, overlap, axis=2) if left is not None else patch
            n_columns = places[j].stop - places[j].start
            left = patch[:, :, n_columns:].copy()  # a view would keep the whole patch alive
            band = patch[:, :, :n_columns]
            band = _fade(above[j], band, overlap, axis=1) if has_above else band
            below.append(band[:, stop - start :].copy())
            yield Block(finals[i], places[j], band[:, : stop - start], below[j])
        above = below


def _cut(patch: Patch, row: Span, column: Span, plan: WindowPlan, scale: int) -> Patch:
    """The part of a prediction that is used: the core and the strips shared with existing neighbours."""
    used = []
    for span, spans in ((row, plan.rows), (column, plan.columns)):
        first, last = span is spans[0], span is spans[-1]
        start = span.core_start - (0 if first else plan.overlap_px)
        stop = span.core_stop + (0 if last else plan.overlap_px)
        used.append(slice((start - span.read_start) * scale, (stop - span.read_start) * scale))
    return patch[:, used[0], used[1]]


def final_spans(spans: Sequence[Span], overlap_px: int, scale: int) -> list[slice]:
    """Rows or columns of the fine raster that are final with each window: up to the strip shared with the next."""
    starts = [span.core_start - (overlap_px if k else 0) for k, span in enumerate(spans)]
    stops = [*starts[1:], spans[-1].core_stop]
    return [slice(a * scale, b * scale) for a, b in zip(starts, stops, strict=True)]


def _fade(before: Patch, after: Patch, overlap: int, *, axis: int) -> Patch:
    """Replace the first `2·overlap` pixels of `after` by a linear transition from `before`."""
    n = 2 * overlap
    if n == 0:
        return after
    weight = ((np.arange(n, dtype=np.float32) + 0.5) / n).reshape((-1, 1) if axis == 1 else (1, -1))
    head = (slice(None),) * axis + (slice(0, n),)
    faded = after.copy()
    faded[head] = before + (after[head] - before) * weight
    return faded
