"""How does a raster get to disk whole or not at all?"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.windows import Window

from ssr.errors import OutputError
from ssr.raster.grid import Grid

GDAL_CACHE_MB = 64
"""GDAL's default cache is 5 % of the machine; here memory must not grow with the scene."""
BLOCK_PX = 512


class CogWriter:
    """Collects blocks of an RGB byte raster in a scratch file, then publishes a Cloud-Optimised GeoTIFF by renaming.

    Zero in every band is no data. Leaving the context by an exception removes everything that was written.
    """

    def __init__(self, path: Path, grid: Grid, *, tags: Mapping[str, str], overwrite: bool = False) -> None:
        refuse_existing(path, overwrite=overwrite)
        self.path = path
        self.scratch = path.with_name(f".{path.name}.{os.getpid()}.scratch.tif")
        self.part = path.with_name(f".{path.name}.{os.getpid()}.part.tif")
        height, width = grid.shape_hw
        self.environment = rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB, GDAL_NUM_THREADS="ALL_CPUS")
        self.environment.__enter__()
        with self._reporting():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.dataset = rasterio.open(
                self.scratch,
                "w",
                driver="GTiff",
                height=height,
                width=width,
                count=3,
                dtype="uint8",
                crs=grid.crs,
                transform=grid.transform,
                nodata=0,
                tiled=True,
                blockxsize=BLOCK_PX,
                blockysize=BLOCK_PX,
                interleave="pixel",
                bigtiff="if_safer",
                sparse_ok=True,
            )
            self.dataset.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
            self.dataset.descriptions = ("red", "green", "blue")
            self.dataset.update_tags(**tags)

    def write(self, rows: slice, columns: slice, block: NDArray[np.uint8]) -> None:
        """Put a `3 h w` block in its place."""
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
                leftover.unlink(missing_ok=True)
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
                overview_resampling="AVERAGE",
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
                leftover.unlink(missing_ok=True)
            raise OutputError(f"{self.path}: cannot be written ({' '.join(str(error).split())[:200]})") from error


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
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    height, width = grid.shape_hw
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(
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
        ) as dataset:
            dataset.write(pixels)
            dataset.descriptions = band_names
        part.replace(path)
    except (RasterioError, OSError) as error:
        raise OutputError(f"{path}: cannot be written ({' '.join(str(error).split())[:200]})") from error
    finally:
        part.unlink(missing_ok=True)


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write `H W 3` bytes under a temporary name, then rename."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(pixels)).save(part, format="PNG")
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error})") from error
    finally:
        part.unlink(missing_ok=True)


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise OutputError when the file is there and may not be replaced."""
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; pass --overwrite to replace it")
