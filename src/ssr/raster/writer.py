"""How does a raster get to disk whole or not at all?"""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from PIL import Image
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from ssr.atomic import refuse_existing, whole_file
from ssr.raster.gdal import gdal_environment
from ssr.raster.grid import Grid
from ssr.raster.layout import RGB, Layout
from ssr.raster.strips import BLOCK_PX


def publish_cog(source: Path, target: Path, layout: Layout) -> None:
    """Copy a raster that GDAL reads into a Cloud-Optimised GeoTIFF, which appears by renaming.

    Raises:
        OutputError: the disk is full, the folder cannot be written.
    """
    with (
        whole_file(target, RasterioError, CPLE_BaseError) as part,
        gdal_environment(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # what has no place on input has none on output
        rasterio.shutil.copy(
            source,
            part,
            driver="COG",
            compress="DEFLATE",
            predictor="YES",
            blocksize=BLOCK_PX,
            overview_resampling=layout.overviews,
            bigtiff="IF_SAFER",
            num_threads="ALL_CPUS",
        )


def write_raster(
    path: Path,
    pixels: NDArray[np.generic],
    grid: Grid,
    *,
    band_names: tuple[str, ...] = RGB.names,
    tags: Mapping[str, str] | None = None,
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
            # Four bands of numbers are not colours and transparency.
            photometric="RGB" if band_names[:3] == RGB.names else "MINISBLACK",
            alpha="NO",
        ) as dataset,
    ):
        dataset.write(pixels)
        dataset.descriptions = band_names
        dataset.update_tags(**(tags or {}))


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write `H W 3` bytes under a temporary name, then rename."""
    with whole_file(path) as part:
        Image.fromarray(np.ascontiguousarray(pixels)).save(part, format="PNG")
