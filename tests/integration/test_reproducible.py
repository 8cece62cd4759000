"""Does the same series give the same bytes, however and whenever it is given?"""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from ssr.device import Compute
from ssr.workflows.scene import super_resolve_scene
from tests.integration.conftest import Run
from tests.support.scenes import BF16, FP32, textured, write_series


def result(paths: list[Path], out: Path, compute: Compute = FP32, **arguments: object) -> np.ndarray:
    super_resolve_scene(paths, out, compute=compute, **arguments)
    with rasterio.open(out) as dataset:
        return dataset.read()


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Six dates, one hazy and one cut off."""
    frames = textured(6, 44, 50)
    frames[1] = frames[1] // 2 + 110
    frames[4, :, :7] = 0
    return write_series(tmp_path / "dates", frames)


@pytest.mark.slow
def test_two_processes_give_the_same_pixels(run: Run, paths: list[Path], tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        assert run("scene", *paths[:2], "-o", name).returncode == 0
    with rasterio.open(tmp_path / "a.tif") as a, rasterio.open(tmp_path / "b.tif") as b:
        np.testing.assert_array_equal(a.read(), b.read())


@pytest.mark.parametrize("compute", [FP32, BF16], ids=["fp32", "bf16"])
def test_the_order_of_the_files_does_not_change_the_pixels(paths: list[Path], tmp_path: Path, compute: Compute) -> None:
    first = result(paths, tmp_path / "first.tif", compute)
    for k, order in enumerate((paths[::-1], paths[3:] + paths[:3])):
        np.testing.assert_array_equal(result(order, tmp_path / f"{k}.tif", compute), first)


def test_the_order_of_the_files_does_not_change_which_dates_are_used(paths: list[Path], tmp_path: Path) -> None:
    used = [
        set(super_resolve_scene(order, tmp_path / f"{k}.tif", max_dates=2, compute=FP32).dates)
        for k, order in enumerate((paths, paths[::-1]))
    ]
    assert used[0] == used[1]
