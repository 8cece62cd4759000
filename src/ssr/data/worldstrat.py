"""What is a WorldStrat sample on disk, and how is it drawn?

`{high_res}/{tile}/{tile}_rgb.png` is SPOT in 8 bits; `{low_res}/{tile}/L1C/{tile}-{i}-L1C_data.tiff` are Sentinel-2
revisits as reflectance in floats, of whose bands the fourth, third and second are red, green and blue. As published,
the truth is brought to 640 px and the revisits to 160 px.
"""

import csv
import re
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator
from torch.nn.functional import interpolate

from ssr.atomic import one_line
from ssr.data.augment import draw_whole_crop, is_whole_on_grid
from ssr.data.png import read_rgb
from ssr.data.samples import Flaw, Sample
from ssr.errors import ImageReadError, InputError
from ssr.raster.reader import RasterReader
from ssr.scenes.ranking import sample_dates
from ssr.sentinel2.radiometry import TCI_PEAK_DN, is_no_data

SCALE = 4
LOW_RES_PX = 160
RED_GREEN_BLUE = (4, 3, 2)
WHITE_REFLECTANCE = 1.0
DELIMITERS = ",;\t|"


class WorldStratPairs:
    """Crops of the tiles of one split, at random places where the truth has no gap."""

    scale = SCALE

    def __init__(self, low_res: Path, high_res: Path, *, tiles: tuple[str, ...], n_revisits: int, chip_px: int) -> None:
        self.low_res = low_res
        self.high_res = high_res
        self.tiles = tiles
        self.n_revisits = n_revisits
        self.chip_px = chip_px

    def __len__(self) -> int:
        return len(self.tiles)

    def name(self, index: int) -> str:
        return self.tiles[index]

    def draw(self, index: int, generator: Generator) -> Sample | Flaw:
        """A crop, and revisits without a gap there before the others."""
        whole = self._read(index)
        if isinstance(whole, Flaw):
            return whole
        dates, truth = whole
        is_whole = is_whole_on_grid(~is_no_data(truth, 0), SCALE)
        place = draw_whole_crop(is_whole, self.chip_px, generator)
        if place is None:
            return Flaw("black", f"{self._truth_path(index)}: no square of {self.chip_px} px without black pixels")
        y, x = place
        crops = dates[:, :, y : y + self.chip_px, x : x + self.chip_px]
        chosen = sample_dates(is_no_data(crops, 1).any((1, 2)), self.n_revisits, generator)
        rows, columns = (slice(k * SCALE, (k + self.chip_px) * SCALE) for k in place)
        return Sample(crops[chosen], truth[:, rows, columns])

    def inspect(self, index: int) -> Flaw | None:
        drawn = self.draw(index, Generator())
        return drawn if isinstance(drawn, Flaw) else None

    def _truth_path(self, index: int) -> Path:
        tile = self.tiles[index]
        return self.high_res / tile / f"{tile}_rgb.png"

    def _read(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]] | Flaw:
        """All revisits `t 3 160 160` and the truth `3 640 640`, both in unit range: every value is divided once."""
        folder = self.low_res / self.tiles[index] / "L1C"
        paths = revisits_in(folder, self.tiles[index])
        if len(paths) < self.n_revisits:
            return Flaw("short", f"{folder}: has {len(paths)} revisits, {self.n_revisits} are wanted")
        truth = read_rgb(self._truth_path(index)).transpose(2, 0, 1).astype(np.float32) / np.float32(TCI_PEAK_DN)
        dates = [resized(read_reflectance(path, RED_GREEN_BLUE), LOW_RES_PX) for path in paths]
        return np.stack(dates), resized(truth, LOW_RES_PX * SCALE)


def read_splits(path: Path, split: str) -> tuple[str, ...]:
    """Tiles of a split, in the order of the file; names may hold spaces.

    Raises:
        InputError: unreadable, no columns `tile` and `split`, or no tile in that split.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a table ({one_line(error)})") from error
    for delimiter in DELIMITERS:
        rows = csv.DictReader(text.splitlines(), delimiter=delimiter)
        if {"tile", "split"} <= set(rows.fieldnames or ()):
            tiles = tuple(dict.fromkeys(row["tile"] for row in rows if row["split"] == split and row["tile"]))
            if not tiles:
                raise InputError(f"{path}: no tile is of split {split!r}")
            return tiles
    raise InputError(f"{path}: expected a table with the columns tile and split, found {text[:80]!r}")


def revisits_in(folder: Path, tile: str) -> list[Path]:
    """Files of a tile's revisits, by number.

    Raises:
        ImageReadError: no such folder.
    """
    pattern = re.compile(re.escape(tile) + r"-(\d+)-L1C_data\.tiff?")
    try:
        found = [(int(match[1]), path) for path in folder.iterdir() if (match := pattern.fullmatch(path.name))]
    except OSError as error:
        raise ImageReadError(f"{folder}: cannot be read ({error.strerror})") from error
    return [path for _, path in sorted(found)]


def read_reflectance(path: Path, bands: tuple[int, ...]) -> NDArray[np.float32]:
    """Bands of a whole raster of reflectance, `c h w` in unit range.

    Raises:
        ImageReadError: missing (caused by FileNotFoundError), damaged, or too few bands.
    """
    if not path.is_file():
        raise ImageReadError(f"{path}: cannot be read (No such file)") from FileNotFoundError(path)
    with RasterReader(path, bands=bands, white_dn=WHITE_REFLECTANCE) as reader:
        height, width = reader.grid.shape_hw
        return reader.read(slice(0, height), slice(0, width))


def resized(pixels: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    """`c side side`, bilinear and free of aliasing; unchanged when it is of that size."""
    if pixels.shape[-2:] == (side_px, side_px):
        return pixels
    image = torch.from_numpy(pixels)[None]
    smaller = interpolate(image, size=(side_px, side_px), mode="bilinear", antialias=True)
    return np.asarray(smaller[0].numpy())
