"""What is a tile of the later S2-NAIP (Hugging Face `allenai/s2-naip`) on disk, and how is it drawn?

`naip/{tile}.png` is the truth, 512×512 at 1.25 m with red, green, blue and near infrared. `sentinel2/{tile}_8.tif`,
`_16.tif` and `_32.tif` are Level-1C as stored (16 bits) at 10, 20 and 40 m, 64, 32 and 16 px wide; the bands of one
date follow those of the date before. A tile is named `{UTM zone}_{column}_{row}`. Files may lie in folders below.
"""

import os
import re
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator
from torch.nn.functional import interpolate

from ssr.data.augment import draw_whole_crop, is_whole_on_grid
from ssr.data.png import read_rgb
from ssr.data.samples import Flaw, Sample
from ssr.errors import InputError, SeriesError
from ssr.raster.stored import read_stored
from ssr.scenes.ranking import sample_dates
from ssr.sentinel2.bands import n_channels_of
from ssr.sentinel2.radiometry import TCI_PEAK_DN, is_no_data

FILES = {8: ("b02", "b03", "b04", "b08"), 16: ("b05", "b06", "b07", "b8a", "b11", "b12"), 32: ("b01", "b09", "b10")}
"""Bands of a date by how many pixels of the truth one of theirs spans."""
FINEST = 8
TRUE_COLOUR = ("b04", "b03", "b02")
WHITE_DN = 8160.0
TRUE_COLOUR_WHITE_DN = 3558.0
"""Of ESA's true-colour image, which the band `tci` stands for."""
TRUTH = re.compile(r"(\d+_-?\d+_-?\d+)\.png")
N_SHOWN = 5

Scale = Literal[2, 4, 8]


