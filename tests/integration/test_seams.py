"""Can it be seen where windows met, and where one date stood in for another?"""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from ssr.build.networks import bundled_model
from ssr.inference.predictor import Predictor, super_resolve_array
from ssr.inference.windows import plan_windows
from ssr.models.protocol import SuperResolver
from ssr.scenes.arrays import series_from_array
from ssr.scenes.choice import Choice, choose
from tests.support.networks import tiny_sr3
from tests.support.scenes import FP32, textured, tiny_rrdbnet, unit
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


N_DATES, N_SEEN, SIDE_PX = 8, 2, 152


@pytest.fixture(scope="module")
def mixed() -> Choice:
    """A choice among dates of one ground, of which each is hidden by a bright cloud somewhere else."""
    frames = unit(textured(1, SIDE_PX, SIDE_PX)).repeat(N_DATES, 0)
    gains = np.random.default_rng(0).uniform(0.9, 1.0, (N_DATES, 1, 1, 1)).astype(np.float32)
    frames = frames * gains
    for date in range(N_DATES):
        row, column = 19 * date, 57 * date % SIDE_PX
        frames[date, :, row : row + 60, column : column + 60] = 0.95
    choice = choose(series_from_array(frames), n_wanted=N_SEEN, tolerated_px=None)
    assert choice.slots.is_mixed
    assert len(choice.dates_used) > N_SEEN
    return choice


def drawn(network: SuperResolver, choice: Choice, core_px: int) -> np.ndarray:
    plan = plan_windows(
        choice.series.shape_hw,
        core_px=core_px,
        halo_px=network.halo_px,
        overlap_px=min(8, core_px // 4),
        multiple=network.size_multiple,
    )
    result = np.empty((3, SIDE_PX * network.scale, SIDE_PX * network.scale), np.float32)

    def read(rows: slice, columns: slice) -> np.ndarray:
        return choice.series.read(rows, columns, choice.plan.dates)

    for block in Predictor(network, FP32).run(plan, read):
        result[:, block.rows, block.columns] = block.pixels
    return result


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(bundled_model, id="compact-8"),
        pytest.param(tiny_rrdbnet, id="ESRGAN"),
        pytest.param(lambda: tiny_sr3(context="local"), id="SR3", marks=pytest.mark.slow),
    ],
)
def test_windows_cannot_be_told_where_dates_stand_in_for_one_another(
    mixed: Choice, make: Callable[[], SuperResolver]
) -> None:
    network = make()
    assert np.abs(drawn(network, mixed, CORE_PX) - drawn(network, mixed, SIDE_PX)).max() < BYTE_STEP
