"""Which high-resolution pictures lie in some folders, and how is a chip drawn from them?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Generator, Tensor

from ssr.data.rescaling import axis_weights, weighted
from ssr.errors import ImageReadError, InputError
from ssr.raster.gsd import ground_distance_m
from ssr.raster.reader import RasterReader
from ssr.sentinel2.radiometry import TCI_PEAK_DN, is_no_data

RASTERS = (".tif", ".tiff")
SAME_GSD = 0.005
"""Pictures whose ground distance is this close to the wanted one are taken as they are."""
DECLARED_GSD = 0.05
MAX_RATIO = 64
N_TRIES = 32
"""Places that are looked at in a picture with gaps."""


class Ground(Protocol):
    """A picture of which windows are read."""

    @property
    def name(self) -> str: ...

    @property
    def shape_hw(self) -> tuple[int, int]: ...

    @property
    def may_have_gaps(self) -> bool:
        """Whether black means that nothing is known."""
        ...

    def read(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """`h w 3` in [0, 1]; a pixel without data is zero in every channel."""
        ...


@dataclass(frozen=True)
class Picture:
    """One picture in memory, `H W 3` bytes."""

    name: str
    pixels: NDArray[np.uint8]
    may_have_gaps = False

    @property
    def shape_hw(self) -> tuple[int, int]:
        height, width = self.pixels.shape[:2]
        return height, width

    def read(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        return self.pixels[rows, columns].astype(np.float32) / np.float32(TCI_PEAK_DN)


@dataclass(frozen=True)
class RasterPicture:
    """One raster on a disk, of which no more is read than is asked for."""

    path: Path
    bands: tuple[int, int, int]
    white_dn: float | None
    shape_hw: tuple[int, int]
    may_have_gaps = True

    @property
    def name(self) -> str:
        return self.path.name

    def read(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        with RasterReader(self.path, bands=self.bands, white_dn=self.white_dn) as reader:
            return reader.read(rows, columns).transpose(1, 2, 0)


@dataclass(frozen=True)
class RescaledPicture:
    """A picture at another ground distance.

    ratio_hw: pixels of the picture that one of this spans.
    """

    picture: Ground
    ratio_hw: tuple[float, float]

    @property
    def name(self) -> str:
        return self.picture.name

    @property
    def may_have_gaps(self) -> bool:
        return self.picture.may_have_gaps

    @property
    def shape_hw(self) -> tuple[int, int]:
        height, width = (int(n / ratio) for n, ratio in zip(self.picture.shape_hw, self.ratio_hw, strict=True))
        return height, width

    def read(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """A pixel of which any part has no data has none."""
        height, width = self.picture.shape_hw
        source_rows, row_weights = axis_weights(rows, self.ratio_hw[0], height)
        source_columns, column_weights = axis_weights(columns, self.ratio_hw[1], width)
        pixels = self.picture.read(source_rows, source_columns)
        rescaled = weighted(pixels, row_weights, column_weights)
        if self.may_have_gaps and (missing := is_no_data(pixels, -1)).any():
            rescaled[weighted(missing[..., None].astype(np.float32), row_weights, column_weights)[..., 0] > 0] = 0
        return rescaled


@dataclass(frozen=True)
class Folder:
    """The pictures of one folder and how often it is drawn relative to the others."""

    pictures: tuple[Ground, ...]
    share: float


@dataclass(frozen=True)
class Reading:
    """How pictures of a folder are to be understood.

    Attributes:
        bands: red, green and blue of a GeoTIFF.
        white_dn: the stored number of a GeoTIFF that means white; needed unless it holds bytes.
        gsd_m: metres on the ground of a pixel, where the file does not say it.
        target_gsd_m: metres that a pixel is to have; None leaves pictures as they are.
        max_upsampling: how many times finer a picture may be made.
    """

    bands: tuple[int, int, int] = (1, 2, 3)
    white_dn: float | None = None
    gsd_m: float | None = None
    target_gsd_m: float | None = None
    max_upsampling: float = 1.0


AS_IT_IS = Reading()


def read_folder(
    folder: Path,
    *,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    share: float,
    min_side_px: int,
    reading: Reading = AS_IT_IS,
) -> Folder:
    """Every picture that is wide and high enough; PNG and JPEG are decoded, GeoTIFF are only looked at.

    Raises:
        InputError: no such folder, nothing in it fits, or a picture cannot be brought to the wanted ground distance.
        ImageReadError: a picture that cannot be decoded.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of high-resolution imagery")
    paths = sorted({path for pattern in include for path in folder.glob(pattern)})
    paths = [path for path in paths if not any(path.match(pattern) for pattern in exclude)]
    pictures = tuple(p for path in paths if min((p := open_ground(path, reading)).shape_hw) >= min_side_px)
    if not pictures:
        others = sorted({path.suffix for path in folder.iterdir() if path.suffix.lower() in RASTERS})
        hint = f"; it holds {' and '.join(others)}: name them in include" if others and not paths else ""
        at = f" at {reading.target_gsd_m:g} m" if reading.target_gsd_m else ""
        raise InputError(
            f"{folder}: of {len(paths)} pictures that match {', '.join(include)}, none is at least "
            f"{min_side_px} px wide and high{at}{hint}"
        )
    return Folder(pictures, share)


