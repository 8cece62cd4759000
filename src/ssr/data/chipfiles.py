"""How are the pixels of an S2-NAIP sample read from its PNG files?

The truth is 128×128 true colour; each band of Sentinel-2 is one PNG in which T dates of 32×32 stand below each other.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssr.data.catalogue import Catalogue
from ssr.data.png import read_grey, read_rgb
from ssr.data.s2naip import SCALE, TRUTH_PX
from ssr.errors import SeriesError
from ssr.scenes.chips import CHIP_PX


class ChipFiles:
    """The published files below the folders of a data set."""

    def __init__(self, sentinel2: Path, naip: Path, *, catalogue: Catalogue, old_naip: Path | None = None) -> None:
        self.sentinel2 = sentinel2
        self.naip = naip
        self.catalogue = catalogue
        self.old_naip = old_naip

    def dates(self, index: int, band: str) -> NDArray[np.uint8]:
        """All dates, `t c 32 32`."""
        path = self._path(index, band)
        pixels = read_rgb(path) if band == "tci" else read_grey(path)
        height, width = pixels.shape[:2]
        if width != CHIP_PX or height % CHIP_PX:
            raise SeriesError(
                f"{path}: is {height} px high and {width} px wide, expected a stack of {CHIP_PX}×{CHIP_PX} dates "
                f"(height a multiple of {CHIP_PX}, width {CHIP_PX})"
            )
        return pixels.reshape(height // CHIP_PX, CHIP_PX, CHIP_PX, -1).transpose(0, 3, 1, 2)

    def truth(self, index: int) -> NDArray[np.uint8]:
        """`3 128 128`."""
        return _read_truth(self._path(index, "truth"))

    def old_truth(self, index: int) -> NDArray[np.uint8]:
        """`3 128 128`, the earlier image."""
        return _read_truth(self._path(index, "old_truth"))

    def where(self, index: int, what: str) -> str:
        return str(self._path(index, what))

    def _path(self, index: int, what: str) -> Path:
        if what == "truth":
            return self.naip / self.catalogue.high_res(index)
        if what == "old_truth":
            assert self.old_naip is not None
            assert self.catalogue.old_high_res is not None
            return self.old_naip / self.catalogue.old_high_res[index]
        return self.sentinel2 / self.catalogue.low_res(index, what)


def _read_truth(path: Path) -> NDArray[np.uint8]:
    pixels = read_rgb(path)
    if pixels.shape[:2] != (TRUTH_PX, TRUTH_PX):
        height, width = pixels.shape[:2]
        raise SeriesError(
            f"{path}: is {height} px high and {width} px wide, expected {TRUTH_PX}×{TRUTH_PX}, {SCALE} times finer "
            f"than the dates"
        )
    return pixels.transpose(2, 0, 1)
