"""How does an array become a raster that is read like a file?"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from ssr.raster.gdal import gdal_environment
from ssr.raster.grid import Grid


@contextmanager
def memory_raster(pixels: NDArray[np.generic], grid: Grid, *, nodata: float | None = None) -> Iterator[str]:
    """What GDAL calls a file in memory with these `c h w` numbers, until the context ends."""
    count, height, width = pixels.shape
    with MemoryFile(ext=".tif") as file:
        with gdal_environment(), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # an array may have no place
            with file.open(
                driver="GTiff",
                count=count,
                height=height,
                width=width,
                dtype=pixels.dtype,
                crs=grid.crs,
                transform=grid.transform,
                nodata=nodata,
            ) as dataset:
                dataset.write(pixels)
        yield file.name
