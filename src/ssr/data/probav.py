"""What is a PROBA-V sample on disk, and how is it drawn?

`train/{band}/{scene}/` and `train/{band}/val/{scene}/` hold `HR.png` (384 px) with its mask `SM.png`, and revisits
`LRnnn.png` (128 px) with theirs, `QMnnn.png`. Pixels are 14-bit numbers in 16-bit PNG; masks are white where the
ground is clear.

Masks are used: a crop lies where the truth is clear throughout, revisits that are clear there come first, and pixels
of the others that are not clear become no data (zero). The one band is repeated to three channels.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Generator

from ssr.data.augment import draw_whole_crop, is_whole_on_grid
from ssr.data.png import read_grey, read_grey16
from ssr.data.samples import Flaw, Sample
from ssr.errors import ImageReadError, InputError, SeriesError
from ssr.scenes.ranking import sample_dates

SCALE = 3
PEAK_DN = (1 << 14) - 1
LOW_RES_PX = 128
DARKEST_DN = 1
"""A clear pixel is never stored as no data."""


class PROBAVPairs:
    """Crops of the scenes of one split and band."""

    scale = SCALE

    def __init__(self, root: Path, split: str, *, band: str, n_revisits: int, chip_px: int) -> None:
        self.scenes = find_scenes(root / "train" / band / ("val" if split == "val" else ""))
        self.n_revisits = n_revisits
        self.chip_px = chip_px

    def __len__(self) -> int:
        return len(self.scenes)

    def name(self, index: int) -> str:
        return self.scenes[index].name

    def draw(self, index: int, generator: Generator) -> Sample | Flaw:
        """Only the revisits that are drawn are decoded, and the masks of all."""
        scene = self.scenes[index]
        numbers = sorted(path.stem.removeprefix("LR") for path in scene.glob("LR*.png"))
        if len(numbers) < self.n_revisits:
            return Flaw("short", f"{scene}: has {len(numbers)} revisits, {self.n_revisits} are wanted")
        is_clear = self._mask(scene / "SM.png", LOW_RES_PX * SCALE)
        place = draw_whole_crop(is_whole_on_grid(is_clear, SCALE), self.chip_px, generator)
        if place is None:
            return Flaw("black", f"{scene / 'SM.png'}: no square of {self.chip_px} px that is clear throughout")
        crop = tuple(slice(k, k + self.chip_px) for k in place)
        fine_crop = tuple(slice(k * SCALE, (k + self.chip_px) * SCALE) for k in place)
        masks = np.stack([self._mask(scene / f"QM{n}.png", LOW_RES_PX)[crop] for n in numbers])
        dates = sample_dates(np.asarray(~masks.all((1, 2))), self.n_revisits, generator)
        revisits = [self._pixels(scene / f"LR{numbers[k]}.png", LOW_RES_PX)[crop] * masks[k] for k in dates]
        return Sample(
            np.repeat(np.stack(revisits)[:, None], 3, 1),
            np.repeat(self._pixels(scene / "HR.png", LOW_RES_PX * SCALE)[fine_crop][None], 3, 0),
        )

    def inspect(self, index: int) -> Flaw | None:
        """Every revisit is decoded, since another is drawn each time."""
        for path in sorted(self.scenes[index].glob("LR*.png")):
            self._pixels(path, LOW_RES_PX)
        drawn = self.draw(index, Generator())
        return drawn if isinstance(drawn, Flaw) else None

    def _mask(self, path: Path, side_px: int) -> NDArray[np.bool_]:
        return self._square(path, read_grey(path), side_px) > 0

    def _pixels(self, path: Path, side_px: int) -> NDArray[np.float32]:
        """In unit range, none of them zero."""
        stored = self._square(path, read_grey16(path), side_px)
        if stored.max() > PEAK_DN:
            raise ImageReadError(f"{path}: holds {stored.max()}, expected 14-bit numbers up to {PEAK_DN}")
        return np.maximum(stored, DARKEST_DN).astype(np.float32) / np.float32(PEAK_DN)

    def _square(self, path: Path, pixels: NDArray, side_px: int) -> NDArray:
        if pixels.shape != (side_px, side_px):
            raise SeriesError(f"{path}: is {pixels.shape[0]}×{pixels.shape[1]} px, expected {side_px}×{side_px}")
        return pixels


def find_scenes(folder: Path) -> tuple[Path, ...]:
    """Folders with a truth, in the order of their names.

    Raises:
        InputError: no such folder, or none in it has a truth.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of scenes")
    scenes = tuple(sorted(path.parent for path in folder.glob("*/HR.png")))
    if not scenes:
        raise InputError(f"{folder}: no scene in it has an HR.png")
    return scenes
