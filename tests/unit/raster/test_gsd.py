"""Is the size of a pixel on the ground what geodesy says, in every kind of coordinate system?"""

import math

import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from ssr.errors import InputError
from ssr.raster.grid import Grid
from ssr.raster.gsd import ground_distance_m


def grid(crs: str | None, x: float, y: float, width: float, height: float) -> Grid:
    """Two by two pixels around a place."""
    return Grid(CRS.from_string(crs) if crs else None, Affine(width, 0, x - width, 0, -height, y + height), (2, 2))


@pytest.mark.parametrize("gsd_m", [0.3, 1.0, 10.0])
def test_on_the_central_meridian_of_utm_metres_are_longer_by_its_scale(gsd_m: float) -> None:
    """UTM shrinks its central meridian to 0.9996."""
    found = ground_distance_m(grid("EPSG:32631", 500_000, 4_000_000, gsd_m, gsd_m))
    assert found == pytest.approx((gsd_m / 0.9996, gsd_m / 0.9996), rel=1e-6)


def test_a_degree_at_the_equator_has_its_textbook_length() -> None:
    """Of WGS 84: 110,574 m to the north and 111,320 m to the east, from its axes."""
    small = 1e-5
    height, width = ground_distance_m(grid("EPSG:4326", 10, 0, small, small))
    assert height / small == pytest.approx(110_574.3, abs=0.5)
    assert width / small == pytest.approx(math.radians(1) * 6_378_137, abs=0.5)


def test_a_pixel_of_degrees_is_narrower_than_high() -> None:
    height, width = ground_distance_m(grid("EPSG:4326", 10, 60, 1e-5, 1e-5))
    assert width / height == pytest.approx(0.5, rel=0.01)


def test_metres_of_web_mercator_shrink_with_latitude() -> None:
    """S2-NAIP's 9.555 m at zoom 17 × 1/32 are 6.76 m at 45°, about cos 45°."""
    (x,), (y,) = transform("EPSG:4326", "EPSG:3857", [10], [45])
    height, width = ground_distance_m(grid("EPSG:3857", x, y, 9.555, 9.555))
    assert height == pytest.approx(9.555 * math.cos(math.radians(45)), rel=0.005)
    assert width == pytest.approx(9.555 * math.cos(math.radians(45)), rel=0.005)


def test_feet_are_no_metres() -> None:
    """EPSG:2272 counts in US survey feet of 0.3048006 m."""
    (x,), (y,) = transform("EPSG:4326", "EPSG:2272", [-77.0], [40.5])
    assert ground_distance_m(grid("EPSG:2272", x, y, 1, 1))[0] == pytest.approx(0.3048, rel=1e-3)


def test_a_place_at_the_date_line_is_no_exception() -> None:
    height, width = ground_distance_m(grid("EPSG:4326", 180 - 5e-6, 0, 1e-5, 1e-5))
    assert width == pytest.approx(height, rel=0.01)


def test_what_has_no_place_or_is_rotated_is_refused() -> None:
    with pytest.raises(InputError, match="no coordinate system"):
        ground_distance_m(grid(None, 0, 0, 1, 1))
    turned = Grid(CRS.from_string("EPSG:32631"), Affine.translation(5e5, 4e6) @ Affine.rotation(3), (2, 2))
    with pytest.raises(InputError, match=r"rotated.*gdalwarp"):
        ground_distance_m(turned)
    with pytest.raises(InputError, match=r"lies outside|place on Earth"):
        ground_distance_m(grid("EPSG:3857", 1e300, 1e300, 1, 1))
