"""Does a series on disk become the same pixels as in memory, in the right place?"""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from ssr.errors import InputError
from ssr.inference.predictor import Predictor, super_resolve_array
from ssr.inference.scene import to_bytes, write_scene
from ssr.scenes.series import open_series
from tests.support.scenes import FP32, TEN_METRES, textured, tiny_date_fusion, tiny_rrdbnet, unit, write_series

FRAMES = textured(3, 40, 55)
FRAMES[:, :, 30:, :9] = 0


def test_pixels_equal_those_in_memory_for_the_dates_asked_for(tmp_path: Path) -> None:
    network, out, dates = tiny_rrdbnet(), tmp_path / "out.tif", [2, 0]
    cuts = {"core_px": 16, "overlap_px": 2, "halo_px": 4}
    with open_series(write_series(tmp_path / "in", FRAMES)) as series:
        write_scene(
            Predictor(network, FP32), series, dates, out, grid=series.grid, tags={"A": "b"}, overwrite=False, **cuts
        )
    in_memory = super_resolve_array(network, unit(FRAMES[dates]), compute=FP32, **cuts)
    with rasterio.open(out) as dataset:
        np.testing.assert_array_equal(dataset.read(), np.rint(in_memory * 255).astype(np.uint8))
        assert dataset.transform == TEN_METRES @ TEN_METRES.scale(0.25)
        assert dataset.tags()["A"] == "b"


def test_no_data_is_exactly_where_no_date_has_data(tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    with open_series(write_series(tmp_path / "in", FRAMES)) as series:
        write_scene(
            Predictor(tiny_date_fusion(), FP32), series, range(3), out, grid=series.grid, tags={}, overwrite=False
        )
    with rasterio.open(out) as dataset:
        missing = dataset.dataset_mask() == 0
    np.testing.assert_array_equal(missing, (FRAMES == 0).all((0, 1)).repeat(4, 0).repeat(4, 1))


def test_a_failing_network_leaves_no_file(tmp_path: Path) -> None:
    network, out = tiny_rrdbnet(), tmp_path / "out" / "a.tif"
    network.conv_last.bias.data[0] = np.nan
    with open_series(write_series(tmp_path / "in", FRAMES[:2])) as series, pytest.raises(InputError):
        write_scene(Predictor(network, FP32), series, [0, 1], out, grid=series.grid, tags={}, overwrite=False)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("byte", [0, 1, 127, 128, 254, 255])
def test_bytes_survive_the_way_to_unit_range_and_back(byte: int) -> None:
    assert to_bytes(np.array([byte], np.float32) / np.float32(255)) == byte


def test_unit_range_is_rounded_to_the_nearest_byte() -> None:
    assert to_bytes(np.array([0.49, 0.51, 1.4], np.float32) / 255).tolist() == [0, 1, 1]
