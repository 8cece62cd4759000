"""Are grids joined, cut, named and projected so that every pixel lies where it should?"""

import math

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from ssr.errors import InputError, SeriesError
from ssr.raster.extent import (
    SATLAS_GSD_M,
    bounds_of,
    footprint_on,
    grid_over,
    intersection,
    lon_lat_bounds,
    named_grid,
    to_lon_lat,
    union,
    window_of,
)
from ssr.raster.grid import Grid
from tests.support.scenes import TEN_METRES, UTM33

UTM = CRS.from_string(UTM33)


def grid(row: int = 0, column: int = 0, height: int = 20, width: int = 30, crs: CRS | None = UTM) -> Grid:
    return Grid(crs, TEN_METRES @ Affine.translation(column, row), (height, width))


def test_the_satlas_pixel_is_that_of_the_original():
    assert pytest.approx(9.554628535647032, rel=1e-15) == SATLAS_GSD_M
    assert pytest.approx(156543.03392804097 / 2**14, rel=1e-14) == SATLAS_GSD_M


spans = st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9), st.integers(1, 9))


@given(st.lists(spans, min_size=1, max_size=4))
def test_intersection_and_union_hold_the_pixels_that_sets_do(boxes):
    def pixels(found: Grid | None) -> set[tuple[int, int]]:
        if found is None:
            return set()
        row, column = grid().steps_to(found)
        return {(row + y, column + x) for y in range(found.shape_hw[0]) for x in range(found.shape_hw[1])}

    grids = [grid(*box) for box in boxes]
    sets = [pixels(one) for one in grids]
    assert pixels(intersection(grids)) == set.intersection(*sets)
    assert pixels(union(grids)) >= set.union(*sets)
    rows, columns = zip(*set.union(*sets), strict=True)
    assert union(grids).shape_hw == (max(rows) - min(rows) + 1, max(columns) - min(columns) + 1)


def test_steps_are_whole_pixels_between_first_pixels():
    assert grid().steps_to(grid(3, -5)) == (3, -5)
    assert grid().steps_to(Grid(UTM, TEN_METRES @ Affine.translation(0.5, 0), (4, 4))) is None
    assert grid().steps_to(Grid(UTM, TEN_METRES @ Affine.scale(2), (4, 4))) is None
    assert grid().steps_to(grid(crs=CRS.from_epsg(32634))) is None


def test_grids_whose_pixels_do_not_coincide_are_a_mistake_of_the_programmer():
    with pytest.raises(ValueError, match="do not coincide"):
        union([grid(), Grid(UTM, TEN_METRES @ Affine.translation(0.5, 0), (4, 4))])


@pytest.mark.parametrize(
    ("bounds", "origin", "shape_hw"),
    [((0, 0, 30, 20), (0, 20), (2, 3)), ((1, 1, 29, 19), (0, 20), (2, 3)), ((-1, -1, 31, 21), (-10, 30), (4, 5)),
     ((1e-7, 0, 30 + 1e-7, 20), (0, 20), (2, 3))],
)  # fmt: skip
def test_a_grid_over_bounds_is_the_smallest_that_holds_them(bounds, origin, shape_hw):
    made = grid_over(bounds, UTM, 10)
    assert (made.transform.c, made.transform.f) == origin
    assert made.shape_hw == shape_hw


@pytest.mark.parametrize("text", ["satlas", "EPSG:3857@9", "EPSG:32634", "EPSG:4326", "EPSG:3035@20"])
def test_a_named_grid_holds_all_of_the_ground(text):
    made = named_grid(text, [grid()])
    corners = lon_lat_bounds(grid())
    left, bottom, right, top = lon_lat_bounds(made)
    assert left <= corners[0] + 1e-9
    assert bottom <= corners[1] + 1e-9
    assert right >= corners[2] - 1e-9
    assert top >= corners[3] - 1e-9


