"""Which image files make up a series, and do they show the same ground?"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ssr.errors import InputError, SeriesError
from ssr.raster.grid import Grid
from ssr.raster.reader import RasterReader

IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jp2", ".vrt", ".jpg", ".jpeg")
PREVIEW_PX = 512


def find_images(inputs: Sequence[Path], *, leave_out: Path | None = None) -> list[Path]:
    """The given files, and the images directly in the given folders, each once and in the order of their names.

    The order of the arguments does not matter, so it cannot change a result.

    Args:
        leave_out: a file that is no date even if it lies among them, such as the result of an earlier run.

    Raises:
        InputError: an input does not exist, or no image is found.
    """
    found: list[Path] = []
    for path in inputs:
        if path.is_dir():
            found += [p for p in path.iterdir() if _is_image(p) and not _is_same_file(p, leave_out)]
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"{path}: no such file or folder")
    if not found:
        listed = ", ".join(map(str, inputs))
        raise InputError(f"{listed}: no images; expected one file per date ({', '.join(IMAGE_SUFFIXES)})")
    once = {path.resolve(): path for path in found}
    return sorted(once.values(), key=lambda path: (path.name, str(path)))


def _is_same_file(path: Path, other: Path | None) -> bool:
    return other is not None and path.resolve() == other.resolve()


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


class RasterSeries:
    """Open rasters of one place, one per date, read together a window at a time.

    Raises:
        SeriesError: they differ in size, coordinate system or position.
    """

    def __init__(
        self, paths: Sequence[Path], *, bands: tuple[int, ...] = (1, 2, 3), white_dn: float | None = None
    ) -> None:
        self._open = ExitStack()
        try:
            self.readers = [self._open.enter_context(RasterReader(p, bands=bands, white_dn=white_dn)) for p in paths]
            self._check_same_ground()
        except BaseException:
            self._open.close()
            raise
        self.grid: Grid = self.readers[0].grid
        self.shape_hw = self.grid.shape_hw

    @property
    def n_dates(self) -> int:
        return len(self.readers)

    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> NDArray[np.float32]:
        """A window of the given dates in unit range: `t c h w`; a repeated date is read once."""
        once = {date: self.readers[date].read(rows, columns) for date in dict.fromkeys(dates)}
        return np.stack([once[date] for date in dates])

    def preview(self) -> NDArray[np.float32]:
        """Every date, thinned to at most about 512 rows and columns: `t c h w`."""
        step = max(1, -(-max(self.shape_hw) // PREVIEW_PX))
        return np.stack([reader.read_thinned(step) for reader in self.readers])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _check_same_ground(self) -> None:
        first = self.readers[0]
        for other in self.readers[1:]:
            if not first.grid.same_place(other.grid):
                raise SeriesError(
                    f"{other.path}: shows other ground than {first.path.name}: {other.grid}; expected {first.grid}. "
                    f"Crop or warp the dates to one grid first"
                )
