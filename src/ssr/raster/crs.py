"""Which coordinate system does a text name?"""

from rasterio.crs import CRS
from rasterio.errors import CRSError

from ssr.atomic import one_line
from ssr.errors import InputError
from ssr.raster.gdal import gdal_environment


def parse_crs(text: str | None, *, what: str) -> CRS | None:
    """A code or well-known text; None for none.

    Raises:
        InputError: it names no coordinate system.
    """
    if text is None:
        return None
    try:
        with gdal_environment():
            return CRS.from_user_input(text)
    except CRSError as error:
        raise InputError(f"{what}: its coordinate system {text[:60]!r} is not known ({one_line(error)})") from error
