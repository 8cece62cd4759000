"""How are pixels of one raster read, a window at a time?"""

import warnings
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from ssr.atomic import one_line
from ssr.errors import ImageReadError
from ssr.raster.gdal import gdal_environment
from ssr.raster.grid import Grid

DARKEST_UNIT = np.float32(1 / 255)


class RasterReader:
    """An open raster of which three bands are read as bytes or 16-bit numbers, missing pixels as zero.

    Attributes:
        peak_dn: the stored number that means white.
    """

    def __init__(self, path: Path, *, bands: tuple[int, ...] = (1, 2, 3), white_dn: float | None = None) -> None:
        self.path = path
        self.bands = bands
        with gdal_environment():
            self.dataset = self._open()
            self._check_bands()
            self.dtype = np.dtype(self.dataset.dtypes[bands[0] - 1])
            self.peak_dn = self._peak(white_dn)
            crs, transform = self.dataset.crs or None, self.dataset.transform
            self.grid = Grid(crs, transform, (self.dataset.height, self.dataset.width))
            self._has_mask = (
                any(MaskFlags.all_valid not in self.dataset.mask_flag_enums[band - 1] for band in bands)
                or ColorInterp.alpha in self.dataset.colorinterp
            )

    def read(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """A window in unit range, `c h w`; pixels without data are zero in every channel, others are not.

        Raises:
            ImageReadError: the file is truncated or damaged there.
        """
        window = Window.from_slices(rows, columns)
        where = f"rows {rows.start}…{rows.stop}, columns {columns.start}…{columns.stop}"
        return self._read(where, window=window)

    def read_thinned(self, step: int) -> NDArray[np.float32]:
        """About every `step`-th row and column of the whole raster, as `read`."""
        height, width = (max(1, side // step) for side in self.grid.shape_hw)
        return self._read("a thinned view", out_shape=(height, width))

    def _read(self, where: str, **how: Any) -> NDArray[np.float32]:
        try:
            with gdal_environment():
                stored = self.dataset.read(list(self.bands), **_with_bands(how, len(self.bands)))
                missing = (self.dataset.dataset_mask(**how) == 0) if self._has_mask else None
        except RasterioError as error:
            raise ImageReadError(
                f"{self.path}: cannot be decoded at {where}, truncated or damaged ({one_line(error)})"
            ) from error
        unit = (stored.astype(np.float32) / np.float32(self.peak_dn)).clip(0, 1)
        if missing is not None:
            unit = np.maximum(unit, DARKEST_UNIT)  # where the file says what is missing, black is not
            unit[:, missing] = 0
        unit[:, np.isnan(unit).any(0)] = 0
        return unit

    def close(self) -> None:
        self.dataset.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> DatasetReader:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a PNG has no place, and may not have one
                return rasterio.open(self.path)
        except RasterioIOError as error:
            raise ImageReadError(f"{self.path}: cannot be opened as an image ({one_line(error)})") from error

    def _check_bands(self) -> None:
        if max(self.bands) > self.dataset.count:
            raise ImageReadError(
                f"{self.path}: has {self.dataset.count} band(s), expected red, green and blue in bands "
                f"{', '.join(map(str, self.bands))}; name them with --bands"
            )

    def _peak(self, white_dn: float | None) -> float:
        if white_dn is not None:
            if not 0 < white_dn < float("inf"):
                raise ImageReadError(
                    f"{self.path}: white is given as {white_dn}, expected a number above 0 (--white-dn)"
                )
            return white_dn
        if self.dtype == np.uint8:
            return 255.0
        raise ImageReadError(
            f"{self.path}: holds {self.dtype} numbers, expected 8-bit true colour; say which number is white, such as "
            f"--white-dn 3558 for L1C reflectance × 10000 (ESA's own true-colour stretch)"
        )


def _with_bands(how: dict[str, Any], n_bands: int) -> dict[str, Any]:
    return {key: (n_bands, *value) if key == "out_shape" else value for key, value in how.items()}
