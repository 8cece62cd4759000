"""Which dates serve where in a cell, and in which look, so that its neighbours see the same?

`scenes.choice` decides for a scene as a whole. A map has no whole that one could look at, so here every decision
belongs to a node of a lattice that spans the Earth: it follows from the pixels around the node and from nothing else.
Cells that meet compute the nodes near their border from the same pixels, hence alike; between nodes dates and looks
fade into one another.

* *Where ground is hidden* is found pixel by pixel, as in a scene (`clouds`, `classification`).
* *Dates* are ranked at each node: by what is hidden near it, then by what is hidden further around, in steps coarse
  enough that noise decides nothing, then the latest first.
* *Slots*: a date prefers one slot wherever it serves, so that from node to node the same dates keep the same slots.
* *Looks*: gain and bias of each date against the median of the dates, fitted around each node of a wider lattice.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssr.scenes.clouds import FEW_DATES, SPREAD_PX, find_obstacles, spread
from ssr.scenes.composite import Dates
from ssr.scenes.lattice import Lattice
from ssr.scenes.normalisation import CLEAR, LEAST_PIXELS, Look, fit_looks
from ssr.scenes.slots import USELESS, Slots
from ssr.sentinel2.radiometry import is_no_data

STEP_PX = 4
"""Every fourth row and column is looked at."""
SPACING_PX, NEAR_PX, AROUND_PX = 64, 64, 192
"""Between nodes that choose dates, and how far from one it is looked."""
LOOK_SPACING_PX, LOOK_AROUND_PX = 128, 128
SPREAD_MARGIN_PX = (SPREAD_PX + 2) * STEP_PX
REACH_PX = max(SPACING_PX + AROUND_PX, LOOK_SPACING_PX + LOOK_AROUND_PX) + SPREAD_MARGIN_PX
"""How far around a window pixels can have a say in it."""
STEPS = 10
"""Of what is hidden: tenths."""
NOTHING_SEEN = 0.995
THIN = 2
"""Of what is looked at, every second row and column speaks for a look."""
LOOK_PIXELS = 2 * LEAST_PIXELS
"""A look that so many pixels speak for counts half; with fewer a date is left nearly as it is."""


class Identity(NamedTuple):
    """Of a date, the same in every cell that sees it: its day (later is preferred) and name."""

    day: int
    name: str


def margin_px(inner_px: int, reach_px: int = REACH_PX) -> int:
    """How much must be looked at around a cell whose windows read so much around it: a multiple of the lattices."""
    return -(-(inner_px + reach_px) // LOOK_SPACING_PX) * LOOK_SPACING_PX


def hidden_of(view: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where ground is hidden in `t c h w`, `t h w` from 0 to 1, the same whatever else the series holds elsewhere.

    Where few dates have data what is white by itself is cloud; how many they are is counted at every pixel.
    """
    missing = is_no_data(view, 1)
    n_more = max(0, FEW_DATES - len(view))
    padded = np.concatenate([view, np.zeros((n_more, *view.shape[1:]), np.float32)])
    several = find_obstacles(padded)
    n_dates = (~missing).sum(0)
    veil = several.veil[: len(view)]
    for date in range(len(view)):
        alone = find_obstacles(view[date : date + 1]).veil[0]
        veil[date] = np.where(n_dates < FEW_DATES, np.maximum(veil[date], alone), veil[date])
    found = spread(np.maximum(veil, several.shadow[: len(view)]))
    return np.where(missing, 1.0, found).astype(np.float32)


@dataclass(frozen=True)
class Corner:
    """The first row and column of an array among all pixels of the grid."""

    row: int
    column: int


