"""How does a quantity known at some places of a scene become one of every pixel, the same in every window?"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Lattice:
    """Nodes at even distances: `rows` and `columns` are the pixel coordinates of their centres."""

    rows: tuple[float, ...]
    columns: tuple[float, ...]
    shape_hw: tuple[int, int]

    @classmethod
    def over(cls, shape_hw: tuple[int, int], *, spacing_px: float, at_most: int | None = None) -> Self:
        """Nodes in the middles of equal parts, about `spacing_px` apart, no more than `at_most` a side."""
        counts = [max(1, round(side / spacing_px)) for side in shape_hw]
        counts = [min(n, at_most) if at_most else n for n in counts]
        rows, columns = (
            tuple((k + 0.5) * side / n - 0.5 for k in range(n)) for side, n in zip(shape_hw, counts, strict=True)
        )
        return cls(rows, columns, shape_hw)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.columns)

    def window(self, i: int, j: int, side_px: int) -> tuple[slice, slice]:
        """Rows and columns around a node, moved inwards at the edges of the scene."""
        return _around(self.rows[i], side_px, self.shape_hw[0]), _around(self.columns[j], side_px, self.shape_hw[1])

    def nodes_of(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """The nodes that have a say in a window."""
        return _neighbours(self.rows, rows), _neighbours(self.columns, columns)

    def values(self, nodes: NDArray[np.floating], rows: slice, columns: slice) -> NDArray[np.float32]:
        """Bilinear between nodes `… n_rows n_columns`, constant beyond the outermost: `… h w`."""
        near_rows, near_columns = self.nodes_of(rows, columns)
        by_row = _interpolation(self.rows[near_rows], rows)
        by_column = _interpolation(self.columns[near_columns], columns)
        return np.asarray(by_row @ nodes[..., near_rows, near_columns].astype(np.float64) @ by_column.T, np.float32)


def _around(centre: float, side_px: int, whole_px: int) -> slice:
    side = min(side_px, whole_px)
    start = min(max(0, round(centre - side / 2 + 0.5)), whole_px - side)
    return slice(start, start + side)


def _neighbours(nodes: tuple[float, ...], pixels: slice) -> slice:
    first = max(0, int(np.searchsorted(nodes, pixels.start, side="right")) - 1)
    last = min(len(nodes) - 1, int(np.searchsorted(nodes, pixels.stop - 1, side="left")))
    return slice(first, last + 1)


def _interpolation(nodes: tuple[float, ...], pixels: slice) -> NDArray[np.float64]:
    """Weights `pixels nodes` whose rows add up to 1."""
    places = np.clip(np.arange(pixels.start, pixels.stop), nodes[0], nodes[-1])
    right = np.clip(np.searchsorted(nodes, places, side="right"), 1, max(1, len(nodes) - 1))
    weights = np.zeros((len(places), len(nodes)))
    if len(nodes) == 1:
        weights[:] = 1
        return weights
    left = right - 1
    known = np.asarray(nodes)
    share = (places - known[left]) / (known[right] - known[left])
    index = np.arange(len(places))
    weights[index, left] += 1 - share
    weights[index, right] += share
    return weights
