"""Does a grid know where its pixels lie?"""

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from ssr.raster.grid import Grid, stand_in_grid
from tests.support.scenes import TEN_METRES, UTM33

ROTATED = Affine.translation(300_000, 4_000_000) @ Affine.rotation(30) @ Affine.scale(10, -10)


def grid(transform: Affine = TEN_METRES, shape_hw: tuple[int, int] = (20, 30), crs: str | None = UTM33) -> Grid:
    return Grid(CRS.from_string(crs) if crs else None, transform, shape_hw)


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("transform", [TEN_METRES, ROTATED, Affine(1e-4, 0, 12.3, 0, -1e-4, 45.6)])
def test_finer_pixels_cover_the_same_ground(transform: Affine, scale: int) -> None:
    coarse = grid(transform)
    fine = coarse.finer(scale)
    assert (fine.transform.c, fine.transform.f) == (transform.c, transform.f)
    assert fine.shape_hw == (20 * scale, 30 * scale)
    assert fine.crs == coarse.crs
    for x, y in ((30, 20), (7, 5)):
        assert fine.transform @ (scale * x, scale * y) == pytest.approx(transform @ (x, y), rel=1e-14)


def test_ten_metres_become_exactly_two_and_a_half() -> None:
    assert grid().finer(4).transform == Affine(2.5, 0, 500_000, 0, -2.5, 5_000_000)


@pytest.mark.parametrize("transform", [TEN_METRES, ROTATED, Affine(0, 10, 5, 10, 0, 7)])
@given(dx=st.floats(-0.007, 0.007), dy=st.floats(-0.007, 0.007))
def test_less_than_a_hundredth_of_a_pixel_is_the_same_place(transform: Affine, dx: float, dy: float) -> None:
    moved = Affine.translation(dx * 10, dy * 10) @ transform
    assert grid(transform).same_place(grid(moved))


@pytest.mark.parametrize(
    "other",
    [
        grid(shape_hw=(20, 31)),
        grid(crs="EPSG:32634"),
        grid(crs=None),
        grid(TEN_METRES @ Affine.translation(0.02, 0)),
        grid(TEN_METRES @ Affine.translation(0, -1)),
        grid(Affine(20, 0, 500_000, 0, -20, 5_000_000)),
        grid(ROTATED),
    ],
    ids=["size", "zone", "no zone", "a fiftieth of a pixel", "a row", "pixel size", "rotation"],
)
def test_other_ground_is_told_apart(other: Grid) -> None:
    assert not grid().same_place(other)
    assert not other.same_place(grid())


def test_a_pixel_size_that_drifts_by_pixels_over_the_image_is_other_ground() -> None:
    drifting = Affine(10.05, 0, 500_000, 0, -10.05, 5_000_000)  # five pixels off at the far corner
    assert not grid(shape_hw=(1000, 1000)).same_place(grid(drifting, shape_hw=(1000, 1000)))


def test_description_shows_size_place_and_origin() -> None:
    assert str(grid()) == "30×20 px, EPSG:32633, origin (500000, 5000000)"
    assert "no coordinate system" in str(grid(crs=None))


def test_stand_in_lies_at_null_island() -> None:
    place = stand_in_grid((5, 7), 10.0)
    assert place.crs == CRS.from_epsg(32631)
    assert place.transform == Affine(10, 0, 166021.4431, 0, -10, 0)  # 0°N 0°E in UTM 31N
