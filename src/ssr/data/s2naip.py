"""How is a sample of S2-NAIP drawn from its dates, its truth and what is known of its tile?"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Generator

from ssr.data.catalogue import Catalogue
from ssr.data.samples import Flaw, Sample, has_black
from ssr.data.sidefiles import Objects
from ssr.errors import SeriesError
from ssr.scenes.chips import CHIP_PX
from ssr.scenes.ranking import sample_dates
from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS, n_channels_of
from ssr.sentinel2.radiometry import is_no_data

SCALE = 4
TRUTH_PX = CHIP_PX * SCALE


class S2NaipImages(Protocol):
    """Pixels by number of the sample, in bytes; what cannot be read is an ImageReadError or SeriesError."""

    def dates(self, index: int, band: str) -> NDArray[np.uint8]:
        """All dates, `t c 32 32`."""
        ...

    def truth(self, index: int) -> NDArray[np.uint8]:
        """`3 128 128`."""
        ...

    def old_truth(self, index: int) -> NDArray[np.uint8]:
        """`3 128 128`, an earlier image of the place."""
        ...

    def where(self, index: int, what: str) -> str:
        """For messages: where a band, `truth` or `old_truth` comes from."""
        ...


class S2NaipPairs:
    """Samples of a catalogue; bands that are not asked for are not opened.

    Args:
        bands: files of one date in the order in which they are stacked; `tci`, which decides on the dates, first.
        objects: boxes by tile.
        sees_old: older images stand beside the truth.
    """

    scale = SCALE

    def __init__(
        self,
        images: S2NaipImages,
        *,
        catalogue: Catalogue,
        n_revisits: int,
        bands: tuple[str, ...] = ("tci",),
        objects: Objects | None = None,
        sees_old: bool = False,
    ) -> None:
        self.images = images
        self.catalogue = catalogue
        self.n_revisits = n_revisits
        self.bands = bands
        self.objects = objects
        self.sees_old = sees_old

    def __len__(self) -> int:
        return len(self.catalogue)

    def name(self, index: int) -> str:
        """`image/X_Y`: neighbouring images show some tiles twice."""
        return self.catalogue.name(index)

    def draw(self, index: int, generator: Generator) -> Sample | Flaw:
        """Dates without a gap before the others, drawn at random and in random order."""
        tci = self.images.dates(index, "tci")
        if len(tci) < self.n_revisits:
            where = self.images.where(index, "tci")
            return Flaw("short", f"{where}: has {len(tci)} dates, {self.n_revisits} are wanted")
        truth = self.images.truth(index)
        if has_black(truth, 0):
            return Flaw("black", f"{self.images.where(index, 'truth')}: has black pixels")
        old = self._old_truth(index)
        if isinstance(old, Flaw):
            return old
        has_gap = is_no_data(tci, 1).any((1, 2)) if has_black(tci, 1) else np.zeros(len(tci), np.bool_)
        dates = sample_dates(has_gap, self.n_revisits, generator)
        low_res = np.empty((self.n_revisits, n_channels_of(self.bands), CHIP_PX, CHIP_PX), np.uint8)
        low_res[:, :TRUE_COLOUR_CHANNELS] = tci[dates]
        for channel, band in enumerate(self.bands[1:], start=TRUE_COLOUR_CHANNELS):
            low_res[:, channel] = self._band(index, band, len(tci))[dates, 0]
        objects = None if self.objects is None else self.objects.get(self.catalogue.tile(index), ())
        return Sample(low_res, truth, old, objects)

    def inspect(self, index: int) -> Flaw | None:
        """Drawing a sample decodes all of it, so whatever is drawn."""
        drawn = self.draw(index, Generator())
        return drawn if isinstance(drawn, Flaw) else None

    def _band(self, index: int, band: str, n_dates: int) -> NDArray[np.uint8]:
        dates = self.images.dates(index, band)
        if len(dates) != n_dates:
            where = self.images.where(index, band)
            raise SeriesError(f"{where}: has {len(dates)} dates where tci has {n_dates}")
        return dates

    def _old_truth(self, index: int) -> NDArray[np.uint8] | Flaw | None:
        if not self.sees_old:
            return None
        if not self.catalogue.has_old(index):
            return Flaw("missing", f"there is no older image of tile {self.catalogue.tile(index)}")
        old = self.images.old_truth(index)
        where = self.images.where(index, "old_truth")
        return Flaw("black", f"{where}: has black pixels") if has_black(old, 0) else old
