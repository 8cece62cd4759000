"""Which numbers does a part of a raster hold, seen from near or from afar?"""

import queue
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT

from ssr.atomic import one_line
from ssr.errors import ImageReadError
from ssr.raster.gdal import gdal_environment
from ssr.raster.grid import Grid

CACHE_BYTES = 256 * 2**20
PLACE_ERROR_PX = 1e-3
LARGE_PX = 4096
"""A raster with a longer side needs overviews to be seen from afar at once."""


@dataclass(frozen=True)
class Part:
    """Stored numbers `c h w`, and which pixels have data (None: all)."""

    stored: NDArray[Any]
    has_data: NDArray[np.bool_] | None


class Raster:
    """A file that several threads read parts of, each with a handle of its own for the time.

    Attributes:
        own_grid: of the file; grid: the one that rows and columns are counted on.
    """

    def __init__(self, path: Path, *, on: Grid | None = None, are_classes: bool = False) -> None:
        """Open a file.

        Args:
            on: bring its pixels to this grid, by interpolation, or, where they `are_classes`, by the nearest.

        Raises:
            ImageReadError: it is no raster, or cannot be brought to the grid.
        """
        self.path = path
        self._idle: queue.LifoQueue[_Handle] = queue.LifoQueue()
        self._on, self._are_classes = on, are_classes
        with self._handle("cannot be opened as a raster") as handle:
            file = handle.file
            self.own_grid = Grid(file.crs or None, file.transform, (file.height, file.width))
            self.grid = on or self.own_grid
            self.dtype = np.dtype(file.dtypes[0])
            self.names: tuple[str, ...] = tuple(text or f"band {k}" for k, text in enumerate(file.descriptions, 1))
            self.scales, self.offsets = tuple(file.scales), tuple(file.offsets)
            self.no_data: float | None = file.nodata
            self.tags: dict[str, str] = file.tags()
            self.is_slow_from_afar = max(self.own_grid.shape_hw) > LARGE_PX and not file.overviews(1)
            masked = any(MaskFlags.all_valid not in flags for flags in file.mask_flag_enums)
            self.says_what_is_missing = masked or ColorInterp.alpha in file.colorinterp or on is not None
            self.is_coloured = file.colorinterp[0] == ColorInterp.palette
            self.n_bands = file.count

    def read(
        self, bands: Sequence[int], rows: slice, columns: slice, shape_hw: tuple[int, int], *, averaged: bool = True
    ) -> Part:
        """Some bands, from 1, of a window inside of the grid, brought to a size.

        Args:
            averaged: a pixel of a smaller size is the mean of what it covers, not one of them.

        Raises:
            ImageReadError: the file is damaged there.
        """
        window = ((rows.start, rows.stop), (columns.start, columns.stop))
        is_smaller = shape_hw != (rows.stop - rows.start, columns.stop - columns.start)
        how: dict[str, Any] = {"window": window}
        if is_smaller:
            how["resampling"] = Resampling.average if averaged else Resampling.nearest
        with self._handle("cannot be decoded, truncated or damaged") as handle:
            view = handle.view
            stored = view.read(list(bands), out_shape=(len(bands), *shape_hw), **how)
            has_data = view.dataset_mask(window=window, out_shape=shape_hw) > 0 if self.says_what_is_missing else None
        return Part(stored, has_data)

    def pixel(self, row: int, column: int) -> list[float | int] | None:
        """All bands of one pixel as they are stored; None outside."""
        height, width = self.grid.shape_hw
        if not (0 <= row < height and 0 <= column < width):
            return None
        part = self.read(range(1, self.n_bands + 1), slice(row, row + 1), slice(column, column + 1), (1, 1))
        return [value.item() for value in part.stored[:, 0, 0]]

    def palette(self) -> NDArray[np.uint8]:
        """The colour of each number, `256 4`, of a file whose numbers stand for colours."""
        with self._handle("cannot be decoded") as handle:
            found = handle.file.colormap(1)
        return np.array([found.get(k, (0, 0, 0, 0)) for k in range(256)], np.uint8)

    def close(self) -> None:
        """Close the handles that nobody uses."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    @contextmanager
    def _handle(self, failure: str) -> Iterator["_Handle"]:
        try:
            with gdal_environment(cache_bytes=CACHE_BYTES):
                try:
                    handle = self._idle.get_nowait()
                except queue.Empty:
                    handle = _Handle(self.path, on=self._on, are_classes=self._are_classes)
                yield handle
                self._idle.put(handle)
        except (RasterioError, CPLE_BaseError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, CPLE_BaseError) else error
            raise ImageReadError(f"{self.path}: {failure} ({one_line(cause)})") from error


class _Handle:
    """An open file, and the view of it on the grid that was asked for."""

    def __init__(self, path: Path, *, on: Grid | None, are_classes: bool) -> None:
        self._opened = ExitStack()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            self.file: DatasetReader = self._opened.enter_context(rasterio.open(path))
        self.view: Any = self.file
        if on is not None:
            height, width = on.shape_hw
            says_itself = self.file.nodata is not None or ColorInterp.alpha in self.file.colorinterp
            self.view = self._opened.enter_context(
                WarpedVRT(
                    self.file,
                    crs=on.crs,
                    transform=on.transform,
                    height=height,
                    width=width,
                    resampling=Resampling.nearest if are_classes else Resampling.bilinear,
                    tolerance=PLACE_ERROR_PX,
                    **({} if says_itself else {"add_alpha": True}),
                )
            )

    def close(self) -> None:
        self._opened.close()
