"""Can it be seen where the bundled model's windows met?"""

import numpy as np
import pytest
import torch

from ssr.build.networks import bundled_model
from ssr.inference.predictor import super_resolve_array
from ssr.inference.windows import plan_windows
from tests.support.scenes import FP32, textured, unit
from tests.support.tolerances import BYTE_STEP

CORE_PX = 32
SERIES = unit(textured(3, 110, 110))


@pytest.fixture(scope="module")
def results() -> tuple[np.ndarray, np.ndarray, int]:
    """The scene in many windows, and in one."""
    torch.set_num_threads(1)
    network = bundled_model()
    tiled = super_resolve_array(network, SERIES, compute=FP32, core_px=CORE_PX, overlap_px=8, halo_px=network.halo_px)
    whole = super_resolve_array(network, SERIES, compute=FP32, core_px=4 * CORE_PX)
    return tiled, whole, network.scale


def border_ratio(image: np.ndarray, axis: int, scale: int) -> float:
    """Mean absolute step between pixels across window borders, to that across the other low-resolution borders."""
    plan = plan_windows(SERIES.shape[-2:], core_px=CORE_PX, halo_px=0, overlap_px=0)
    spans = plan.rows if axis == 1 else plan.columns
    steps = np.abs(np.diff(image, axis=axis)).mean(tuple({0, 1, 2} - {axis}))[scale - 1 :: scale]
    at_border = np.isin(np.arange(len(steps)) + 1, [span.core_start for span in spans])
    assert at_border.sum() == 3
    return float(steps[at_border].mean() / steps[~at_border].mean())


@pytest.mark.parametrize("axis", [1, 2], ids=["rows", "columns"])
def test_steps_across_window_borders_are_no_larger_than_elsewhere(
    results: tuple[np.ndarray, np.ndarray, int], axis: int
) -> None:
    """The ground itself has edges at some borders: the untiled result tells how large."""
    tiled, whole, scale = results
    assert border_ratio(tiled, axis, scale) <= 1.02 * border_ratio(whole, axis, scale)


def test_cutting_into_windows_changes_no_pixel_by_a_byte_step(results: tuple[np.ndarray, np.ndarray, int]) -> None:
    tiled, whole, _ = results
    assert np.abs(tiled - whole).max() < BYTE_STEP
