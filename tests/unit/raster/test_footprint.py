"""Is the ground that a grid shows outlined as GeoJSON wants it?"""

import math
from itertools import pairwise

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.warp import transform_geom

from ssr.raster.extent import lon_lat_bounds
from ssr.raster.footprint import DECIMALS, footprint_of, pixel_on_ground_m
from ssr.raster.grid import Grid
from tests.support.scenes import TEN_METRES, UTM33

ROUNDED = 10.0**-DECIMALS
DEGREES, FIJI, POLAR = CRS.from_epsg(4326), CRS.from_epsg(32701), CRS.from_epsg(3413)
FIJI_GRID = Grid(FIJI, Affine(10, 0, 160_000, 0, -10, 8_120_000), (10_980, 10_980))


def area(ring) -> float:
    return sum(x * b - a * y for (x, y), (a, b) in pairwise(ring)) / 2


def degrees_grid(west: float, north: float, width: int = 20, height: int = 10, step: float = 0.1) -> Grid:
    return Grid(DEGREES, Affine(step, 0, west, 0, -step, north), (height, width))


def test_a_rectangle_of_degrees_is_itself():
    found = footprint_of(degrees_grid(8, 47))
    assert found.bbox == pytest.approx((8, 46, 10, 47), abs=ROUNDED)
    assert found.geometry["type"] == "Polygon"
    assert area(found.rings[0]) == pytest.approx(2.0, abs=1e-5)


def test_rings_are_closed_and_run_anticlockwise_whichever_way_rows_run():
    up = Grid(DEGREES, Affine(0.1, 0, 8, 0, 0.1, 46), (10, 20))
    for grid in (degrees_grid(8, 47), up, FIJI_GRID):
        for ring in footprint_of(grid).rings:
            assert ring[0] == ring[-1]
            assert area(ring) > 0


def farthest_m(points, ring) -> float:
    """The largest distance of points from a line of segments, on a plane that touches their middle."""
    scale = np.array([111_320 * math.cos(math.radians(points[0][1])), 111_320])
    placed, line = np.array(points) * scale, np.array(ring) * scale
    start, along = line[:-1], np.diff(line, axis=0)
    share = np.einsum("psk,sk->ps", placed[:, None] - start, along) / (along**2).sum(1)
    near = start + share.clip(0, 1)[..., None] * along
    return float(np.linalg.norm(placed[:, None] - near, axis=2).min(1).max())


def test_a_granule_bends_with_its_parallel():
    """Against GDAL's transformation of 400 points to a side: within 1 m, where corners alone are 100 m beside."""
    grid = Grid(CRS.from_string(UTM33), TEN_METRES, (10_980, 10_980))
    side, n = 109_800, 400
    steps = [side * k / n for k in range(n)]
    x, y = TEN_METRES.c, TEN_METRES.f
    ring = [(x, y - s) for s in steps] + [(x + s, y - side) for s in steps]
    ring += [(x + side, y - side + s) for s in steps] + [(x + side - s, y) for s in steps] + [(x, y)]
    fine = transform_geom(grid.crs, DEGREES, {"type": "Polygon", "coordinates": [ring]})["coordinates"][0]
    assert farthest_m(fine, footprint_of(grid).rings[0]) < 1
    assert farthest_m(fine, [fine[k * n] for k in (0, 1, 2, 3, 0)]) > 100


def test_a_rectangle_across_the_antimeridian_is_cut_in_two():
    found = footprint_of(degrees_grid(179, 11))
    assert found.geometry["type"] == "MultiPolygon"
    spans = [(min(x for x, _ in ring), max(x for x, _ in ring)) for ring in found.rings]
    assert spans == [pytest.approx((179, 180)), pytest.approx((-180, -179))]
    assert [area(ring) for ring in found.rings] == pytest.approx([1, 1], abs=1e-5)
    assert found.bbox == pytest.approx((179, 10, -179, 11), abs=ROUNDED)


def test_a_granule_across_the_antimeridian_has_the_bounds_that_gdal_finds():
    found = footprint_of(FIJI_GRID)
    assert len(found.rings) == 2
    assert found.bbox == pytest.approx(lon_lat_bounds(FIJI_GRID), abs=1e-5)
    assert found.bbox[0] > found.bbox[2]


def test_a_grid_that_ends_at_the_antimeridian_is_whole():
    found = footprint_of(degrees_grid(178, 11))
    assert found.geometry["type"] == "Polygon"
    assert found.bbox == pytest.approx((178, 10, 180, 11))


def test_a_grid_around_the_pole_holds_it():
    """A square about the pole reaches 90°, and every longitude."""
    grid = Grid(POLAR, Affine(1000, 0, -100_000, 0, -1000, 100_000), (200, 200))
    found = footprint_of(grid)
    assert found.bbox[0::2] == (-180, 180)
    assert found.bbox[3] == 90
    mean_colatitude = sum(area(ring) for ring in found.rings) / 360
    inner, outer = (math.degrees(r / 6_371_000) for r in (100_000, 100_000 * math.sqrt(2)))
    assert inner * 0.95 < mean_colatitude < outer * 1.05


def test_without_a_place_on_earth_there_is_none():
    assert footprint_of(Grid(None, TEN_METRES, (10, 10))) is None
    site = CRS.from_wkt('LOCAL_CS["a building site",UNIT["metre",1]]')
    assert footprint_of(Grid(site, TEN_METRES, (10, 10))) is None
    assert footprint_of(Grid(CRS.from_string(UTM33), Affine(1e9, 0, 1e12, 0, -1e9, 1e12), (10, 10))) is None


@given(
    west=st.floats(-180, 179.9),
    north=st.floats(-60, 80),
    width=st.integers(1, 3000),
    height=st.integers(1, 100),
    step=st.sampled_from([0.001, 0.01, 0.1]),
)
def test_no_ground_is_lost_or_made_wherever_a_grid_lies(west, north, width, height, step):
    found = footprint_of(degrees_grid(west, north, width, height, step))
    assert sum(area(ring) for ring in found.rings) == pytest.approx(width * height * step**2, rel=1e-3, abs=1e-5)
    assert all(-180 <= x <= 180 for ring in found.rings for x, _ in ring)


def test_a_pixel_on_the_ground_is_known_only_where_its_place_is():
    mercator = Grid(CRS.from_epsg(3857), Affine(10, 0, 0, 0, -10, 8_399_737.89), (2, 2))  # 60° north
    assert pixel_on_ground_m(mercator) == pytest.approx(5, rel=0.01)  # half as long there, as the cosine of 60°
    site = CRS.from_wkt('LOCAL_CS["a building site",UNIT["metre",1]]')
    assert pixel_on_ground_m(Grid(None, TEN_METRES, (2, 2))) is None
    assert pixel_on_ground_m(Grid(site, TEN_METRES, (2, 2))) is None
