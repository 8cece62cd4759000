"""How far does each date lie beside the others, measured so that neighbouring cells bring it back alike?

`scenes.coregistration` compares all dates of a scene with its best. Here each node of a lattice that spans the Earth
compares, in a window around it, the dates with the one that is clearest there, and brings them to the middle of where
the best lie: that does not depend on which of them was compared with. Between nodes displacements fade.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssr.mapping.placewise import (
    NEAR_PX,
    NOTHING_SEEN,
    SPREAD_MARGIN_PX,
    STEP_PX,
    STEPS,
    Corner,
    Identity,
    box_around,
    mean_around,
    nodes_over,
    preference,
)
from ssr.scenes.coregistration import ALIGNED_PX, MARGIN_PX, WHOLE_PX_FROM, DateAlignment, measure_displacement

SPACING_PX = 256
AROUND_PX = 64
"""A window of 128 px; on simulated dates with noise it finds displacements to 0.03 px, as one of 192 px does."""
REACH_PX = SPACING_PX + AROUND_PX + SPREAD_MARGIN_PX + MARGIN_PX
"""How far around a window pixels can have a say in where its dates lie."""
HIDDEN = 0.5
"""Obstruction from which a pixel says nothing of where a date lies."""
KEPT_DIGITS = 2
"""Of a displacement in pixels: what computers round differently decides nothing."""

ReadWindow = Callable[[slice, slice, int], NDArray[np.float32]]
"""Rows and columns of what is looked at, and the number of a date, to `3 h w`."""


class Looked(NamedTuple):
    """What is looked at around a cell: where it begins, its dates, and where they are hidden (`t h w`, thinned)."""

    at: Corner
    identities: Sequence[Identity]
    hidden: NDArray[np.float32]
    read: ReadWindow


def find_alignments(
    looked: Looked,
    corner: Corner,
    shape_hw: tuple[int, int],
    *,
    used: Sequence[int],
    n_slots: int,
    tolerated_px: float,
) -> list[DateAlignment | None]:
    """Of each date; None for those that are not used.

    Args:
        corner, shape_hw: of the array that is to be aligned.
        n_slots: so many dates tell where the middle is.
        tolerated_px: displacement that the network makes up for by itself.
    """
    lattice, rows, columns = nodes_over(corner, shape_hw, SPACING_PX)
    near = mean_around(looked.hidden, looked.at, rows, columns, SPACING_PX, NEAR_PX)
    fields = np.zeros((len(looked.identities), 2, len(rows), len(columns)), np.float32)
    n_believed = np.zeros(len(fields), int)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            found = _at_node(looked, row, column, near[:, i, j], used, n_slots)
            for date, moved in found.items():
                n_believed[date] += 1
                fields[date, :, i, j] = _to_be_moved(moved, tolerated_px)
    alignments: list[DateAlignment | None] = [None] * len(fields)
    for date in used:
        largest = float(np.hypot(*fields[date]).max())
        field = fields[date] if largest else None
        alignments[date] = DateAlignment(lattice, field, largest, len(rows) * len(columns), int(n_believed[date]))
    return alignments


def _at_node(
    looked: Looked, row: int, column: int, near: NDArray[np.float32], used: Sequence[int], n_slots: int
) -> dict[int, NDArray[np.float64]]:
    """Where dates lie beside the middle of the best `n_slots`, (y, x) in pixels; those that tell nothing are absent."""
    key = np.rint(near * STEPS) * len(near) + preference(looked.identities)
    ranked = [int(date) for date in np.argsort(key) if near[date] < NOTHING_SEEN]
    if len(ranked) < 2:
        return {}
    best = ranked[:n_slots]
    tall = box_around(row, SPACING_PX, AROUND_PX, looked.at.row)
    wide = box_around(column, SPACING_PX, AROUND_PX, looked.at.column)
    rows, columns = (slice(part.start * STEP_PX, part.stop * STEP_PX) for part in (tall, wide))
    reference = looked.read(rows, columns, best[0])
    found = {best[0]: np.zeros(2)}
    for date in (*best[1:], *(date for date in ranked[n_slots:] if date in used)):
        both = np.maximum(looked.hidden[date, tall, wide], looked.hidden[best[0], tall, wide]) < HIDDEN
        usable = both.repeat(STEP_PX, 0).repeat(STEP_PX, 1)
        displacement = measure_displacement(looked.read(rows, columns, date), reference, usable)
        if displacement is not None:
            found[date] = np.array([displacement.y_px, displacement.x_px])
    middle = np.median([found[date] for date in best if date in found], axis=0)
    return {date: np.round(place - middle, KEPT_DIGITS) for date, place in found.items()}


def _to_be_moved(displacement: NDArray[np.float64], tolerated_px: float) -> NDArray[np.float64]:
    if np.hypot(*displacement) <= max(ALIGNED_PX, tolerated_px):
        return np.zeros(2)
    return np.round(displacement) if tolerated_px >= WHOLE_PX_FROM else displacement