def test_without_a_pixel_size_a_pixel_keeps_its_area():
    degrees = named_grid("EPSG:4326", [grid()]).transform.a
    across = 10 / (111_320 * math.cos(math.radians(45.15)))
    assert degrees == pytest.approx(math.sqrt(across * 10 / 111_132), rel=0.01)
    assert named_grid(UTM33, [grid()]).transform.a == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [("EPSG:9", "expected native, satlas"), ("here", "expected native"), ("EPSG:3857@x", "expected native"),
     ("EPSG:3857@0", "expected a number above 0"), ("EPSG:3857@-5", "above 0"), ("EPSG:3857@inf", "above 0"),
        ("EPSG:5773", "neither a map nor a degree system"), ("EPSG:3857@1e-9", "choose larger pixels")],
)  # fmt: skip
def test_what_is_no_grid_is_refused(text, message, capfd):
    with pytest.raises(InputError, match=f"--grid {text}: .*{message}"):
        named_grid(text, [grid()])
    assert capfd.readouterr().err == ""  # GDAL and PROJ keep quiet


def test_the_antimeridian_is_refused_where_the_grid_ends_there():
    """Zone 1 reaches across 180°, as the products of tile 01LAC do."""
    across = Grid(CRS.from_epsg(32701), Affine(10, 0, 99_960, 0, -10, 8_600_020), (10980, 10980))
    west, _, east, _ = lon_lat_bounds(across)
    assert west > 0 > east
    for text in ("satlas", "EPSG:4326"):
        with pytest.raises(InputError, match="lie across the antimeridian"):
            named_grid(text, [across])
    assert named_grid("EPSG:32760@10", [across]).shape_hw[0] >= 10980


def test_an_area_across_the_antimeridian_is_found():
    across = Grid(CRS.from_epsg(32701), Affine(10, 0, 99_960, 0, -10, 8_600_020), (10980, 10980))
    ring = [(lon, lat) for lon in (179.9, 180.1) for lat in (-12.8, -12.9)]
    assert window_of(ring, across, what="x").shape_hw[1] == pytest.approx(0.2 * 108_500 / 10, rel=0.02)


def test_a_window_holds_its_points_and_stays_inside():
    lons, lats = zip(*to_lon_lat([(500_055, 4_999_945), (500_105, 4_999_895)], UTM33, what="x"), strict=True)
    ring = [(lon, lat) for lon in lons for lat in lats]
    assert window_of(ring, grid(), what="x").shape_hw == (6, 6)
    everywhere = [(14.0, 44.0), (16.0, 46.0)]
    assert window_of(everywhere, grid(), what="x") == grid()
    with pytest.raises(SeriesError, match=r"x: lies outside of the images, which show 15\.00"):
        window_of([(1.0, 1.0), (2.0, 2.0)], grid(), what="x")
    with pytest.raises(InputError, match="no coordinate system"):
        window_of(ring, grid(crs=None), what="x")


@pytest.mark.parametrize(("lon", "lat", "is_swapped"), [(45.15, 15.0, True), (15.0, 40.0, False), (139.0, 35.0, False)])
def test_an_area_whose_degrees_are_swapped_is_told_so(lon: float, lat: float, is_swapped: bool):
    ring = [(lon - 0.1, lat - 0.1), (lon + 0.1, lat + 0.1)]
    with pytest.raises(SeriesError, match="lies outside") as caught:
        window_of(ring, grid(), what="x")
    assert ("seem to be swapped, give longitude first" in str(caught.value)) == is_swapped


def test_a_footprint_of_another_zone_lies_around_the_same_ground():
    other = named_grid("EPSG:32634@10", [grid()])
    found = footprint_on(grid(), other)
    assert intersection([grid(), found]) == grid()
    assert max(found.shape_hw) < 60


def test_bounds_of_a_rotated_grid_hold_its_corners():
    turned = Grid(UTM, Affine.rotation(45) @ Affine.scale(10, -10), (10, 10))
    half = 100 / math.sqrt(2)
    assert bounds_of(turned) == pytest.approx((0, -half, 2 * half, half))


def test_ground_outside_of_a_system_is_refused():
    nowhere = Grid(UTM, Affine(10, 0, 5e9, 0, -10, 5e9), (100, 100))
    with pytest.raises(InputError, match="do not lie where it is defined"):
        named_grid("satlas", [nowhere])
