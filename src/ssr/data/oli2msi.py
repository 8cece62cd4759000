"""What is an OLI2MSI sample on disk, and how is it drawn?

`{split}_lr/*.TIF` is Landsat-8 at 30 m, `{split}_hr/*.TIF` of the same name Sentinel-2 at 10 m: three bands of
reflectance in floats, red, green and blue, 160 and 480 px. One date.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Generator

from ssr.data.augment import draw_whole_crop, is_whole_on_grid
from ssr.data.samples import Flaw, Sample
from ssr.data.worldstrat import read_reflectance
from ssr.errors import InputError, SeriesError
from ssr.sentinel2.radiometry import is_no_data

SCALE = 3
RED_GREEN_BLUE = (1, 2, 3)
SUFFIXES = (".tif", ".tiff")


class OLI2MSIPairs:
    """Crops of the scenes of one split, at random places where neither image has a gap."""

    scale = SCALE

    def __init__(self, root: Path, split: str, *, chip_px: int) -> None:
        self.low_res, self.high_res = root / f"{split}_lr", root / f"{split}_hr"
        self.chip_px = chip_px
        self.names = find_scenes(self.low_res, self.high_res)

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        return self.names[index]

    def draw(self, index: int, generator: Generator) -> Sample | Flaw:
        paths = self.low_res / self.names[index], self.high_res / self.names[index]
        low_res, truth = (read_reflectance(path, RED_GREEN_BLUE) for path in paths)
        if truth.shape[-2:] != tuple(SCALE * n for n in low_res.shape[-2:]):
            raise SeriesError(
                f"{paths[1]}: is {truth.shape[-2]}×{truth.shape[-1]} px, expected {SCALE} times "
                f"{low_res.shape[-2]}×{low_res.shape[-1]}"
            )
        place = draw_whole_crop(_is_whole(low_res, truth), self.chip_px, generator)
        if place is None:
            return Flaw("black", f"{paths[1]}: no square of {self.chip_px} px in which both images are whole")
        rows, columns = (slice(k, k + self.chip_px) for k in place)
        fine_rows, fine_columns = (slice(k * SCALE, (k + self.chip_px) * SCALE) for k in place)
        return Sample(low_res[None, :, rows, columns], truth[:, fine_rows, fine_columns])

    def inspect(self, index: int) -> Flaw | None:
        drawn = self.draw(index, Generator())
        return drawn if isinstance(drawn, Flaw) else None


def find_scenes(low_res: Path, high_res: Path) -> tuple[str, ...]:
    """Names that both folders hold, in their order.

    Raises:
        InputError: a folder is missing, or they have no name in common.
    """
    for folder in (low_res, high_res):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder")
    offered = [{p.name for p in folder.iterdir() if p.suffix.lower() in SUFFIXES} for folder in (low_res, high_res)]
    names = sorted(offered[0] & offered[1])
    if not names:
        raise InputError(
            f"{low_res}: none of its {len(offered[0])} images is among the {len(offered[1])} of {high_res}"
        )
    return tuple(names)


def _is_whole(low_res: NDArray[np.float32], truth: NDArray[np.float32]) -> NDArray[np.bool_]:
    return ~is_no_data(low_res, 0) & is_whole_on_grid(~is_no_data(truth, 0), SCALE)
