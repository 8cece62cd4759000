"""How is GDAL set up while this program reads and writes, and what may be told of the addresses it reads?"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.session import DummySession

from ssr.errors import SSRError

CACHE_BYTES = 64 * 2**20
"""GDAL's default block cache is 5 % of the machine; here memory must not grow with the scene."""

LARGEST_CACHE_BYTES = 1280 * 2**20
"""For a series whose blocks are large, such as eight dates of JPEG 2000 in tiles of 1024×1024."""

WEB_SCHEMES = {"http://": "/vsicurl/http://", "https://": "/vsicurl/https://", "s3://": "/vsis3/"}
NO_WEB = {"CPL_VSIL_CURL_ALLOWED_FILENAME": "/nothing", "GDAL_NUM_THREADS": "ALL_CPUS"}
"""A local file (such as a VRT) may name other files; this keeps it from naming some on the web."""

PATIENCE = {
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_HTTP_LOW_SPEED_TIME": "20",  # a line that brings less than this many bytes a second for so long is dead
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    # Threads of GDAL's own do not see these settings: they would not try again, and write errors to the terminal.
    "GDAL_NUM_THREADS": "1",
    "GDAL_HTTP_ENABLE_ADVISE_READ": "NO",
}

_QUERY = r"\?[^\s'\"]*?(?=[:,;.)]*(?:[\s'\"]|$))"
_ADDRESS = re.compile(rf"([a-z][a-z0-9+.-]*://)(?:[^/\s'\"?#@]*@)?([^\s'\"?#]*)({_QUERY})?", re.IGNORECASE)
_SIGNED_NAME = re.compile(rf"(\.(?:tiff?|jp2|vrt|png|jpe?g)){_QUERY}", re.IGNORECASE)


@contextmanager
def gdal_environment(*, online: bool = False, cache_bytes: int | None = CACHE_BYTES) -> Iterator[None]:
    """A context with a small cache and honest errors; outside of one, GDAL writes its warnings to the terminal.

    Errors that leave it name addresses without what can hold secrets.

    Args:
        online: whether files on the web may be read; only where the user gave such an address.
        cache_bytes: decoded blocks that are kept, of the whole process; None leaves what others have set, for to
            make it smaller drops blocks that they need again. (rasterio takes bytes where GDAL's documentation says
            megabytes.)
    """
    cache = {} if cache_bytes is None else {"GDAL_CACHEMAX": cache_bytes}
    try:
        with rasterio.Env(
            session=DummySession(),  # GDAL reads AWS_… itself, whether or not boto3 happens to be installed
            # The shortcut for whole PNG files fills what is truncated with zeros and says nothing.
            GDAL_PNG_WHOLE_IMAGE_OPTIM="NO",
            **cache,
            **(PATIENCE if online else NO_WEB),
        ):
            yield
    except (RasterioError, SSRError) as error:
        _keep_secrets(error)
        raise


def is_web_address(name: str) -> bool:
    """Whether a name is an address of a file on the web rather than a path."""
    return name.lower().startswith(tuple(WEB_SCHEMES))


def gdal_name(name: str) -> str:
    """How GDAL calls a file: a path as it is, an address by the driver that reads it a window at a time."""
    for scheme, prefix in WEB_SCHEMES.items():
        if name.lower().startswith(scheme):
            return prefix + name[len(scheme) :]
    return name


def without_secrets(text: str) -> str:
    """A text whose addresses may be printed and recorded: without users, passwords and queries."""
    shortened = _ADDRESS.sub(lambda found: found[1] + found[2] + ("?…" if found[3] else ""), text)
    return _SIGNED_NAME.sub(r"\1?…", shortened)


def _keep_secrets(error: BaseException | None) -> None:
    """Take secrets out of an error and of those that caused it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, CPLE_BaseError):
            error.errmsg = without_secrets(error.errmsg)
        else:
            error.args = tuple(without_secrets(part) if isinstance(part, str) else part for part in error.args)
        error = error.__cause__ or error.__context__
