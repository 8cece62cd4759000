"""How are the tiles of a map made that lies in many files?"""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ssr.viewer.looks import Look
from ssr.viewer.overlays import NO_DATA
from ssr.viewer.pixels import Raster
from ssr.viewer.tiles import TILE_PX, Address, RasterSource, Tile, png_of

MAX_OPEN = 64


class CellsSource:
    """Files whose pixels lie on one grid; where they overlap the later one is seen.

    Args:
        cells: each with the way from pixels of the view to its own, which is a shift.
        look: the colours of all; None for an overlay.
    """

    def __init__(self, cells: Sequence[tuple[Raster, Affine]], *, look: Look | None = None, band: int = 1) -> None:
        self._cells = [RasterSource(raster, to_own, look=look, band=band) for raster, to_own in cells]
        self._look = look
        self._boxes = np.array([_box(raster, to_own) for raster, to_own in cells])
        self._used: OrderedDict[int, RasterSource] = OrderedDict()
        self._lock = threading.Lock()

    def tile(self, at: Address, *, smooth: bool) -> Tile | None:
        side = TILE_PX << at.level
        found = None
        for k in self._touching(at.x * side, at.y * side, side, side):
            piece = self._cells[k].pixels(at, smooth=smooth)
            self._was_used(k)
            if piece is not None:
                found = piece if found is None else self._over(found, piece)
        return None if found is None else png_of(*found)

    def values(self, row: int, column: int) -> list[float | int] | None:
        for k in reversed(self._touching(column, row, 1, 1)):
            self._was_used(k)
            return self._cells[k].values(row, column)
        return None

    def close(self) -> None:
        for cell in self._cells:
            cell.close()

    def _touching(self, left: int, top: int, width: int, height: int) -> list[int]:
        x0, y0, x1, y1 = self._boxes.T
        return list(np.flatnonzero((x0 < left + width) & (x1 > left) & (y0 < top + height) & (y1 > top)))

    def _over(
        self,
        below: tuple[NDArray[np.uint8], NDArray[np.bool_] | None],
        above: tuple[NDArray[np.uint8], NDArray[np.bool_] | None],
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        (pixels, mask), (new, new_mask) = below, above
        if self._look is None:
            return np.where(new == NO_DATA, pixels, new), None
        if new_mask is None:
            return above
        joined = new_mask if mask is None else mask | new_mask
        return np.where(new_mask, new, pixels), None if mask is None or joined.all() else joined

    def _was_used(self, k: int) -> None:
        """Keep few files open."""
        with self._lock:
            self._used[k] = self._cells[k]
            self._used.move_to_end(k)
            idle = self._used.popitem(last=False)[1] if len(self._used) > MAX_OPEN else None
        if idle is not None:
            idle.close()


def _box(raster: Raster, to_own: Affine) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in pixels of the view."""
    height, width = raster.grid.shape_hw
    (left, top), (right, bottom) = ~to_own @ (0, 0), ~to_own @ (width, height)
    return left, top, right, bottom
