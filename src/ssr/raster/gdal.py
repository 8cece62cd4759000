"""How is GDAL set up while this program reads and writes?"""

import rasterio

CACHE_BYTES = 64 * 2**20
"""GDAL's default block cache is 5 % of the machine; here memory must not grow with the scene."""

LARGEST_CACHE_BYTES = 512 * 2**20
"""For a series whose blocks are large, such as eight dates of JPEG 2000 in tiles of 1024×1024."""

WEB_SCHEMES = {"http://": "/vsicurl/http://", "https://": "/vsicurl/https://", "s3://": "/vsis3/"}
NO_WEB = {"CPL_VSIL_CURL_ALLOWED_FILENAME": "/nothing"}
"""A local file (such as a VRT) may name other files; this keeps it from naming some on the web."""

PATIENCE = {
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
}


def gdal_environment(*, online: bool = False, cache_bytes: int = CACHE_BYTES) -> rasterio.Env:
    """A context with a small cache and honest errors; outside of one, GDAL writes its warnings to the terminal.

    Args:
        online: whether files on the web may be read; only where the user gave such an address.
        cache_bytes: decoded blocks that are kept; rasterio takes bytes where GDAL's documentation says megabytes.
    """
    return rasterio.Env(
        GDAL_CACHEMAX=cache_bytes,
        GDAL_NUM_THREADS="ALL_CPUS",
        # The shortcut for whole PNG files fills what is truncated with zeros and says nothing.
        GDAL_PNG_WHOLE_IMAGE_OPTIM="NO",
        **(PATIENCE if online else NO_WEB),
    )


def is_web_address(name: str) -> bool:
    """Whether a name is an address of a file on the web rather than a path."""
    return name.lower().startswith(tuple(WEB_SCHEMES))


def gdal_name(name: str) -> str:
    """How GDAL calls a file: a path as it is, an address by the driver that reads it a window at a time."""
    for scheme, prefix in WEB_SCHEMES.items():
        if name.lower().startswith(scheme):
            return prefix + name[len(scheme) :]
    return name
