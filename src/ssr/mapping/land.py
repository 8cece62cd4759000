"""Where is land?

As the GLOBE elevation model of NOAA (public domain) has it, in cells of 1/120 degree, from the package
`global-land-mask`. Its mask is read through once, a few rows at a time, and kept as the share of land in each tenth of
a degree.
"""

import math
import zipfile
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ssr.errors import InputError, MissingExtraError
from ssr.mapping.boxes import Box
from ssr.raster.extent import EARTH_RADIUS_M

PACKAGE = "global_land_mask"
FILE, MEMBER = "globe_combined_mask_compressed.npz", "mask.npy"
POINTS_A_DEGREE = 120
THINNED_POINTS = 12
"""Points of the mask along a side of what is kept: a tenth of a degree."""
SEEN_LATITUDES = (-56.0, 83.0)
"""Sentinel-2 observes all land between these parallels; Antarctica is not mapped."""


@dataclass(frozen=True)
class Land:
    """The share of land in each tenth of a degree, from 90°N and 180°W, and where it is looked for."""

    share: NDArray[np.float32]

    @classmethod
    def opened(cls) -> Self:
        """From the package.

        Raises:
            MissingExtraError: it is not installed.
            InputError: its file is not as expected.
        """
        found = find_spec(PACKAGE)
        if found is None or found.origin is None:
            raise MissingExtraError("global-land-mask", "map", "--area land")
        path = Path(found.origin).with_name(FILE)
        try:
            return cls(_thinned(path))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: is not the mask of land that was expected ({error})") from error

    @property
    def boxes(self) -> tuple[Box, ...]:
        return ((-180.0, SEEN_LATITUDES[0], 180.0, SEEN_LATITUDES[1]),)

    def touches(self, box: Box) -> bool:
        """Whether any of the tenths of a degree that a box touches has land."""
        a_degree = POINTS_A_DEGREE / THINNED_POINTS
        height, width = self.share.shape
        south, north = max(box[1], SEEN_LATITUDES[0]), min(box[3], SEEN_LATITUDES[1])
        if south >= north:
            return False
        top, bottom = max(0, math.floor((90 - north) * a_degree)), min(height, math.ceil((90 - south) * a_degree))
        left, right = math.floor((box[0] + 180) * a_degree), math.ceil((box[2] + 180) * a_degree)
        start = left % width
        stop = start + min(right - left, width)
        return self._has_land(top, bottom, start, min(stop, width)) or self._has_land(top, bottom, 0, stop - width)

    def _has_land(self, top: int, bottom: int, left: int, right: int) -> bool:
        """In rows and columns of tenths; asked for millions of cells, so without looking at each of them."""
        if left >= right:
            return False
        counts = self._counts
        return bool(counts[bottom, right] - counts[top, right] - counts[bottom, left] + counts[top, left])

    @cached_property
    def _counts(self) -> NDArray[np.int32]:
        """Tenths with land above and left of each corner."""
        counts = np.zeros((self.share.shape[0] + 1, self.share.shape[1] + 1), np.int32)
        counts[1:, 1:] = (self.share > 0).cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32)
        return counts

    def area_m2(self, latitudes: tuple[float, float] = (-90.0, 90.0)) -> float:
        """Of all land between two parallels, on a sphere of the equator's radius."""
        height, width = self.share.shape
        edges = np.radians(90 - np.arange(height + 1) * 180 / height)
        areas = EARTH_RADIUS_M**2 * (np.sin(edges[:-1]) - np.sin(edges[1:])) * 2 * np.pi / width
        middles = 90 - (np.arange(height) + 0.5) * 180 / height
        seen = (middles > latitudes[0]) & (middles < latitudes[1])
        return float((self.share.sum(1) * areas)[seen].sum())


def _thinned(path: Path) -> NDArray[np.float32]:
    """The mask is true on the ocean."""
    with zipfile.ZipFile(path) as archive, archive.open(MEMBER) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, is_transposed, dtype = read_header(stream)
        if shape != (180 * POINTS_A_DEGREE, 360 * POINTS_A_DEGREE) or is_transposed or dtype != np.bool_:
            raise ValueError(f"a mask of {shape} {dtype}")
        rows = []
        for _ in range(shape[0] // THINNED_POINTS):
            block = np.frombuffer(stream.read(THINNED_POINTS * shape[1]), np.bool_).reshape(THINNED_POINTS, -1)
            means = block.reshape(THINNED_POINTS, -1, THINNED_POINTS).mean((0, 2), dtype=np.float32)
            rows.append(1 - means)
        return np.stack(rows)
