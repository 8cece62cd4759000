"""How does a tile of the view come about?

The view counts pixels on its own grid, that of the finest layer. Tile (level, x, y) shows `tile_px · 2^level` of them
on a side; other layers have a placement on that grid.
"""

import io
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from PIL import Image

from ssr.sentinel2.radiometry import is_no_data
from ssr.viewer.bicubic import enlarge
from ssr.viewer.looks import Look
from ssr.viewer.overlays import NO_DATA
from ssr.viewer.pixels import Part, Raster
from ssr.viewer.windows import Span, smooth_span, span_of

TILE_PX = 256
FAST = 1
"""Of PNG's levels: tiles are looked at once, on this machine."""


@dataclass(frozen=True)
class Address:
    """Of a tile: level 0 is the finest."""

    level: int
    x: int
    y: int


@dataclass(frozen=True)
class Tile:
    """A picture as a file."""

    content: bytes
    media_type: str


class Source(Protocol):
    """Where the tiles of a layer come from."""

    def tile(self, at: Address, *, smooth: bool) -> Tile | None:
        """A tile, None where there is nothing. smooth: interpolated (bicubic), where the layer is coarser."""

    def values(self, row: int, column: int) -> list[float | int] | None:
        """What is stored at a pixel of the view; None outside."""

    def close(self) -> None: ...


class RasterSource:
    """Tiles of one file.

    Args:
        to_own: from pixels of the view to those of the raster, upright.
        look: its colours; None for an overlay, whose tiles hold the numbers of one band.
    """

    def __init__(self, raster: Raster, to_own: Affine, *, look: Look | None = None, band: int = 1) -> None:
        self.raster, self.to_own, self.look, self.band = raster, to_own, look, band

    def tile(self, at: Address, *, smooth: bool) -> Tile | None:
        found = self.pixels(at, smooth=smooth)
        return None if found is None else png_of(*found)

    def pixels(self, at: Address, *, smooth: bool) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None] | None:
        """Bytes `c h w` and which of them show something (None: all); fewer than a tile where the raster is coarser."""
        spans = self._axes(at)
        if spans is None:
            return None
        if smooth and self.look and all(length < TILE_PX for _, length, _ in spans):
            return self._smooth(spans)
        rows, columns = (span_of(start, length, side, TILE_PX) for start, length, side in spans)
        if rows is None or columns is None:
            return None
        bands = self.look.bands if self.look else (self.band,)
        part = self.raster.read(
            bands, rows.read, columns.read, (rows.size, columns.size), averaged=self.look is not None
        )
        if self.look is None:
            return _placed(part.stored.astype(np.uint8), rows, columns, NO_DATA), None
        has_data = _has_data(part)
        shown = _placed(self.look.to_bytes(part.stored), rows, columns, 0)
        mask = _placed(has_data[None], rows, columns, False)[0]
        return shown, None if mask.all() else mask

    def values(self, row: int, column: int) -> list[float | int] | None:
        x, y = self.to_own @ (column + 0.5, row + 0.5)
        return self.raster.pixel(int(np.floor(y)), int(np.floor(x)))

    def close(self) -> None:
        self.raster.close()

    def _axes(self, at: Address) -> tuple[tuple[float, float, int], tuple[float, float, int]] | None:
        """Start, length and side along rows and columns, in pixels of the raster."""
        side = TILE_PX << at.level
        left, top = self.to_own @ (at.x * side, at.y * side)
        right, bottom = self.to_own @ ((at.x + 1) * side, (at.y + 1) * side)
        height, width = self.raster.grid.shape_hw
        return (top, bottom - top, height), (left, right - left, width)

    def _smooth(
        self, spans: tuple[tuple[float, float, int], tuple[float, float, int]]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None] | None:
        assert self.look is not None, "overlays are not interpolated"
        inside = [span_of(start, length, side, TILE_PX) for start, length, side in spans]
        if None in inside:
            return None
        (rows, over_rows), (columns, over_columns) = (smooth_span(*span, TILE_PX) for span in spans)
        part = self.raster.read(self.look.bands, rows, columns, (rows.stop - rows.start, columns.stop - columns.start))
        has_data = _has_data(part)
        shown = enlarge(self.look.to_bytes(part.stored).astype(np.float32), over_rows, over_columns)
        is_inside = np.logical_and.outer(*(_is_inside(*span) for span in spans))
        if not has_data.all():
            share = enlarge(has_data[None].astype(np.float32), over_rows, over_columns)[0]
            is_inside &= share > 0.5
            shown = np.divide(shown, share, where=is_inside, out=np.zeros_like(shown))
        return np.rint(shown.clip(0, 255)).astype(np.uint8), None if is_inside.all() else is_inside


def picture_of(
    source: RasterSource, extent_px: tuple[int, int, int, int], *, smooth: bool = False
) -> NDArray[np.uint8]:
    """What a layer shows in a part of the view, `h w 3`; black where it shows nothing."""
    left, top, right, bottom = extent_px
    first_x, first_y = left // TILE_PX, top // TILE_PX
    n_x, n_y = -(-right // TILE_PX) - first_x, -(-bottom // TILE_PX) - first_y
    whole = np.zeros((n_y * TILE_PX, n_x * TILE_PX, 3), np.uint8)
    for y in range(n_y):
        for x in range(n_x):
            found = source.pixels(Address(0, first_x + x, first_y + y), smooth=smooth)
            if found is None:
                continue
            pixels, mask = found
            shown = np.moveaxis(pixels if mask is None else pixels * mask, 0, -1)
            rows, columns = (np.arange(TILE_PX) * side // TILE_PX for side in shown.shape[:2])
            whole[y * TILE_PX : (y + 1) * TILE_PX, x * TILE_PX : (x + 1) * TILE_PX] = shown[rows][:, columns]
    x, y = left - first_x * TILE_PX, top - first_y * TILE_PX
    return whole[y : y + bottom - top, x : x + right - left]


def png_of(pixels: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> Tile:
    """Bytes `c h w` as a PNG, transparent where a mask says that nothing is known."""
    planes = np.moveaxis(pixels, 0, -1)
    if mask is not None:
        colours = planes.repeat(3, -1) if planes.shape[-1] == 1 else planes
        planes = np.concatenate([colours, np.where(mask, 255, 0).astype(np.uint8)[..., None]], -1)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(planes.squeeze(-1) if planes.shape[-1] == 1 else planes)).save(
        file, "PNG", compress_level=FAST
    )
    return Tile(file.getvalue(), "image/png")


def _has_data(part: Part) -> NDArray[np.bool_]:
    """What the file says, or, where it says nothing, all but zeros in every band."""
    if part.has_data is not None:
        return part.has_data
    return np.asarray(~is_no_data(part.stored, 0))


def _placed(pixels: NDArray, rows: Span, columns: Span, outside: int | bool) -> NDArray:
    taken = pixels if rows.take is None else pixels[:, rows.take]
    taken = taken if columns.take is None else taken[:, :, columns.take]
    if taken.shape[1:] == (rows.total, columns.total):
        return taken
    whole = np.full((len(pixels), rows.total, columns.total), outside, pixels.dtype)
    whole[:, rows.place, columns.place] = taken
    return whole


def _is_inside(start: float, length: float, side: int) -> NDArray[np.bool_]:
    places = start + (np.arange(TILE_PX) + 0.5) * (length / TILE_PX)
    return (places >= 0) & (places < side)
