"""Which date serves where, so that a half-cloudy date still serves its clear half?

A network sees a fixed or chosen number of images: slots. The best dates of the whole scene have a slot each and keep
it wherever they are clear. Where one is not, the best date that has no slot there stands in for it. Decided at the
nodes of a lattice and interpolated between them, so that one date fades into another and no window decides anything:
whatever window asks for a pixel sees the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ssr.scenes.lattice import Lattice

SPACING_PX = 48.0
MOST_NODES_A_SIDE = 256
TOLERATED = 0.1
"""Of obstruction, that a date may have more than its stand-in before it gives its slot away."""
USELESS = 0.6
"""Obstruction from which a date shows nothing where nobody can stand in for it."""


@dataclass(frozen=True)
class Slots:
    """The date of each slot at each node, `n_slots rows columns`; -1 where the slot stays empty.

    obstruction: of each date at each node, `t rows columns`.
    """

    lattice: Lattice
    dates: NDArray[np.int16]
    obstruction: NDArray[np.float32]

    @property
    def n_slots(self) -> int:
        return len(self.dates)

    def dates_used(self) -> list[int]:
        """In the order of the series."""
        return [int(date) for date in np.unique(self.dates) if date >= 0]

    def share_served(self, date: int) -> float:
        """Of the scene's nodes, those in which the date has a slot."""
        return float((self.dates == date).any(0).mean())

    @property
    def is_mixed(self) -> bool:
        """Whether any slot holds more than one date."""
        return bool((self.dates != self.dates[:, :1, :1]).any())

    def weights(self, slot: int, rows: slice, columns: slice) -> dict[int, NDArray[np.float32]]:
        """Of each date of a slot in a window, `h w`: together 1, less where the slot is empty nearby."""
        nodes = self.dates[slot]
        serving = np.unique(nodes[self.lattice.nodes_of(rows, columns)])
        found = [int(date) for date in serving if date >= 0]
        if len(serving) == 1 and found:
            return {found[0]: np.ones((rows.stop - rows.start, columns.stop - columns.start), np.float32)}
        return {date: self.lattice.values((nodes == date).astype(np.float32), rows, columns) for date in found}


def plan_slots(
    obstruction: NDArray[np.float32],
    shape_hw: tuple[int, int],
    *,
    ranked: Sequence[int],
    n_slots: int,
    repeats: bool,
) -> Slots:
    """Decide the date of every slot at every node.

    Args:
        obstruction: `t h w` of a view of the scene, which may be thinned.
        ranked: the dates, best first; those left out take no part.
        n_slots: at most as many as dates; the best so many keep the order of the series.
        repeats: where all other dates are hidden the best is repeated, as the rule for networks of a fixed number
            says; otherwise the slot stays empty.
    """
    lattice = Lattice.over(shape_hw, spacing_px=SPACING_PX, at_most=MOST_NODES_A_SIDE)
    costs = _at_nodes(obstruction, lattice)
    if n_slots > len(ranked):
        raise ValueError(f"{n_slots} slots for {len(ranked)} dates")
    bases = np.asarray(sorted(ranked[:n_slots]))
    dates = _stand_ins(costs, bases, np.asarray(ranked[n_slots:], int))
    best = _lowest(costs, np.asarray(ranked))[0]
    hopeless = (_of(costs, dates) > USELESS) & (_of(costs, best[None]) <= USELESS)
    dates = np.where(hopeless, best if repeats else -1, dates)
    return Slots(lattice, dates.astype(np.int16), costs)


def _stand_ins(costs: NDArray[np.float32], bases: NDArray[np.int_], spare: NDArray[np.int_]) -> NDArray[np.int_]:
    """Of each slot at each node: its own date, or the best that is still free where its own is much more hidden."""
    own = np.broadcast_to(bases[:, None, None], (len(bases), *costs.shape[1:])).copy()
    if not len(spare):
        return own
    free = _lowest(costs, spare)
    n_taken = np.zeros(costs.shape[1:], int)
    worst_first = np.argsort(-_rounded(costs[bases]), axis=0, kind="stable")
    for slot in worst_first:
        holder = np.take_along_axis(own, slot[None], 0)
        candidate = np.take_along_axis(free, np.minimum(n_taken, len(spare) - 1)[None], 0)
        gives_way = _of(costs, holder) > _of(costs, candidate) + np.float32(TOLERATED)
        gives_way &= n_taken < len(spare)
        np.put_along_axis(own, slot[None], np.where(gives_way, candidate, holder), 0)
        n_taken += gives_way[0]
    return own


def _lowest(costs: NDArray[np.float32], dates: NDArray[np.int_]) -> NDArray[np.int_]:
    """Dates at each node, the least hidden first; hundredths are no difference, then the given order decides."""
    return dates[np.argsort(_rounded(costs[dates]), axis=0, kind="stable")]


def _rounded(costs: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.rint(costs * 100).astype(np.int32)


def _of(costs: NDArray[np.float32], dates: NDArray[np.int_]) -> NDArray[np.float32]:
    return np.take_along_axis(costs, dates, 0)


def _at_nodes(obstruction: NDArray[np.float32], lattice: Lattice) -> NDArray[np.float32]:
    """Mean around each node, over a box as wide as two distances between nodes."""
    maps = torch.from_numpy(obstruction)[:, None]
    means = F.adaptive_avg_pool2d(maps, lattice.shape)
    around = F.avg_pool2d(means, 3, stride=1, padding=1, count_include_pad=False) if min(lattice.shape) > 1 else means
    worst = torch.maximum(means, around)  # a cloud at the edge of a node's own ground reaches into its neighbour's
    return worst[:, 0].numpy()
