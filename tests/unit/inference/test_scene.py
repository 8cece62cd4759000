"""Does a series on disk become the same pixels as in memory, in the right place?"""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS

from ssr.errors import InputError
from ssr.inference.predictor import Predictor, super_resolve_array
from ssr.inference.scene import Result, write_scene
from ssr.raster.grid import Grid
from ssr.scenes.series import open_series
from tests.support.scenes import FP32, TEN_METRES, textured, tiny_date_fusion, tiny_rrdbnet, unit, write_series

FRAMES = textured(3, 40, 55)
FRAMES[:, :, 30:, :9] = 0


def test_pixels_equal_those_in_memory_for_the_dates_asked_for(tmp_path: Path) -> None:
    network, out, dates = tiny_rrdbnet(), tmp_path / "out.tif", [2, 0]
    cuts = {"core_px": 16, "overlap_px": 2, "halo_px": 4}
    with open_series(write_series(tmp_path / "in", FRAMES)) as series:
        write_scene(Predictor(network, FP32), series, dates, Result(out=out, grid=series.grid, tags={"A": "b"}), **cuts)
    in_memory = super_resolve_array(network, unit(FRAMES[dates]), compute=FP32, **cuts)
    with rasterio.open(out) as dataset:
        np.testing.assert_array_equal(dataset.read(), np.rint(in_memory * 255).astype(np.uint8))
        assert dataset.transform == TEN_METRES @ TEN_METRES.scale(0.25)
        assert dataset.tags()["A"] == "b"


def test_no_data_is_exactly_where_no_date_has_data(tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    with open_series(write_series(tmp_path / "in", FRAMES)) as series:
        write_scene(Predictor(tiny_date_fusion(), FP32), series, range(3), Result(out=out, grid=series.grid))
    with rasterio.open(out) as dataset:
        missing = dataset.dataset_mask() == 0
    np.testing.assert_array_equal(missing, (FRAMES == 0).all((0, 1)).repeat(4, 0).repeat(4, 1))


def test_a_failing_network_leaves_no_file(tmp_path: Path) -> None:
    network, out = tiny_rrdbnet(), tmp_path / "out" / "a.tif"
    network.conv_last.bias.data[0] = np.nan
    with open_series(write_series(tmp_path / "in", FRAMES[:2])) as series, pytest.raises(InputError):
        write_scene(Predictor(network, FP32), series, [0, 1], Result(out=out, grid=series.grid))
    assert list(out.parent.iterdir()) == []


class BrokenOffError(Exception):
    """What stops a run in these tests."""


class BreakingOff:
    """A series that can be read so many times."""

    def __init__(self, series, n_reads: int) -> None:
        self.series, self.shape_hw, self.left = series, series.shape_hw, n_reads

    def read(self, rows, columns, dates):
        if not self.left:
            raise BrokenOffError
        self.left -= 1
        return self.series.read(rows, columns, dates)


CUTS = {"core_px": 11, "overlap_px": 2, "halo_px": 4}  # FRAMES are 3 rows of 4 windows
N_WINDOWS, N_COLUMNS = 12, 4


def run(series, out: Path, *, network=None, **changes: object):
    predictor = Predictor(network or tiny_rrdbnet(), FP32)
    return write_scene(predictor, series, [2, 0], Result(out=out, grid=GRID, **changes), **CUTS)


GRID = Grid(CRS.from_epsg(32633), TEN_METRES, (40, 55))


@pytest.fixture
def series(tmp_path: Path):
    with open_series(write_series(tmp_path / "in", FRAMES)) as opened:
        yield opened


@pytest.mark.parametrize("n_reads", [N_COLUMNS + 1, 2 * N_COLUMNS, N_WINDOWS - 1])
def test_a_run_that_broke_off_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, series, n_reads: int) -> None:
    whole, out = tmp_path / "whole" / "a.tif", tmp_path / "b" / "a.tif"
    run(series, whole)
    with pytest.raises(BrokenOffError) as stopped:
        run(BreakingOff(series, n_reads), out)
    assert "of 3 rows are kept in" in stopped.value.__notes__[0]
    assert [found.name for found in out.parent.iterdir()] == [".a.tif.unfinished"]
    rest = BreakingOff(series, N_WINDOWS - n_reads + N_COLUMNS)
    account = run(rest, out)
    assert account.rows_taken_up > 0
    assert rest.left == N_WINDOWS - n_reads + N_COLUMNS - round((1 - account.rows_taken_up) * N_WINDOWS)
    assert out.read_bytes() == whole.read_bytes()
    assert list(out.parent.iterdir()) == [out]


def test_what_another_job_left_is_not_gone_on_with(tmp_path: Path, series) -> None:
    out = tmp_path / "b" / "a.tif"
    with pytest.raises(BrokenOffError):
        run(BreakingOff(series, 6), out, job="one model")
    account = run(series, out, job="another model")
    assert (account.rows_taken_up, account.was_other) == (0, True)


def test_what_broke_off_before_its_first_row_leaves_nothing(tmp_path: Path, series) -> None:
    out = tmp_path / "b" / "a.tif"
    with pytest.raises(BrokenOffError):
        run(BreakingOff(series, 2), out)
    assert list(out.parent.iterdir()) == []
