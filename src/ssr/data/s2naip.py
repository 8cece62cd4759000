"""What is an S2-NAIP sample on disk, and how is it drawn?

The truth is 128×128 true colour; each band of Sentinel-2 is one PNG in which T dates of 32×32 stand below each other.
Where the files lie, `catalogue` knows; bands that are not asked for are not opened.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Generator

from ssr.data.catalogue import Catalogue
from ssr.data.png import read_grey, read_rgb
from ssr.data.samples import Flaw, Sample, has_black
from ssr.data.sidefiles import Objects
from ssr.errors import SeriesError
from ssr.scenes.chips import CHIP_PX
from ssr.scenes.ranking import sample_dates
from ssr.sentinel2.bands import n_channels_of
from ssr.sentinel2.radiometry import is_no_data

SCALE = 4
TRUTH_PX = CHIP_PX * SCALE


class S2NaipPairs:
    """Samples of a catalogue.

    Args:
        bands: files of one date in the order in which they are stacked; `tci`, which decides on the dates, first.
        objects: boxes by tile.
        old_naip: the folder of the catalogue's older images.
    """

    scale = SCALE

    def __init__(
        self,
        sentinel2: Path,
        naip: Path,
        *,
        catalogue: Catalogue,
        n_revisits: int,
        bands: tuple[str, ...] = ("tci",),
        objects: Objects | None = None,
        old_naip: Path | None = None,
    ) -> None:
        self.sentinel2 = sentinel2
        self.naip = naip
        self.catalogue = catalogue
        self.n_revisits = n_revisits
        self.bands = bands
        self.objects = objects
        self.old_naip = old_naip

    def __len__(self) -> int:
        return len(self.catalogue)

    def name(self, index: int) -> str:
        """`image/X_Y`: neighbouring images show some tiles twice."""
        return self.catalogue.name(index)

    def draw(self, index: int, generator: Generator) -> Sample | Flaw:
        """Dates without a gap before the others, drawn at random and in random order."""
        tci_path = self._low_res(index, "tci")
        tci = stacked_dates(tci_path, read_rgb(tci_path))
        if len(tci) < self.n_revisits:
            return Flaw("short", f"{tci_path}: has {len(tci)} dates, {self.n_revisits} are wanted")
        truth = self._truth(self.naip / self.catalogue.high_res(index))
        if isinstance(truth, Flaw):
            return truth
        old = self._old_truth(index)
        if isinstance(old, Flaw):
            return old
        has_gap = is_no_data(tci, 3).any((1, 2)) if has_black(tci, 3) else np.zeros(len(tci), np.bool_)
        dates = sample_dates(has_gap, self.n_revisits, generator)
        low_res = np.empty((self.n_revisits, n_channels_of(self.bands), CHIP_PX, CHIP_PX), np.uint8)
        low_res[:, :3] = tci[dates].transpose(0, 3, 1, 2)
        for channel, band in enumerate(self.bands[1:], start=3):
            low_res[:, channel] = self._band(index, band, len(tci))[dates]
        objects = None if self.objects is None else self.objects.get(self.catalogue.tile(index), ())
        return Sample(low_res, truth, old, objects)

    def inspect(self, index: int) -> Flaw | None:
        """Drawing a sample decodes all of it, so whatever is drawn."""
        drawn = self.draw(index, Generator())
        return drawn if isinstance(drawn, Flaw) else None

    def _low_res(self, index: int, band: str) -> Path:
        return self.sentinel2 / self.catalogue.low_res(index, band)

    def _band(self, index: int, band: str, n_dates: int) -> NDArray[np.uint8]:
        path = self._low_res(index, band)
        dates = stacked_dates(path, read_grey(path))
        if len(dates) != n_dates:
            raise SeriesError(f"{path}: has {len(dates)} dates where tci has {n_dates}")
        return dates

    def _truth(self, path: Path) -> NDArray[np.uint8] | Flaw:
        pixels = read_rgb(path)
        if pixels.shape[:2] != (TRUTH_PX, TRUTH_PX):
            height, width = pixels.shape[:2]
            raise SeriesError(
                f"{path}: is {height} px high and {width} px wide, expected {TRUTH_PX}×{TRUTH_PX}, {SCALE} times finer "
                f"than the dates"
            )
        return Flaw("black", f"{path}: has black pixels") if has_black(pixels, 2) else pixels.transpose(2, 0, 1)

    def _old_truth(self, index: int) -> NDArray[np.uint8] | Flaw | None:
        if self.old_naip is None or self.catalogue.old_high_res is None:
            return None
        below = self.catalogue.old_high_res[index]
        if not below:
            return Flaw("missing", f"{self.old_naip}: holds no older image {self.catalogue.tile(index)}.png")
        return self._truth(self.old_naip / below)


def stacked_dates(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`t 32 32 (c)` of a stack `T·32 32 (c)`.

    Raises:
        SeriesError: the picture is no such stack.
    """
    height, width = pixels.shape[:2]
    if width != CHIP_PX or height % CHIP_PX:
        raise SeriesError(
            f"{path}: is {height} px high and {width} px wide, expected a stack of {CHIP_PX}×{CHIP_PX} dates (height a "
            f"multiple of {CHIP_PX}, width {CHIP_PX})"
        )
    return pixels.reshape(height // CHIP_PX, CHIP_PX, CHIP_PX, *pixels.shape[2:])
