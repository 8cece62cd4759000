"""How does a raster get to disk whole or not at all?"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from ssr.atomic import discard, one_line, refuse_existing, temporary_name, whole_file
from ssr.errors import OutputError
from ssr.raster.gdal import gdal_environment
from ssr.raster.grid import Grid

BLOCK_PX = 512


@dataclass(frozen=True, kw_only=True)
class ByteBands:
    """What the bytes of a raster mean.

    Attributes:
        names: one per band.
        steps: what one step of each band is worth.
        no_data: the byte that means nothing is known.
        is_picture: the bands are red, green and blue.
        overviews: how coarser copies are made; values that are names must not be averaged.
    """

    names: tuple[str, ...]
    steps: tuple[float, ...]
    no_data: int
    is_picture: bool
    overviews: Literal["AVERAGE", "NEAREST"]


RGB = ByteBands(names=("red", "green", "blue"), steps=(1.0, 1.0, 1.0), no_data=0, is_picture=True, overviews="AVERAGE")


class CogWriter:
    """Collects blocks of a byte raster in a scratch file, then publishes a Cloud-Optimised GeoTIFF by renaming.

    Leaving the context by an exception removes everything that was written.

    Args:
        bands: what the bytes mean; by default a picture in which zero in every band is no data.
    """

    def __init__(
        self, path: Path, grid: Grid, *, tags: Mapping[str, str], overwrite: bool = False, bands: ByteBands = RGB
    ) -> None:
        refuse_existing(path, overwrite=overwrite)
        self.path = path
        self.bands = bands
        self.scratch, self.part = temporary_name(path, "scratch"), temporary_name(path)
        self.environment = gdal_environment()
        self.environment.__enter__()
        try:
            with self._reporting():
                path.parent.mkdir(parents=True, exist_ok=True)
                self.dataset = _create(self.scratch, grid, tags, bands)
        except BaseException:
            self.environment.__exit__(None, None, None)
            raise

    def write(self, rows: slice, columns: slice, block: NDArray[np.uint8]) -> None:
        """Put a `c h w` block in its place."""
        with self._reporting():
            self.dataset.write(block, window=Window.from_slices(rows, columns))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._publish()
        finally:
            self._close_quietly()
            for leftover in (self.scratch, self.part):
                discard(leftover)
            self.environment.__exit__(None, None, None)

    def _publish(self) -> None:
        with self._reporting():
            self.dataset.close()
            rasterio.shutil.copy(
                self.scratch,
                self.part,
                driver="COG",
                compress="DEFLATE",
                predictor="YES",
                blocksize=BLOCK_PX,
                overview_resampling=self.bands.overviews,
                bigtiff="IF_SAFER",
                num_threads="ALL_CPUS",
            )
            self.part.replace(self.path)

    def _close_quietly(self) -> None:
        try:
            self.dataset.close()
        except RasterioError:  # the failure that brought us here is already on its way to the user
            return

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (RasterioError, OSError) as error:
            for leftover in (self.scratch, self.part):
                discard(leftover)
            raise OutputError(f"{self.path}: cannot be written ({one_line(error)})") from error


def _create(path: Path, grid: Grid, tags: Mapping[str, str], bands: ByteBands) -> DatasetWriter:
    height, width = grid.shape_hw
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # what has no place on input has none on output
        dataset = rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=height,
            width=width,
            count=len(bands.names),
            dtype="uint8",
            crs=grid.crs,
            transform=grid.transform,
            nodata=bands.no_data,
            tiled=True,
            blockxsize=BLOCK_PX,
            blockysize=BLOCK_PX,
            interleave="pixel",
            bigtiff="if_safer",
            sparse_ok=True,
        )
    if bands.is_picture:
        dataset.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    else:
        dataset.colorinterp = (ColorInterp.gray,) + (ColorInterp.undefined,) * (len(bands.names) - 1)
        dataset.scales = bands.steps
    dataset.descriptions = bands.names
    dataset.update_tags(**tags)
    return dataset


def write_raster(
    path: Path,
    pixels: NDArray[np.generic],
    grid: Grid,
    *,
    band_names: tuple[str, ...] = ("red", "green", "blue"),
    overwrite: bool = False,
) -> None:
    """Write a small `c h w` raster as a plain GeoTIFF under a temporary name, then rename."""
    refuse_existing(path, overwrite=overwrite)
    height, width = grid.shape_hw
    with (
        whole_file(path, RasterioError) as part,
        rasterio.open(
            part,
            "w",
            driver="GTiff",
            height=height,
            width=width,
            count=len(pixels),
            dtype=pixels.dtype,
            crs=grid.crs,
            transform=grid.transform,
            nodata=0,
            compress="deflate",
        ) as dataset,
    ):
        dataset.write(pixels)
        dataset.descriptions = band_names


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write `H W 3` bytes under a temporary name, then rename."""
    with whole_file(path) as part:
        Image.fromarray(np.ascontiguousarray(pixels)).save(part, format="PNG")
