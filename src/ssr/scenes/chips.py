"""What is a chip on disk: T dates of 32×32 pixels stacked below each other in one PNG?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ssr.errors import ImageReadError, InputError, SeriesError

CHIP_PX = 32
BYTE_MODES = ("RGB", "RGBA", "P", "L")
GRID_CHIPS = 16
"""Chips on a side of a grid: a zoom-13 tile of 512 pixels."""


@dataclass(frozen=True)
class ChipGrid:
    """Up to 16×16 chips of one tile, by (row, column). A tile is called by its folder, seen from the data folder."""

    tile: str
    chips: dict[tuple[int, int], Path]


def find_chips(folder: Path, *, leave_out: Path | None = None) -> list[Path]:
    """Every PNG below a folder, in the order of their paths.

    Args:
        folder: where to look.
        leave_out: a folder of results, whose pictures are no chips even if it lies inside.

    Raises:
        InputError: no such folder, or no PNG in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of chips")
    results = leave_out.resolve() if leave_out and leave_out.resolve() != folder.resolve() else None
    paths = sorted(p for p in folder.rglob("*.png") if p.is_file() and results not in p.resolve().parents)
    if not paths:
        raise InputError(f"{folder}: no images; expected PNG files of stacked {CHIP_PX}×{CHIP_PX} dates below it")
    return paths


def find_grids(folder: Path, *, leave_out: Path | None = None) -> list[ChipGrid]:
    """Every folder that holds `<row>_<column>.png` chips, in the order of their paths; `leave_out` as `find_chips`."""
    grids: dict[Path, dict[tuple[int, int], Path]] = {}
    for path in find_chips(folder, leave_out=leave_out):
        row, _, column = path.stem.partition("_")
        if row.isdecimal() and column.isdecimal() and int(row) < GRID_CHIPS and int(column) < GRID_CHIPS:
            grids.setdefault(path.parent, {})[int(row), int(column)] = path
    if not grids:
        raise InputError(
            f"{folder}: no grid; expected <tile>/<row>_<column>.png with rows and columns 0…{GRID_CHIPS - 1}"
        )
    return [
        ChipGrid(folder.name if parent == folder else parent.relative_to(folder).as_posix(), chips)
        for parent, chips in grids.items()
    ]


def read_chip(path: Path) -> NDArray[np.uint8]:
    """Dates of a chip, `t 3 32 32` bytes.

    Raises:
        ImageReadError: not an image, truncated, or not a stack of 32×32 dates.
    """
    try:
        with Image.open(path) as image:
            mode, pixels = image.mode, np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageReadError(f"{path}: cannot be decoded as an image ({error})") from error
    if mode not in BYTE_MODES:
        raise ImageReadError(f"{path}: holds {mode} pixels, expected 8-bit true colour")
    height, width = pixels.shape[:2]
    if width != CHIP_PX or height % CHIP_PX:
        raise ImageReadError(
            f"{path}: is {height} px high and {width} px wide, expected a stack of {CHIP_PX}×{CHIP_PX} dates (height a "
            f"multiple of {CHIP_PX}, width {CHIP_PX}); for a whole image use 'ssr scene'"
        )
    return pixels.reshape(height // CHIP_PX, CHIP_PX, CHIP_PX, 3).transpose(0, 3, 1, 2)


def read_grid(grid: ChipGrid) -> NDArray[np.uint8]:
    """All chips of a grid as one series `t 3 512 512`; absent chips are zero.

    Raises:
        SeriesError: chips differ in their number of dates.
    """
    chips = {place: read_chip(path) for place, path in sorted(grid.chips.items())}
    counts = sorted({len(chip) for chip in chips.values()})
    if len(counts) > 1:
        few = next(grid.chips[place] for place, chip in chips.items() if len(chip) == counts[0])
        raise SeriesError(
            f"{few}: has {counts[0]} dates where other chips of grid {grid.tile} have {counts[-1]}; "
            f"a grid is one series, so every chip needs the same dates"
        )
    side = GRID_CHIPS * CHIP_PX
    series = np.zeros((counts[0], 3, side, side), np.uint8)
    for (row, column), chip in chips.items():
        series[..., row * CHIP_PX :, column * CHIP_PX :][..., :CHIP_PX, :CHIP_PX] = chip
    return series
