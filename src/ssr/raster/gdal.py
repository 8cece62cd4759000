"""How is GDAL set up while this program reads and writes?"""

import rasterio

CACHE_MB = 64
"""GDAL's default block cache is 5 % of the machine; here memory must not grow with the scene."""


def gdal_environment() -> rasterio.Env:
    """A context with a small cache and honest errors; outside of one, GDAL writes its warnings to the terminal."""
    return rasterio.Env(
        GDAL_CACHEMAX=CACHE_MB,
        GDAL_NUM_THREADS="ALL_CPUS",
        # The shortcut for whole PNG files fills what is truncated with zeros and says nothing.
        GDAL_PNG_WHOLE_IMAGE_OPTIM="NO",
    )
