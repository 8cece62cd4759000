"""Does an array behave as a series on disk?"""

import numpy as np
import pytest
from affine import Affine

from ssr.errors import SeriesError
from ssr.raster.grid import Grid
from ssr.scenes.arrays import series_from_array
from ssr.scenes.series import open_series
from tests.support.scenes import textured, unit, write_series

FRAMES = textured(3, 20, 30)


@pytest.mark.parametrize("frames", [FRAMES, unit(FRAMES), unit(FRAMES).astype(np.float64)])
def test_it_reads_what_the_same_files_give(tmp_path, frames):
    series = series_from_array(frames, names=("a", "b", "c"))
    rows, columns = slice(3, 9), slice(0, 30)
    with open_series(write_series(tmp_path, FRAMES)) as files:
        np.testing.assert_allclose(
            series.read(rows, columns, [2, 0, 2]), files.read(rows, columns, [2, 0, 2]), atol=1e-7
        )
        assert (series.n_dates, series.n_channels, series.shape_hw) == (files.n_dates, files.n_channels, files.shape_hw)
        assert series.preview().shape == files.preview().shape
    assert (series.names, series.times, series.grid.crs) == (("a", "b", "c"), (None,) * 3, None)


@pytest.mark.parametrize(
    ("frames", "how", "message"),
    [
        (FRAMES[0], {}, r"shape \(3, 20, 30\), expected dates, channels, rows and columns"),
        (FRAMES[:0], {}, "expected dates"),
        (FRAMES.astype(np.int16), {}, "holds int16 numbers"),
        (unit(FRAMES) * 2, {}, "outside of 0…1"),
        (np.where(FRAMES > 100, np.nan, unit(FRAMES)), {}, "not finite"),
        (FRAMES, {"names": ("a",)}, r"1 name\(s\) and 3 time\(s\) for 3 dates"),
        (FRAMES, {"grid": Grid(None, Affine.identity(), (5, 5))}, "the grid"),
    ],
)
def test_what_is_no_series_is_refused(frames, how, message):
    with pytest.raises(SeriesError, match=message):
        series_from_array(frames, **how)
