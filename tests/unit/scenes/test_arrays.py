"""Does an array behave as a series on disk?"""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from ssr.errors import InputError, SeriesError
from ssr.raster.grid import Grid
from ssr.scenes.arrays import as_inputs, by_kind, name_of_input, series_from_array
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


def test_default_names_are_in_the_order_of_the_dates():
    names = series_from_array(np.repeat(FRAMES, 4, axis=0)).names
    assert list(names) == sorted(names)


def test_one_input_is_as_good_as_a_list_of_it():
    xr = pytest.importorskip("xarray")
    array = series_from_array(FRAMES)
    one_of_each = ["a", Path("b"), array, xr.Dataset({"B02": 1}), xr.DataArray(1, name="c")]
    for one in one_of_each:
        assert as_inputs(one)[0] is one
    assert as_inputs(iter(one_of_each)) == one_of_each
    assert by_kind(one_of_each) == (["a", Path("b")], one_of_each[3:], [array])
    assert [name_of_input(one) for one in one_of_each] == ["a", "b", "array of 3 dates", "dataset", "c"]


@pytest.mark.parametrize(("given", "kind"), [(FRAMES, "ndarray"), ([Path(), 3], "int"), (None, "NoneType")])
def test_what_holds_no_dates_is_refused_with_what_is_accepted(given, kind):
    with pytest.raises(InputError, match=rf"of type {kind}; expected paths and addresses, .*series_from_array.*xarray"):
        as_inputs(given)
