"""How is a raster of classes read on another grid? Classes cannot be averaged: the most frequent one counts."""

import warnings

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window, from_bounds

from ssr.atomic import one_line
from ssr.errors import ImageReadError
from ssr.raster.extent import EDGE_POINTS, bounds_of
from ssr.raster.gdal import gdal_environment, gdal_name, is_web_address, without_secrets
from ssr.raster.grid import Grid

NO_CLASS = 0
LARGEST_CLASS = 255
SOMEWHERE = CRS.from_epsg(3857)
"""Stands for the coordinate system where neither raster nor grid has one."""
EDGE_PX = 2


def read_classes(name: str, on: Grid, *, band: int = 1, label: str | None = None) -> NDArray[np.uint8]:
    """One band of a raster on a grid, `h w`; 0 outside of it. Overviews are not used: some hold averages.

    Raises:
        ImageReadError: it cannot be opened or decoded, or not be brought to the grid.
    """
    what = label or without_secrets(name)
    try:
        with warnings.catch_warnings(), gdal_environment(online=is_web_address(name)):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(gdal_name(name)) as dataset:
                if (dataset.crs is None) != (on.crs is None):
                    raise ImageReadError(f"{what}: only one of it and the series has a coordinate system")
                return _on_grid(dataset, band, on)
    except (RasterioError, CPLE_BaseError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, CPLE_BaseError) else error
        raise ImageReadError(
            f"{what}: cannot be read, truncated or damaged ({without_secrets(one_line(cause))})"
        ) from error


def _on_grid(dataset: DatasetReader, band: int, on: Grid) -> NDArray[np.uint8]:
    found = np.full(on.shape_hw, NO_CLASS, np.uint8)
    window = _needed(dataset, on)
    if window is None:
        return found
    stored = dataset.read(band, window=window)
    known = np.where((stored >= 0) & (stored <= LARGEST_CLASS), stored, NO_CLASS).astype(np.uint8)
    reproject(
        known,
        found,
        src_transform=dataset.transform @ Affine.translation(window.col_off, window.row_off),
        src_crs=dataset.crs or SOMEWHERE,
        src_nodata=NO_CLASS,
        dst_transform=on.transform,
        dst_crs=on.crs or SOMEWHERE,
        dst_nodata=NO_CLASS,
        resampling=Resampling.mode,
    )
    return found


def _needed(dataset: DatasetReader, on: Grid) -> Window | None:
    """The part of a raster that shows a grid's ground; None where it shows nothing of it."""
    whole = Window(0, 0, dataset.width, dataset.height)
    if dataset.transform.b or dataset.transform.d or dataset.transform.a <= 0 or dataset.transform.e >= 0:
        return whole
    bounds = bounds_of(on)
    if dataset.crs is not None and dataset.crs != on.crs:
        bounds = transform_bounds(on.crs, dataset.crs, *bounds, densify_pts=EDGE_POINTS)
    around = from_bounds(*bounds, transform=dataset.transform)
    left, top = (max(0, int(np.floor(start)) - EDGE_PX) for start in (around.col_off, around.row_off))
    right = min(dataset.width, int(np.ceil(around.col_off + around.width)) + EDGE_PX)
    bottom = min(dataset.height, int(np.ceil(around.row_off + around.height)) + EDGE_PX)
    return Window(left, top, right - left, bottom - top) if right > left and bottom > top else None
