"""Do overlapping windows become one raster, each pixel once, without a seam?"""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssr.inference.blending import stitch
from ssr.inference.windows import Span, WindowPlan, plan_windows
from tests.unit.inference.test_windows import plans

SMALL_PLANS = plans(st.integers(1, 120)).map(lambda planned: planned[0])
SCALES = st.sampled_from([1, 2, 3, 4])


def joined(plan: WindowPlan, scale: int, predict: Callable[[Span, Span], np.ndarray]) -> np.ndarray:
    """Stitch, checking that every pixel is emitted exactly once."""
    size = plan.rows[-1].core_stop * scale, plan.columns[-1].core_stop * scale
    result, times = np.full((1, *size), np.nan, np.float32), np.zeros(size, int)
    for block in stitch(plan, (predict(row, column) for row, column in plan), scale):
        result[:, block.rows, block.columns] = block.pixels
        times[block.rows, block.columns] += 1
    assert (times == 1).all()
    return result


def patch(row: Span, column: Span, scale: int, value: float) -> np.ndarray:
    shape = 1, (row.read_stop - row.read_start) * scale, (column.read_stop - column.read_start) * scale
    return np.full(shape, value, np.float32)


@given(plan=SMALL_PLANS, scale=SCALES, seed=st.integers(0, 99))
def test_a_nearest_neighbour_model_gives_the_untiled_result_to_the_bit(plan: WindowPlan, scale: int, seed: int) -> None:
    size = plan.rows[-1].core_stop, plan.columns[-1].core_stop
    raster = np.random.default_rng(seed).random((1, *size), np.float32)

    def enlarged(part: np.ndarray) -> np.ndarray:
        return part.repeat(scale, 1).repeat(scale, 2)

    result = joined(
        plan, scale, lambda r, c: enlarged(raster[:, r.read_start : r.read_stop, c.read_start : c.read_stop])
    )
    np.testing.assert_array_equal(result, enlarged(raster))


@given(plan=SMALL_PLANS, scale=SCALES, value=st.floats(0, 1, width=32))
def test_windows_of_one_constant_give_that_constant(plan: WindowPlan, scale: int, value: float) -> None:
    assert np.unique(joined(plan, scale, lambda r, c: patch(r, c, scale, value))).tolist() == [value]


@given(plan=SMALL_PLANS, scale=SCALES, seed=st.integers(0, 99))
def test_the_result_lies_between_the_windows(plan: WindowPlan, scale: int, seed: int) -> None:
    values = {place: v for place, v in zip(plan, np.random.default_rng(seed).random(len(plan)), strict=True)}
    result = joined(plan, scale, lambda r, c: patch(r, c, scale, values[r, c]))
    assert min(values.values()) - 1e-6 <= result.min()
    assert result.max() <= max(values.values()) + 1e-6


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("scale", [1, 4])
def test_two_windows_fade_along_a_straight_line(axis: int, scale: int) -> None:
    overlap, core = 3, 20
    plan = plan_windows((40, 8) if axis == 0 else (8, 40), core_px=core, halo_px=1, overlap_px=overlap)
    result = joined(plan, scale, lambda r, c: patch(r, c, scale, float((r, c)[axis].core_start > 0)))
    profile = result[0].mean(1 - axis)
    n = 2 * overlap * scale
    ramp = (np.arange(n) + 0.5) / n
    before, after = np.zeros(core * scale - n // 2), np.ones(core * scale - n // 2)
    np.testing.assert_allclose(profile, np.concatenate([before, ramp, after]), atol=1e-6)


def test_four_windows_fade_bilinearly() -> None:
    plan = plan_windows((40, 40), core_px=20, halo_px=0, overlap_px=5)
    corners = np.array([[0.1, 0.9], [0.6, 0.2]])
    result = joined(plan, 1, lambda r, c: patch(r, c, 1, corners[int(r.core_start > 0), int(c.core_start > 0)]))
    t = np.clip((np.arange(40) + 0.5 - 15) / 10, 0, 1)
    weights = np.stack([1 - t, t])
    np.testing.assert_allclose(result[0], weights.T @ corners @ weights, atol=1e-6)


@pytest.mark.parametrize("overlap", [0, 2])
def test_blocks_leave_before_the_last_row_of_windows_is_predicted(overlap: int) -> None:
    """What is kept in memory is one row of windows, not the raster."""
    plan = plan_windows((90, 30), core_px=10, halo_px=0, overlap_px=overlap)
    asked: list[int] = []

    def predictions():
        for row, column in plan:
            asked.append(row.core_start)
            yield patch(row, column, 1, 0.5)

    for block in stitch(plan, predictions(), 1):
        assert block.rows.stop >= asked[-1] - overlap
