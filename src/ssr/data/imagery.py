"""Which high-resolution pictures lie in some folders, and how is a chip drawn from them?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Generator, Tensor

from ssr.data.pictures import Ground, Picture, RasterPicture, RescaledPicture
from ssr.errors import ImageReadError, InputError
from ssr.raster.gsd import ground_distance_m
from ssr.raster.reader import RasterReader
from ssr.sentinel2.radiometry import is_no_data

RASTERS = (".tif", ".tiff")
SAME_GSD = 0.005
"""Pictures whose ground distance is this close to the wanted one are taken as they are."""
DECLARED_GSD = 0.05
MAX_RATIO = 64
N_TRIES = 32
"""Places that are looked at in a picture with gaps."""


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
        nir_folder: where the near-infrared band of every PNG and JPEG lies, one band under the same name.
    """

    bands: tuple[int, int, int] = (1, 2, 3)
    white_dn: float | None = None
    gsd_m: float | None = None
    target_gsd_m: float | None = None
    max_upsampling: float = 1.0
    nir_folder: Path | None = None


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
    picture: Picture | RasterPicture
    if path.suffix.lower() not in RASTERS:
        picture = read_picture(path)
        found = None
        if reading.nir_folder is not None:
            picture = with_infrared(picture, reading.nir_folder / path.name)
    elif reading.nir_folder is not None:
        raise InputError(f"{path}: nir_folder adds near infrared to PNG and JPEG only; leave GeoTIFF out with include")
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


def with_infrared(picture: Picture, path: Path) -> Picture:
    """Red, green and blue followed by the near infrared of another file.

    Raises:
        InputError: no such file, more than one band, or another size.
        ImageReadError: it cannot be decoded.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file, the near infrared of {picture.name} was expected there")
    try:
        with Image.open(path) as image:
            bands = image.getbands()
            infrared = np.asarray(image)
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageReadError(f"{path}: cannot be decoded as an image ({error})") from error
    if bands != ("L",):
        raise InputError(f"{path}: has bands {', '.join(bands)}, expected one grey band of 8 bits of near infrared")
    if infrared.shape != picture.shape_hw:
        (h, w), (height, width) = infrared.shape, picture.shape_hw
        raise InputError(f"{path}: near infrared is {w}×{h} px, {picture.name} is {width}×{height} px")
    return Picture(picture.name, np.concatenate([picture.pixels, infrared[..., None]], 2))


def draw_chips(folders: list[Folder], *, n: int, side_px: int, generator: Generator) -> tuple[Tensor, tuple[str, ...]]:
    """Draw `n` square chips: a folder by its share, a picture by its area, a place, a flip and a quarter turn.

    In a picture that may have gaps, places are drawn until one has none.

    Returns:
        `n c side side` in [0, 1] and the pictures' names.

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
