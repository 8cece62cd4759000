"""Which colours do stored numbers have on a screen?"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssr.sentinel2.radiometry import QUANTIFICATION, true_colour
from ssr.viewer.pixels import Raster

THUMBNAIL_PX = 512
DARK_PERCENT, BRIGHT_PERCENT = 2, 98
TRUE_COLOUR = (("red", "green", "blue"), ("b04", "b03", "b02"), ("b4", "b3", "b2"))

ToBytes = Callable[[NDArray[Any]], NDArray[np.uint8]]


@dataclass(frozen=True)
class Look:
    """Bands that are shown, from 1, how their numbers become bytes (`c h w`, c 1 or 3), and what was done."""

    bands: tuple[int, ...]
    to_bytes: ToBytes
    told: str


def look_of(raster: Raster) -> Look:
    """Bytes as they are stored, reflectance as ESA renders it, anything else stretched between its percentiles."""
    bands = _bands(raster)
    shown = ", ".join(raster.names[band - 1] for band in bands)
    if raster.is_coloured:
        palette = raster.palette()[:, :3]
        return Look(bands[:1], lambda stored: np.moveaxis(palette[stored[0].clip(0, 255)], -1, 0), "its own colours")
    if raster.dtype == np.uint8:
        return Look(bands, lambda stored: stored.astype(np.uint8), f"{shown} as stored")
    scale, offset = raster.scales[bands[0] - 1], raster.offsets[bands[0] - 1]
    if abs(scale - 1 / QUANTIFICATION) < 1e-9 and len(bands) == 3:

        def rendered(stored: NDArray[Any]) -> NDArray[np.uint8]:
            return _rounded(true_colour((stored * scale + offset).astype(np.float32)) * 255)

        return Look(bands, rendered, f"{shown}, reflectance as true colour")
    low, high = _percentiles(raster, bands)

    def stretched(stored: NDArray[Any]) -> NDArray[np.uint8]:
        values = np.nan_to_num(stored.astype(np.float32), nan=0, posinf=0, neginf=0)
        return _rounded((values - low) / np.maximum(high - low, 1e-12) * 255)

    spans = ", ".join(f"{a:.4g} … {b:.4g}" for a, b in zip(low.ravel(), high.ravel(), strict=True))
    return Look(bands, stretched, f"{shown}, stretched from {spans}")


def _bands(raster: Raster) -> tuple[int, ...]:
    names = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in raster.names]
    for wanted in TRUE_COLOUR:
        if set(wanted) <= set(names):
            return tuple(names.index(name) + 1 for name in wanted)
    return (1, 2, 3) if raster.n_bands >= 3 else (1,)


def _percentiles(raster: Raster, bands: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of the whole raster seen from afar, `c 1 1` each."""
    height, width = raster.grid.shape_hw
    size = (min(height, THUMBNAIL_PX), min(width, THUMBNAIL_PX))
    part = raster.read(bands, slice(0, height), slice(0, width), size, averaged=False)
    found = []
    for band in part.stored.astype(np.float32):
        known = band[np.isfinite(band) & (band != 0) & (True if part.has_data is None else part.has_data)]
        found.append(np.percentile(known, (DARK_PERCENT, BRIGHT_PERCENT)) if known.size else (0.0, 1.0))
    low, high = np.array(found, np.float32).T[:, :, None, None]
    return low, high


def _rounded(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(values.clip(0, 255)).astype(np.uint8)
