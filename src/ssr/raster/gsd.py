"""How many metres on the ground is a pixel?

Measured on the ellipsoid at the middle of the raster, so that degrees and Web-Mercator metres, which shrink with
latitude, are not taken for metres.
"""

import math

from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform

from ssr.atomic import one_line
from ssr.errors import InputError
from ssr.raster.grid import Grid

EQUATOR_RADIUS_M = 6_378_137.0
ECCENTRICITY_SQUARED = 0.006_694_379_990_14
"""Of WGS 84."""
SHEAR = 1e-6
FARTHEST = 1e9
"""No coordinate on Earth is larger, and PROJ does not come back from numbers that are much larger."""


def ground_distance_m(grid: Grid) -> tuple[float, float]:
    """Height and width of the pixel in the middle, in metres.

    Raises:
        InputError: no coordinate system, rotated or sheared, or a system without a place on Earth.
    """
    if grid.crs is None:
        raise InputError("has no coordinate system, so the size of its pixels on the ground is not known")
    step = grid.transform
    if abs(step.b) + abs(step.d) > SHEAR * (abs(step.a) + abs(step.e)):
        raise InputError("is rotated against its coordinate system; warp it north-up first, such as with gdalwarp")
    height, width = grid.shape_hw
    row, column = height / 2, width / 2
    corners = [step @ (column, row), step @ (column, row + 1), step @ (column + 1, row)]
    if not all(abs(value) < FARTHEST for corner in corners for value in corner):
        raise InputError("lies outside of its coordinate system")
    try:
        longitudes, latitudes = transform(grid.crs, "EPSG:4326", *zip(*corners, strict=True))
    except (CRSError, RasterioError) as error:
        raise InputError(f"has a coordinate system without a place on Earth ({one_line(error)})") from error
    if not all(map(math.isfinite, (*longitudes, *latitudes))):
        raise InputError("lies outside of its coordinate system")
    here, below, beside = zip(longitudes, latitudes, strict=True)
    return _distance_m(here, below), _distance_m(here, beside)


def _distance_m(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Between two places (longitude, latitude) that lie close together."""
    latitude = math.radians((here[1] + there[1]) / 2)
    flattened = 1 - ECCENTRICITY_SQUARED * math.sin(latitude) ** 2
    to_north_m = EQUATOR_RADIUS_M * (1 - ECCENTRICITY_SQUARED) / flattened**1.5
    to_east_m = EQUATOR_RADIUS_M / math.sqrt(flattened) * math.cos(latitude)
    turn = (there[0] - here[0] + 180) % 360 - 180
    return math.hypot(to_north_m * math.radians(there[1] - here[1]), to_east_m * math.radians(turn))
