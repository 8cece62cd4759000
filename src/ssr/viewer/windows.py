"""Which pixels of a raster does a tile of the view need, and where do they go?"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssr.viewer.bicubic import RADIUS_PX, weights

NEAR_PX = 1e-6


@dataclass(frozen=True)
class Span:
    """Along one axis: pixels that are read, to how many they are brought, and where these lie in the tile.

    take: of the pixels that are read, the one for each of the tile's; None where they are the tile's own.
    """

    read: slice
    size: int
    place: slice
    total: int
    take: NDArray[np.int64] | None = None


def span_of(start: float, length: float, side: int, tile_px: int) -> Span | None:
    """What a tile shows of one axis of a raster; None where nothing.

    Where the raster is coarser than the tile, the tile has the raster's own pixels if they fit, else each of its
    pixels takes the one that lies there.

    Args:
        start, length: of the tile, in pixels of the raster.
        side: pixels of the raster.
        tile_px: pixels of the tile.
    """
    if start >= side - NEAR_PX or start + length <= NEAR_PX:
        return None
    if length > tile_px + NEAR_PX:
        return _thinned(start, length / tile_px, side, tile_px)
    if abs(start - round(start)) < NEAR_PX and abs(length - round(length)) < NEAR_PX and round(length) > 0:
        first, total = round(start), round(length)
        read = slice(max(0, first), min(side, first + total))
        return Span(read, read.stop - read.start, slice(read.start - first, read.stop - first), total)
    pixels = np.floor(start + (np.arange(tile_px) + 0.5) * (length / tile_px) + NEAR_PX).astype(np.int64)
    inside = np.flatnonzero((pixels >= 0) & (pixels < side))
    if not len(inside):
        return None
    first, last = int(pixels[inside[0]]), int(pixels[inside[-1]])
    place = slice(int(inside[0]), int(inside[-1]) + 1)
    return Span(slice(first, last + 1), last + 1 - first, place, tile_px, pixels[place] - first)


def _thinned(start: float, ratio: float, side: int, tile_px: int) -> Span | None:
    first = max(0, math.floor(-start / ratio + NEAR_PX))
    last = min(tile_px, math.ceil((side - start) / ratio - NEAR_PX))
    read = slice(max(0, round(start + first * ratio)), min(side, round(start + last * ratio)))
    if last <= first or read.stop <= read.start:
        return None
    return Span(read, last - first, slice(first, last), tile_px)


def smooth_span(start: float, length: float, side: int, tile_px: int) -> tuple[slice, NDArray[np.float32]]:
    """Along one axis: pixels that are read, and how much each counts in each pixel of an interpolated tile."""
    centres = start + (np.arange(tile_px) + 0.5) * (length / tile_px) - 0.5
    first = min(max(0, math.floor(centres[0]) - RADIUS_PX), side - 1)
    last = max(min(side, math.ceil(centres[-1]) + RADIUS_PX + 1), first + 1)
    return slice(first, last), weights(centres - first, last - first)
