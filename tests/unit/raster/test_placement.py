"""Rasters on another grid keep what is known of them: gaps stay gaps, and a dark band alone is none."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from ssr.raster.crs import parse_crs
from ssr.raster.grid import Grid
from ssr.raster.placement import warped
from tests.support.scenes import UTM33, write_tiff

HALF_A_PIXEL = Affine(10, 0, 500_005, 0, -10, 5_000_000)


@pytest.mark.parametrize("profile", [{"nodata": 0}, {}], ids=["said by the file", "told by the caller"])
def test_a_pixel_lacks_data_where_all_its_bands_do_and_nowhere_else(tmp_path: Path, profile: dict[str, int]) -> None:
    pixels = np.full((3, 8, 8), 100, np.uint8)
    pixels[0, 3, 3] = 0  # dark in one band: a measurement
    pixels[:, 6, 6] = 0
    target = Grid(parse_crs(UTM33, what="a test"), HALF_A_PIXEL, (8, 7))
    with rasterio.open(write_tiff(tmp_path / "a.tif", pixels, **profile)) as dataset, ExitStack() as opened:
        seen = warped(dataset, target, missing_dn=0, opened=opened).read()
    # Half a pixel to the right every pixel is the mean of two neighbours, of those that have data.
    np.testing.assert_array_equal(seen[0, 3], [100, 100, 50, 50, 100, 100, 100])
    np.testing.assert_array_equal(seen[1, 3], 100)
    np.testing.assert_array_equal(seen[:, 6], [[100, 100, 100, 100, 100, 0, 100]] * 3)