class S2NaipTiffPairs:
    """Crops of tiles, at random places where the truth has no gap.

    Args:
        bands: in the order in which they are stacked; `tci` is red, green and blue.
        scale: how many times finer the truth is than 10 m; the file holds 8, other scales are its means.
    """

    def __init__(
        self, sentinel2: Path, naip: Path, *, bands: tuple[str, ...], n_revisits: int, chip_px: int, scale: Scale
    ) -> None:
        self.bands = bands
        self.n_revisits = n_revisits
        self.chip_px = chip_px
        self.scale: int = scale
        self.truths = find_truths(naip)
        self.tiles = tuple(sorted(self.truths))
        self.dates = find_dates(sentinel2)

    def __len__(self) -> int:
        return len(self.tiles)

    def name(self, index: int) -> str:
        return self.tiles[index]

    def draw(self, index: int, generator: Generator) -> Sample | Flaw:
        """A crop, and dates without a gap there before the others."""
        tile = self.tiles[index]
        finest = self._dates(tile, FINEST)
        n_dates, _, height, width = finest.shape
        if n_dates < self.n_revisits:
            return Flaw("short", f"{self._path(tile, FINEST)}: has {n_dates} dates, {self.n_revisits} are wanted")
        truth = self._truth(tile, (height, width))
        place = draw_whole_crop(is_whole_on_grid(~is_no_data(truth, 0), FINEST), self.chip_px, generator)
        if place is None:
            return Flaw("black", f"{self.truths[tile]}: no square of {self.chip_px * FINEST} px without black pixels")
        rows, columns = (slice(start, start + self.chip_px) for start in place)
        chosen = sample_dates(is_no_data(finest[..., rows, columns], 1).any((1, 2)), self.n_revisits, generator)
        stacked = self._stack(tile, finest, chosen)
        y, x = (slice(part.start * FINEST, part.stop * FINEST) for part in (rows, columns))
        return Sample(stacked[..., rows, columns], mean_of_blocks(truth[:, y, x], FINEST // self.scale))

    def inspect(self, index: int) -> Flaw | None:
        """Drawing a sample decodes all of it, so whatever is drawn."""
        drawn = self.draw(index, Generator())
        return drawn if isinstance(drawn, Flaw) else None

    def _stack(self, tile: str, finest: NDArray[np.uint16], chosen: list[int]) -> NDArray[np.float32]:
        """The bands of the chosen dates at 10 m, `t c h w` in unit range."""
        files = {FINEST: finest}
        channels = []
        for band in self.bands:
            names, white_dn = (TRUE_COLOUR, TRUE_COLOUR_WHITE_DN) if band == "tci" else ((band,), WHITE_DN)
            for name in names:
                span = next(span for span, held in FILES.items() if name in held)
                if span not in files:
                    files[span] = self._dates(tile, span, like=finest)
                unit = files[span][chosen, FILES[span].index(name)].astype(np.float32) / np.float32(white_dn)
                channels.append(finer(unit.clip(0, 1), span // FINEST))
        assert len(channels) == n_channels_of(self.bands)
        return np.stack(channels, 1)

    def _path(self, tile: str, span: int) -> Path:
        if tile in self.dates:
            return self.dates[tile].with_name(f"{tile}_{span}.tif")
        return Path(f"{tile}_{span}.tif")

    def _dates(self, tile: str, span: int, like: NDArray[np.uint16] | None = None) -> NDArray[np.uint16]:
        """One file, `t c h w`; it must show the dates and the ground of the finest."""
        path, n_bands = self._path(tile, span), len(FILES[span])
        stored = read_stored(path)
        count, height, width = stored.shape
        if count % n_bands or stored.dtype != np.uint16:
            raise SeriesError(
                f"{path}: holds {count} bands of {stored.dtype}, expected a multiple of {n_bands} bands of uint16: "
                f"{', '.join(FILES[span])} of each date"
            )
        dates = stored.reshape(-1, n_bands, height, width)
        if like is not None:
            n_dates, wanted = len(like), tuple(n * FINEST // span for n in like.shape[2:])
            if (len(dates), (height, width)) != (n_dates, wanted):
                raise SeriesError(
                    f"{path}: holds {len(dates)} dates of {height}×{width} px, expected {n_dates} of "
                    f"{wanted[0]}×{wanted[1]} as {tile}_{FINEST}.tif has them"
                )
        elif min(height, width) < self.chip_px:
            raise SeriesError(f"{path}: is {height}×{width} px, smaller than chips of {self.chip_px} px")
        return dates

    def _truth(self, tile: str, shape_hw: tuple[int, int]) -> NDArray[np.float32]:
        path = self.truths[tile]
        pixels = read_rgb(path)
        if pixels.shape[:2] != (shape_hw[0] * FINEST, shape_hw[1] * FINEST):
            raise SeriesError(
                f"{path}: is {pixels.shape[0]}×{pixels.shape[1]} px, expected {FINEST} times the dates' "
                f"{shape_hw[0]}×{shape_hw[1]}"
            )
        return pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(TCI_PEAK_DN)


def find_truths(folder: Path) -> dict[str, Path]:
    """NAIP images by tile, in the folder or below it.

    Raises:
        InputError: none, or one tile twice.
    """
    return _found(folder, TRUTH, "32612_960_-6049.png")


def find_dates(folder: Path) -> dict[str, Path]:
    """Files of the 10 m bands by tile; raises as `find_truths`."""
    return _found(folder, re.compile(rf"(\d+_-?\d+_-?\d+)_{FINEST}\.tif"), f"32612_960_-6049_{FINEST}.tif")


def _found(folder: Path, pattern: re.Pattern[str], example: str) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    found: dict[str, Path] = {}
    others: list[str] = []
    for below, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            match = pattern.fullmatch(name)
            if match is None:
                if len(others) < N_SHOWN:
                    others.append(str(Path(below, name).relative_to(folder)))
                continue
            tile = match[1]
            if tile in found:
                raise InputError(f"{Path(below, name)}: tile {tile} is there twice, also as {found[tile]}")
            found[tile] = Path(below, name)
    if not found:
        raise InputError(
            f"{folder}: no file is named as those of allenai/s2-naip are, such as {example}; found "
            f"{', '.join(sorted(others)) or 'no file'}; archives (.tar) must be extracted first"
        )
    return found


def mean_of_blocks(pixels: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """`c h w` averaged over squares of so many pixels."""
    c, h, w = pixels.shape
    return np.asarray(pixels.reshape(c, h // side, side, w // side, side).mean((2, 4)), np.float32)


def finer(images: NDArray[np.float32], times: int) -> NDArray[np.float32]:
    """`t h w` interpolated linearly onto the 10 m grid; unchanged where it lies on it."""
    if times == 1:
        return images
    return np.asarray(interpolate(torch.from_numpy(images)[:, None], scale_factor=times, mode="bilinear")[:, 0].numpy())
