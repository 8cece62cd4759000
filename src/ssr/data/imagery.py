"""Which high-resolution pictures lie in some folders, and how is a chip drawn from them?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Generator, Tensor

from ssr.errors import ImageReadError, InputError


@dataclass(frozen=True)
class Picture:
    """One picture, `H W 3` bytes."""

    name: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Folder:
    """The pictures of one folder and how often it is drawn relative to the others."""

    pictures: tuple[Picture, ...]
    share: float


def read_folder(
    folder: Path, *, include: tuple[str, ...], exclude: tuple[str, ...], share: float, min_side_px: int
) -> Folder:
    """Read every picture that is wide and high enough.

    Raises:
        InputError: no such folder, or nothing in it fits.
        ImageReadError: a picture that cannot be decoded.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of high-resolution imagery")
    paths = sorted({path for pattern in include for path in folder.glob(pattern)})
    paths = [path for path in paths if not any(path.match(pattern) for pattern in exclude)]
    pictures = tuple(p for p in map(read_picture, paths) if min(p.pixels.shape[:2]) >= min_side_px)
    if not pictures:
        raise InputError(
            f"{folder}: of {len(paths)} pictures that match {', '.join(include)}, none is at least "
            f"{min_side_px} px wide and high"
        )
    return Folder(pictures, share)


def read_picture(path: Path) -> Picture:
    """Decode a PNG or JPEG to RGB bytes."""
    try:
        with Image.open(path) as image:
            return Picture(path.name, np.asarray(image.convert("RGB")))
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageReadError(f"{path}: cannot be decoded as an image ({error})") from error


def draw_chips(folders: list[Folder], *, n: int, side_px: int, generator: Generator) -> tuple[Tensor, tuple[str, ...]]:
    """Draw `n` square chips: a folder by its share, a picture by its area, a place, a flip and a quarter turn.

    Returns:
        `n 3 side side` in [0, 1] and the pictures' names.
    """
    shares = torch.tensor([folder.share for folder in folders])
    chips, names = [], []
    for index in torch.multinomial(shares, n, replacement=True, generator=generator).tolist():
        pictures = folders[index].pictures
        areas = torch.tensor([float(p.pixels.shape[0] * p.pixels.shape[1]) for p in pictures])
        picture = pictures[int(torch.multinomial(areas, 1, generator=generator))]
        height, width = picture.pixels.shape[:2]
        y = int(torch.randint(height - side_px + 1, (1,), generator=generator))
        x = int(torch.randint(width - side_px + 1, (1,), generator=generator))
        chip = picture.pixels[y : y + side_px, x : x + side_px]
        chips.append(_turn(torch.from_numpy(chip.copy()), generator))
        names.append(f"{picture.name}@{x},{y}")
    return torch.stack(chips).permute(0, 3, 1, 2).float() / 255, tuple(names)


def _turn(chip: Tensor, generator: Generator) -> Tensor:
    """One of the eight symmetries of the square."""
    quarter_turns, flip = torch.randint(4, (1,), generator=generator), torch.randint(2, (1,), generator=generator)
    turned = torch.rot90(chip, int(quarter_turns), (0, 1))
    return turned.flip(1) if int(flip) else turned