def nodes_over(corner: Corner, shape_hw: tuple[int, int], spacing_px: int) -> tuple[Lattice, range, range]:
    """The lattice of the nodes that have a say in an array, in its pixels, and their numbers on Earth."""
    numbers = [
        range(_before(first, spacing_px), _before(first + side - 1, spacing_px) + 2)
        for first, side in zip((corner.row, corner.column), shape_hw, strict=True)
    ]
    rows, columns = (
        tuple((k + 0.5) * spacing_px - 0.5 - first for k in those)
        for those, first in zip(numbers, (corner.row, corner.column), strict=True)
    )
    return Lattice(rows, columns, shape_hw), numbers[0], numbers[1]


def _before(pixel: int, spacing_px: int) -> int:
    """The last node at or before a pixel."""
    return (2 * pixel + 1 - spacing_px) // (2 * spacing_px)


def box_around(number: int, spacing_px: int, around_px: int, first: int) -> slice:
    """What lies around a node, in pixels of a view whose first one shows `first`."""
    centre = (2 * number + 1) * spacing_px // 2
    return slice((centre - around_px - first) // STEP_PX, (centre + around_px - first) // STEP_PX)


def mean_around(
    maps: NDArray[np.float32], view: Corner, rows: range, columns: range, spacing_px: int, around_px: int
) -> NDArray[np.float32]:
    """Means of `t h w` around nodes: `t rows columns`."""
    sums = np.zeros((len(maps), maps.shape[1] + 1, maps.shape[2] + 1))
    sums[:, 1:, 1:] = np.rint(maps * 1024).cumsum(1).cumsum(2)  # whole numbers, so that the sum is exact
    tops, bottoms = _edges(rows, spacing_px, around_px, view.row, maps.shape[1])
    lefts, rights = _edges(columns, spacing_px, around_px, view.column, maps.shape[2])
    boxes = (
        sums[:, bottoms][:, :, rights]
        - sums[:, tops][:, :, rights]
        - sums[:, bottoms][:, :, lefts]
        + sums[:, tops][:, :, lefts]
    )
    return np.asarray(boxes / 1024 / np.outer(bottoms - tops, rights - lefts), np.float32)


def _edges(numbers: range, spacing_px: int, around_px: int, first: int, n: int) -> tuple[NDArray, NDArray]:
    boxes = [box_around(k, spacing_px, around_px, first) for k in numbers]
    if min(box.start for box in boxes) < 0 or max(box.stop for box in boxes) > n:
        raise ValueError("the view does not reach around all nodes")
    return np.array([box.start for box in boxes]), np.array([box.stop for box in boxes])


def choose_dates(
    near: NDArray[np.float32],
    around: NDArray[np.float32],
    identities: Sequence[Identity],
    *,
    n_slots: int,
    repeats: bool,
) -> NDArray[np.int16]:
    """The date of each slot at each node, `slots rows columns`; -1 where a slot stays empty.

    Args:
        near, around: what is hidden, `t rows columns`.
        repeats: what is empty holds the best dates again, for networks of a fixed number.
    """
    rank = preference(identities)
    key = (np.rint(near * STEPS) * (STEPS + 1) + np.rint(around * STEPS)) * len(rank) + rank[:, None, None]
    order = np.argsort(key, axis=0)
    homes = [int(hashlib.sha256(one.name.encode()).hexdigest(), 16) % n_slots for one in identities]
    chosen = np.full((n_slots, *near.shape[1:]), -1, np.int16)
    for i, j in np.ndindex(*near.shape[1:]):
        best = [int(date) for date in order[:n_slots, i, j] if near[date, i, j] < NOTHING_SEEN]
        useful = [date for date in best if near[date, i, j] <= USELESS] or best[:1]
        chosen[:, i, j] = _seated(useful, homes, rank, n_slots, repeats)
    return chosen


def preference(identities: Sequence[Identity]) -> NDArray[np.int_]:
    """The rank of each date where nothing else decides: the latest first."""
    preferred = sorted(range(len(identities)), key=lambda k: (-identities[k].day, identities[k].name))
    rank = np.empty(len(preferred), int)
    rank[preferred] = np.arange(len(preferred))
    return rank


def _seated(
    dates: Sequence[int], homes: Sequence[int], rank: NDArray[np.int_], n_slots: int, repeats: bool
) -> list[int]:
    """Every date in its home slot or the next that is free; the preferred ones come first."""
    slots = [-1] * n_slots
    for date in sorted(dates, key=lambda date: rank[date]):
        place = homes[date]
        while slots[place] >= 0:
            place = (place + 1) % n_slots
        slots[place] = date
    if repeats and dates:
        empty = [place for place in range(n_slots) if slots[place] < 0]
        for k, place in enumerate(empty):
            slots[place] = dates[k % len(dates)]
    return slots


@dataclass(frozen=True)
class LookField:
    """Gain and bias of each date at each node, `t c rows columns`."""

    lattice: Lattice
    gain: NDArray[np.float32]
    bias: NDArray[np.float32]

    def at(self, date: int, rows: slice, columns: slice) -> Look:
        """Of every pixel of a window, `c h w`."""
        values = [self.lattice.values(nodes[date], rows, columns) for nodes in (self.gain, self.bias)]
        return Look(*values)


def fit_look_field(
    view: NDArray[np.float32], hidden: NDArray[np.float32], at: Corner, corner: Corner, shape_hw: tuple[int, int]
) -> LookField:
    """Looks of the dates in a view, for an array that begins at a corner."""
    lattice, rows, columns = nodes_over(corner, shape_hw, LOOK_SPACING_PX)
    shape = (len(view), view.shape[1], len(rows), len(columns))
    gain, bias = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            box = (
                slice(None),
                box_around(row, LOOK_SPACING_PX, LOOK_AROUND_PX, at.row),
                box_around(column, LOOK_SPACING_PX, LOOK_AROUND_PX, at.column),
            )
            seen, behind = view[box[0], :, box[1], box[2]][..., ::THIN, ::THIN], hidden[box][..., ::THIN, ::THIN]
            clear = behind <= CLEAR
            shared = (clear & (clear.sum(0) > 1)).sum((1, 2))
            weights = shared / (shared + LOOK_PIXELS)
            for date, look in enumerate(fit_looks(seen, behind)):
                if weights[date]:
                    gain[date, :, i, j] = 1 + weights[date] * (look.gain - 1)
                    bias[date, :, i, j] = weights[date] * look.bias
    return LookField(lattice, gain, bias)


@dataclass(frozen=True)
class LookedAlike:
    """Dates in the look of the series."""

    dates: Dates
    looks: LookField

    @property
    def shape_hw(self) -> tuple[int, int]:
        return self.dates.shape_hw

    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> NDArray[np.float32]:
        """Windows of the given dates, `t c h w`."""
        return np.stack([self._one(rows, columns, date) for date in dates])

    def _one(self, rows: slice, columns: slice, date: int) -> NDArray[np.float32]:
        pixels = self.dates.read(rows, columns, [date])[0]
        gain, bias = self.looks.at(date, rows, columns)
        changed = np.clip(pixels * gain + bias, 1 / 255, 1)
        return np.where((pixels != 0).any(0), changed, 0).astype(np.float32)


def plan_places(
    hidden: NDArray[np.float32],
    identities: Sequence[Identity],
    at: Corner,
    corner: Corner,
    shape_hw: tuple[int, int],
    *,
    n_slots: int,
    repeats: bool,
) -> Slots:
    """The date of every slot at every node that has a say in an array.

    Args:
        hidden: `t h w` of a view that begins at `at`.
        corner, shape_hw: of the array.
    """
    lattice, rows, columns = nodes_over(corner, shape_hw, SPACING_PX)
    near = mean_around(hidden, at, rows, columns, SPACING_PX, NEAR_PX)
    around = mean_around(hidden, at, rows, columns, SPACING_PX, AROUND_PX)
    return Slots(lattice, choose_dates(near, around, identities, n_slots=n_slots, repeats=repeats), near)