def open_ground(path: Path, reading: Reading) -> Ground:
    """A picture, at the wanted ground distance.

    Raises:
        InputError: how large its pixels are is not known, or too far from what is wanted.
        ImageReadError: it cannot be decoded.
    """
    picture: Ground
    if path.suffix.lower() not in RASTERS:
        picture = read_picture(path)
        found = None
    else:
        with RasterReader(path, bands=reading.bands, white_dn=reading.white_dn) as reader:
            picture = RasterPicture(path, reading.bands, reading.white_dn, reader.grid.shape_hw)
            grid = reader.grid
        found = None if reading.target_gsd_m is None or not grid.crs else _named(path, lambda: ground_distance_m(grid))
    if reading.target_gsd_m is None:
        return picture
    ratio_hw = _ratios(path, found, reading, reading.target_gsd_m)
    return picture if ratio_hw == (1.0, 1.0) else RescaledPicture(picture, ratio_hw)


def _named(path: Path, measure: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    try:
        return measure()
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _ratios(
    path: Path, found: tuple[float, float] | None, reading: Reading, target_gsd_m: float
) -> tuple[float, float]:
    declared = reading.gsd_m
    if found is None and declared is None:
        raise InputError(
            f"{path}: has no coordinate system that says how large its pixels are; say it with gsd_m, or leave "
            "target_gsd_m out"
        )
    if found and declared and any(abs(gsd / declared - 1) > DECLARED_GSD for gsd in found):
        raise InputError(
            f"{path}: has pixels of {found[0]:.4g}×{found[1]:.4g} m by its coordinate system, gsd_m says {declared:g} m"
        )
    gsd_hw = found or (declared or target_gsd_m,) * 2
    ratios = [target_gsd_m / gsd for gsd in gsd_hw]
    ratios = [1.0 if abs(ratio - 1) <= SAME_GSD else ratio for ratio in ratios]
    told = f"{path}: has pixels of {gsd_hw[0]:.4g}×{gsd_hw[1]:.4g} m, target_gsd_m is {target_gsd_m:g} m"
    if min(ratios) * reading.max_upsampling < 1 - SAME_GSD:
        raise InputError(f"{told}: too coarse, detail would be missing; raise max_upsampling to allow it")
    if max(ratios) > MAX_RATIO:
        raise InputError(
            f"{told}: more than {MAX_RATIO} times finer; reduce it first, such as with gdalwarp -r average"
        )
    return ratios[0], ratios[1]


def read_picture(path: Path) -> Picture:
    """Decode a PNG or JPEG to RGB bytes."""
    try:
        with Image.open(path) as image:
            return Picture(path.name, np.asarray(image.convert("RGB")))
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageReadError(f"{path}: cannot be decoded as an image ({error})") from error


def draw_chips(folders: list[Folder], *, n: int, side_px: int, generator: Generator) -> tuple[Tensor, tuple[str, ...]]:
    """Draw `n` square chips: a folder by its share, a picture by its area, a place, a flip and a quarter turn.

    In a picture that may have gaps, places are drawn until one has none.

    Returns:
        `n 3 side side` in [0, 1] and the pictures' names.

    Raises:
        InputError: a picture consists of gaps.
    """
    shares = torch.tensor([folder.share for folder in folders])
    chips, names = [], []
    for index in torch.multinomial(shares, n, replacement=True, generator=generator).tolist():
        pictures = folders[index].pictures
        areas = torch.tensor([float(p.shape_hw[0] * p.shape_hw[1]) for p in pictures])
        picture = pictures[int(torch.multinomial(areas, 1, generator=generator))]
        chip, y, x = _draw_place(picture, side_px, generator)
        chips.append(_turn(torch.from_numpy(chip), generator))
        names.append(f"{picture.name}@{x},{y}")
    return torch.stack(chips).permute(0, 3, 1, 2), tuple(names)


def _draw_place(picture: Ground, side_px: int, generator: Generator) -> tuple[NDArray[np.float32], int, int]:
    height, width = picture.shape_hw
    for _ in range(N_TRIES):
        y = int(torch.randint(height - side_px + 1, (1,), generator=generator))
        x = int(torch.randint(width - side_px + 1, (1,), generator=generator))
        chip = picture.read(slice(y, y + side_px), slice(x, x + side_px))
        if not picture.may_have_gaps or not is_no_data(chip, -1).any():
            return np.ascontiguousarray(chip), y, x
    raise InputError(
        f"{picture.name}: {N_TRIES} places of {side_px} px drawn at random all had pixels without data; name the "
        "picture in exclude, or cut its gaps off"
    )


def _turn(chip: Tensor, generator: Generator) -> Tensor:
    """One of the eight symmetries of the square."""
    quarter_turns, flip = torch.randint(4, (1,), generator=generator), torch.randint(2, (1,), generator=generator)
    turned = torch.rot90(chip, int(quarter_turns), (0, 1))
    return turned.flip(1) if int(flip) else turned
