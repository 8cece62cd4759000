from pathlib import Path

import pytest
from affine import Affine
from rasterio.crs import CRS

from ssr.errors import SeriesError
from ssr.raster.grid import Grid
from ssr.scenes.acquisition import Bands
from ssr.scenes.promised import refuse_enlargement, shrunken
from ssr.scenes.series import open_series

PROMISED = Bands("a product", {}, full_size_px=10_980)


def utm(n_columns: int, gsd_m: float) -> Grid:
    return Grid(CRS.from_epsg(32633), Affine(gsd_m, 0, 5e5, 0, -gsd_m, 5e6), (n_columns, n_columns))


def test_smaller_images_than_promised_are_noted() -> None:
    note = shrunken(PROMISED, utm(439, 250.1))
    assert note is not None
    assert "smaller than the 10980 columns" in note.text
    assert shrunken(PROMISED, utm(10_980, 10)) is None
    assert shrunken(Bands("a raster", {}), utm(20, 10)) is None


@pytest.mark.parametrize("target_m", [10.0, 100.0, 166.0])
def test_shrunken_images_are_not_enlarged(target_m: float) -> None:
    message = r"a product: its images have 439 columns of 250.09 m, not the 10980 of 10 m .* would be enlarged"
    with pytest.raises(SeriesError, match=message):
        refuse_enlargement(PROMISED, utm(439, 250), utm(50, target_m))


@pytest.mark.parametrize(
    ("own", "target"),
    [
        (utm(439, 250), utm(439, 250)),
        (utm(439, 250), utm(439, 170)),
        (utm(439, 250), utm(439, 900)),
        (utm(10_980, 10), utm(50, 5)),  # whole: what becomes of it is the user's to say
        (utm(9_000, 12.2), utm(50, 5)),  # only a little smaller
        (Grid(None, Affine.identity(), (439, 439)), Grid(None, Affine.identity(), (439, 439))),
    ],
)
def test_whole_ones_and_grids_of_about_the_same_pixels_are_read(own: Grid, target: Grid) -> None:
    refuse_enlargement(PROMISED, own, target)


@pytest.mark.shared
def test_a_real_product_of_twenty_pixels_is_not_blown_up(shared: Path) -> None:
    path = shared / "imagery" / "safe" / "S2A_MSIL1C_20210713T032051_N0301_R032_T48LWP_20210713T054224.zip"
    with pytest.raises(SeriesError, match=r"T48LWP.*20 columns of 5.* m.*--grid native"):
        open_series([path], grid="satlas")
    with open_series([path]) as series:
        assert series.shape_hw == (20, 20)
