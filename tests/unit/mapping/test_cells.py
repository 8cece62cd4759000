"""Cells lie where morecantile and pyproj say, cover the ground without gaps, and have names that can be read again."""

import math

import morecantile
import numpy as np
import pytest

from ssr.errors import InputError
from ssr.mapping.cells import (
    SATLAS_CELL_PX,
    WHOLE_PX,
    area_m2_of,
    cell_named,
    land_px,
    partition_of,
    partitions_in,
    satlas_cell,
    serves_its_zone,
)
from ssr.raster.extent import EARTH_RADIUS_M, SATLAS_GSD_M

TILES = morecantile.tms.get("WebMercatorQuad")


@pytest.mark.parametrize(("x", "y"), [(0, 0), (4402, 2686), (8191, 8191), (1, 5000)])
def test_a_cell_of_satlas_is_the_tile_of_zoom_13(x, y):
    cell = satlas_cell(x, y)
    expected = TILES.bounds(morecantile.Tile(x, y, 13))
    assert cell.box() == pytest.approx((expected.left, expected.bottom, expected.right, expected.top), abs=1e-9)
    grid, bounds = cell.grid(), TILES.xy_bounds(morecantile.Tile(x, y, 13))
    assert grid.transform @ (0, 0) == pytest.approx((bounds.left, bounds.top), abs=1e-6)
    assert grid.transform @ (512, 512) == pytest.approx((bounds.right, bounds.bottom), abs=1e-6)
    assert cell.partition == f"8-{x >> 5}-{y >> 5}"


def test_partitions_of_a_box_hold_its_tiles_once():
    box = (14.93, 46.9, 15.4, 47.3)
    cells = [cell.name for partition in partitions_in("satlas", box) for cell in partition.cells()]
    expected = {f"13-{t.x}-{t.y}" for t in TILES.tiles(*box, zooms=[13])}
    assert set(cells) == expected
    assert len(cells) == len(expected)


def test_a_box_across_the_antimeridian_has_cells_on_both_sides():
    cells = {cell.name for p in partitions_in("satlas", (179.9, -17, 180.1, -16.9)) for cell in p.cells()}
    columns = {int(name.split("-")[1]) for name in cells}
    assert columns == {8189, 8190, 8191, 0, 1, 2}  # 0.1° are 2.3 cells


@pytest.mark.parametrize(
    "name", ["13-4402-2686", "33TWK-03-17", "60HZB-00-00", "01CCM-19-19", "31NAA-10-10", "33XWG-19-00"]
)
def test_names_can_be_read_again(name):
    cell = cell_named(name)
    assert cell.name == name
    assert partition_of(name) == cell.partition


@pytest.mark.parametrize("name", ["", "13-9000-1", "33TWK-20-00", "33TIK-00-00", "13-1", "61TWK-00-00", "../13-1-1"])
def test_what_names_no_cell_is_refused(name):
    with pytest.raises(InputError, match="is no cell"):
        cell_named(name)


def test_cells_of_a_square_are_aligned_with_pixels_of_products():
    cell = cell_named("33TWK-00-00")
    assert cell.epsg == 32633
    assert cell.grid().transform @ (0, 0) == (500_000, 5_000_000)
    assert cell_named("33TWK-19-19").grid().transform @ (500, 500) == (600_000, 4_900_000)
    south = cell_named("56HLH-00-00")
    assert south.epsg == 32756
    assert south.grid().transform @ (0, 0) == (300_000, 10_000_000 - 3_700_000)


def test_every_place_of_a_zone_border_lies_in_a_cell_that_serves():
    box = (11.9, 46.9, 12.1, 47.0)
    cells = [c for p in partitions_in("mgrs", box) for c in p.cells() if serves_its_zone(c)]
    rng = np.random.default_rng(0)
    for lon, lat in zip(rng.uniform(*box[::2], 40), rng.uniform(*box[1::2], 40), strict=True):
        inside = [c for c in cells if c.box()[0] <= lon <= c.box()[2] and c.box()[1] <= lat <= c.box()[3]]
        zones = {c.epsg for c in inside}
        assert (32632 if lon < 12 else 32633) in zones


def test_ground_of_all_cells_is_that_of_the_sphere_between_the_limits():
    per_row = [area_m2_of(row * SATLAS_CELL_PX, SATLAS_CELL_PX) for row in range(8192)]
    whole = 4 * math.pi * EARTH_RADIUS_M**2 * math.sin(math.radians(85.051128779806604))
    assert sum(per_row) * 8192 == pytest.approx(whole, rel=1e-9)
    assert pytest.approx(2 * math.pi * EARTH_RADIUS_M, rel=1e-12) == WHOLE_PX * SATLAS_GSD_M


def test_all_land_takes_1_6e12_pixels():
    assert land_px(149e12) == pytest.approx(1.63e12, rel=5e-3)  # 149e12 m² / (9.5546 m)²
