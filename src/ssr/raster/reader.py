"""How are pixels of one raster read, a window at a time, on its own grid or another?"""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from ssr.atomic import one_line
from ssr.errors import ImageReadError
from ssr.raster.gdal import CACHE_BYTES, gdal_environment, gdal_name, is_web_address, without_secrets
from ssr.raster.grid import Grid
from ssr.raster.placement import open_overview, overview_for, pixel_ratio, warped

DARKEST_UNIT = np.float32(1 / 255)

ToUnit = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Stored numbers `c h w` to unit range."""


class RasterReader:
    """An open raster of which some bands are read in unit range, missing pixels as zero.

    Attributes:
        peak_dn: the stored number that means white, where no other rule was given.
        grid: the grid of what `read` gives: the file's own, or the one that was asked for.
        own_grid: the file's own.
        cache_bytes: decoded blocks that GDAL keeps while this raster is read (of all open rasters together).
    """

    def __init__(
        self,
        path: Path | str,
        *,
        bands: tuple[int, ...] = (1, 2, 3),
        white_dn: float | None = None,
        to_unit: ToUnit | None = None,
        missing_dn: float | None = None,
        on: Grid | None = None,
        label: str | None = None,
    ) -> None:
        """Open a raster.

        Args:
            path: a file, an address on the web, or what GDAL calls a file.
            bands: which bands are read, from 1.
            white_dn: the stored number that means white; by default 255 for 8-bit images.
            to_unit: what stored numbers mean, instead of `white_dn`.
            missing_dn: a pixel with this number in all these bands has no data.
            on: the grid to read on. Pixels that coincide are read as they are, others are resampled bilinearly.
            label: what messages call the file.
        """
        self.path = Path(path)
        self.label = label or without_secrets(str(path))
        self.bands = bands
        self._address = str(path)
        self._name = gdal_name(self._address)
        self._online = is_web_address(self._address)
        self.cache_bytes = CACHE_BYTES
        self._missing_dn = missing_dn
        self._opened = ExitStack()
        try:
            with self._environment():
                self.dataset = self._opened.enter_context(self._open())
                self._check_bands()
                self.dtype = np.dtype(self.dataset.dtypes[bands[0] - 1])
                self.peak_dn = 1.0 if to_unit else self._peak(white_dn)
                self._to_unit: ToUnit = to_unit or self._by_peak
                self._has_mask = _declares_missing(self.dataset, bands)
                size_hw = (self.dataset.height, self.dataset.width)
                self.own_grid = Grid(self.dataset.crs or None, self.dataset.transform, size_hw)
                self.grid = on or self.own_grid
                self._steps = self.own_grid.steps_to(self.grid)
                self._view = self._on_grid(self.dataset, self.grid) if self._steps is None else None
        except BaseException:
            self._opened.close()
            raise

    def read(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """A window in unit range, `c h w`; pixels without data are zero in every channel, others are not.

        Raises:
            ImageReadError: the file is truncated or damaged there.
        """
        where = f"rows {rows.start}…{rows.stop}, columns {columns.start}…{columns.stop}"
        if self._view is not None:
            return self._read(where, self._view, window=Window.from_slices(rows, columns))
        return self._read_own(where, rows, columns, steps=(1, 1))

    def read_thinned(self, step: int) -> NDArray[np.float32]:
        """About every `step`-th row and column of the whole raster, as `read`."""
        thin, where = self.grid.coarser(step), "a thinned view"
        height, width = thin.shape_hw
        if self._view is None:
            steps = tuple(min(step, side) for side in self.grid.shape_hw)
            return self._read_own(where, slice(0, height), slice(0, width), steps=steps)
        with ExitStack() as opened, self._environment():
            level = overview_for(self.dataset, pixel_ratio(self.dataset, thin))
            coarse = opened.enter_context(open_overview(self.dataset, level))
            view = warped(coarse, thin, missing_dn=self._missing_dn or 0, opened=opened)
            return self._read(where, view)

    def _read_own(self, where: str, rows: slice, columns: slice, *, steps: tuple[int, ...]) -> NDArray[np.float32]:
        """Rows and columns of the asked-for grid, or of one so many times as coarse; zero outside of the file."""
        assert self._steps is not None, "pixels coincide"
        spans = [
            _inside(span, shift, side, step)
            for span, shift, side, step in zip((rows, columns), self._steps, self.own_grid.shape_hw, steps, strict=True)
        ]
        out = np.zeros((len(self.bands), rows.stop - rows.start, columns.stop - columns.start), np.float32)
        if any(found.start >= found.stop for found, _ in spans):
            return out
        (found_rows, own_rows), (found_columns, own_columns) = spans
        shape = (found_rows.stop - found_rows.start, found_columns.stop - found_columns.start)
        how: dict[str, Any] = {"window": Window.from_slices(own_rows, own_columns)}
        if steps != (1, 1):
            how["out_shape"] = shape
        out[:, found_rows, found_columns] = self._read(where, self.dataset, **how)
        return out

    def _read(self, where: str, source: DatasetReader, **how: Any) -> NDArray[np.float32]:
        try:
            with self._environment():
                stored = source.read(list(self.bands), **_with_bands(how, len(self.bands)))
                missing = (source.dataset_mask(**how) == 0) if self._has_mask else None
        except RasterioError as error:
            raise self._failure(f"cannot be decoded at {where}, truncated or damaged", error) from error
        unit = self._to_unit(stored.astype(np.float32))
        if missing is not None:
            unit = np.maximum(unit, DARKEST_UNIT)  # where the file says what is missing, black is not
            unit[:, missing] = 0
        if self._missing_dn is not None:
            unit[:, (stored == self._missing_dn).all(0)] = 0
        unit[:, np.isnan(unit).any(0)] = 0
        return unit

    @property
    def block_row_bytes(self) -> int:
        """What the decoded blocks take that a row of pixels crosses."""
        height = self.dataset.block_shapes[0][0]
        return int(height * self.dataset.width * len(self.bands) * self.dtype.itemsize)

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _environment(self) -> AbstractContextManager[None]:
        return gdal_environment(online=self._online, cache_bytes=self.cache_bytes)

    def _on_grid(self, dataset: DatasetReader, target: Grid) -> DatasetReader:
        if not (dataset.crs and target.crs):
            raise ImageReadError(
                f"{self.label}: is {self.own_grid} and cannot be brought to {target}; crop or warp it to one grid first"
            )
        try:
            return warped(dataset, target, missing_dn=self._missing_dn or 0, opened=self._opened)
        except (RasterioError, CPLE_BaseError) as error:
            raise ImageReadError(f"{self.label}: cannot be brought to {target} ({one_line(error)})") from error

    def _open(self) -> DatasetReader:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a PNG has no place, and may not have one
                return rasterio.open(self._name)
        except RasterioIOError as error:
            if not self._online and self.path.is_file() and self.path.stat().st_size == 0:
                raise ImageReadError(f"{self.label}: is empty (0 bytes), expected an image; get it again") from error
            failure = self._failure("cannot be opened as an image", error)
            if self._online:
                raise failure from error
            raise ImageReadError(f"{failure}; expected a GeoTIFF, JPEG 2000, PNG or other raster of GDAL's") from error

    def _failure(self, what: str, error: RasterioError) -> ImageReadError:
        """In the words of GDAL's own error where rasterio only points to it."""
        cause = error.__cause__ if isinstance(error.__cause__, CPLE_BaseError) else error
        text = f"{self.label}: {what} ({without_secrets(one_line(cause)).rstrip('.')})"
        if self._online:
            shown = without_secrets(self._address)
            what = "it" if shown == self.label else shown
            text = (
                f"{text}; {what} is not there, not allowed, damaged, or its server is gone: "
                f"try again later, or download the file and give its path"
            )
        return ImageReadError(text)

    def _check_bands(self) -> None:
        n_bands = self.dataset.count
        if max(self.bands) > n_bands:
            is_short = n_bands < len(set(self.bands))
            raise ImageReadError(
                f"{self.label}: has {n_bands} band(s), expected the model's channels in bands "
                f"{', '.join(map(str, self.bands))}; "
                f"{'get the image with all of them' if is_short else 'name them with --bands'}"
            )

    def _by_peak(self, stored: NDArray[np.float32]) -> NDArray[np.float32]:
        return (stored / np.float32(self.peak_dn)).clip(0, 1)

    def _peak(self, white_dn: float | None) -> float:
        if white_dn is not None:
            if not 0 < white_dn < float("inf"):
                raise ImageReadError(
                    f"{self.label}: white is given as {white_dn}, expected a number above 0 (--white-dn)"
                )
            return white_dn
        if self.dtype == np.uint8:
            return 255.0
        raise ImageReadError(
            f"{self.label}: holds {self.dtype} numbers, expected 8-bit true colour; if they are reflectance × 10000, "
            f"name all bands with --band-names, such as B02,B03,B04,B08; otherwise say which number is white with "
            f"--white-dn (ESA's own true colour of reflectance × 10000: 3558 in L1C, 2000 in L2A)"
        )


def _declares_missing(dataset: DatasetReader, bands: tuple[int, ...]) -> bool:
    """Whether the file itself says which pixels have no data."""
    masked = any(MaskFlags.all_valid not in dataset.mask_flag_enums[band - 1] for band in bands)
    return masked or ColorInterp.alpha in dataset.colorinterp


def _inside(span: slice, shift: int, side: int, step: int) -> tuple[slice, slice]:
    """Of rows of a (thinned) grid, those wholly inside the file, counted from the first; and the file's rows."""
    first = max(span.start, -(shift // step))
    last = min(span.stop, (side - shift) // step)
    own = slice(first * step + shift, last * step + shift)
    return slice(first - span.start, last - span.start), own


def _with_bands(how: dict[str, Any], n_bands: int) -> dict[str, Any]:
    return {key: (n_bands, *value) if key == "out_shape" else value for key, value in how.items()}


def describe(name: str) -> tuple[tuple[str | None, ...], np.dtype]:
    """What a raster calls its bands, and the kind of number it stores.

    Raises:
        ImageReadError: it cannot be opened.
    """
    with RasterReader(name, bands=(1,), to_unit=np.asarray) as reader:
        return tuple(reader.dataset.descriptions), reader.dtype
