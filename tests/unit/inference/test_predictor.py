"""Does a network see many windows and give always the same, as if it had seen the whole?"""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssr.device import Compute
from ssr.errors import InputError
from ssr.inference.predictor import Predictor, batch_size_for, read_ahead, super_resolve_array
from ssr.inference.windows import plan_windows
from tests.support.scenes import BF16, FP32, textured, tiny_date_fusion, tiny_rrdbnet, unit
from tests.support.tolerances import BYTE_STEP, FLOAT32

SERIES = unit(textured(2, 50, 41))


def whole(network: Any, series: np.ndarray) -> np.ndarray:
    return Predictor(network, FP32).predict(series[None])[0]


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 23), (23, 1), (3, 5), (8, 8), (13, 17)])
def test_any_size_from_one_pixel_up_passes_every_network(network: Any, shape_hw: tuple[int, int]) -> None:
    series = unit(textured(2, *shape_hw))
    result = super_resolve_array(network, series, compute=FP32)
    scale = network.scale
    assert (result.shape, result.dtype) == ((3, shape_hw[0] * scale, shape_hw[1] * scale), np.float32)
    assert result.min() >= np.float32(1 / 255)
    assert result.max() <= 1


@pytest.mark.parametrize("overlap_px", [0, 5])
@pytest.mark.parametrize("axis", [2, 3], ids=["rows", "columns"])
def test_tiled_equals_untiled_where_the_context_is_whole(network: Any, axis: int, overlap_px: int) -> None:
    """`receptive_px` is the whole field where a network's `halo_px` is only the part that matters."""
    series = unit(textured(2, *((230, 9) if axis == 2 else (9, 230))))
    halo_px = getattr(network, "receptive_px", network.halo_px)
    places = {"core_px": 20, "overlap_px": overlap_px, "halo_px": halo_px}
    assert len(plan_windows(series.shape[-2:], **places)) > 2
    tiled = super_resolve_array(network, series, compute=FP32, **places)
    np.testing.assert_allclose(tiled, whole(network, series), atol=FLOAT32, rtol=0)


@pytest.mark.parametrize("n_dates", [1, 2, 3, 8])
def test_any_number_of_dates_passes_a_network_that_says_so(n_dates: int) -> None:
    result = super_resolve_array(tiny_date_fusion(), unit(textured(n_dates, 20, 20)), compute=FP32)
    assert np.isfinite(result).all()


@settings(max_examples=10, deadline=None)
@given(missing=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10), st.integers(0, 14)), max_size=60))
def test_unseen_pixels_are_zero_and_no_others(missing: list[tuple[int, int, int]]) -> None:
    series = unit(textured(2, 11, 15))
    for date, y, x in missing:
        series[date, :, y, x] = 0
    result = super_resolve_array(tiny_date_fusion(scale=2), series, compute=FP32)
    unseen = (series == 0).all((0, 1)).repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal((result == 0).all(0), unseen)
    assert (result[:, ~unseen] >= np.float32(1 / 255)).all()


def test_a_channel_that_is_dark_in_all_dates_is_not_unseen(network: Any) -> None:
    series = SERIES[:, :, :12, :12].copy()
    series[:, 1:] = 0
    assert super_resolve_array(network, series, compute=FP32).min() > 0


def test_a_series_without_any_data_is_zero(network: Any) -> None:
    assert not super_resolve_array(network, np.zeros((2, 3, 9, 9), np.float32), compute=FP32).any()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_output_that_is_not_finite_is_refused(value: float) -> None:
    network = tiny_rrdbnet()
    with torch.no_grad():
        network.conv_last.bias[1] = value
    with pytest.raises(InputError, match="not finite"):
        super_resolve_array(network, SERIES, compute=FP32)


@pytest.mark.parametrize("n_channels", [1, 4])
def test_other_channels_than_the_network_takes_are_refused(n_channels: int) -> None:
    with pytest.raises(InputError, match=f"takes 3 channels a date, the series has {n_channels}"):
        super_resolve_array(tiny_date_fusion(), np.ones((2, n_channels, 9, 9), np.float32), compute=FP32)


@pytest.mark.parametrize("n_dates", [1, 3])
def test_other_numbers_of_dates_than_the_network_takes_are_refused(n_dates: int) -> None:
    with pytest.raises(InputError, match=f"takes 2 dates, the series has {n_dates}"):
        Predictor(tiny_rrdbnet(n_revisits=2), FP32).predict(unit(textured(n_dates, 9, 9))[None])


@pytest.mark.parametrize(("compute", "tolerance"), [(FP32, FLOAT32), (BF16, BYTE_STEP)], ids=str)
def test_batch_size_does_not_change_the_result(network: Any, compute: Compute, tolerance: float) -> None:
    windows = np.stack([unit(textured(2, 16, 16, seed=k)) for k in range(3)])
    predictor = Predictor(network, compute)
    alone = np.concatenate([predictor.predict(window[None]) for window in windows])
    np.testing.assert_allclose(predictor.predict(windows), alone, atol=tolerance, rtol=0)


def test_windows_predicted_in_another_order_give_the_same_bytes(network: Any) -> None:
    windows = np.stack([unit(textured(2, 16, 16, seed=k)) for k in range(6)])
    predictor, order = Predictor(network, FP32), [4, 1, 5, 0, 3, 2]
    np.testing.assert_array_equal(predictor.predict(windows)[order], predictor.predict(windows[order]))


@pytest.mark.parametrize("compute", [FP32, BF16], ids=str)
def test_the_same_series_twice_gives_the_same_bytes(network: Any, compute: Compute) -> None:
    first, second = (
        super_resolve_array(network, SERIES, compute=compute, core_px=24, overlap_px=4, halo_px=8) for _ in range(2)
    )
    assert first.tobytes() == second.tobytes()


def test_the_series_is_left_as_it_was() -> None:
    series = SERIES.copy()
    super_resolve_array(tiny_date_fusion(), series, compute=FP32)
    np.testing.assert_array_equal(series, SERIES)


def test_progress_ends_at_the_number_of_windows() -> None:
    calls: list[tuple[int, int]] = []
    super_resolve_array(
        tiny_date_fusion(), SERIES, compute=FP32, core_px=16, overlap_px=2, halo_px=2,
        progress=lambda done, total: calls.append((done, total)),
    )  # fmt: skip
    n = len(plan_windows((50, 41), core_px=16, halo_px=2, overlap_px=2))
    assert calls[-1] == (n, n)
    assert calls == sorted(set(calls))


@pytest.mark.parametrize(("side", "core_px", "expected"), [(32, 256, 128), (2000, 256, 1), (5000, 128, 8)])
def test_batches_hold_as_many_pixels_as_fit(side: int, core_px: int, expected: int) -> None:
    """128 Ki pixels: 128 of 32², 1 of 256², and 8 of 128²."""
    assert batch_size_for(plan_windows((side, side), core_px=core_px, halo_px=0, overlap_px=0)) in (expected, 2)


def test_reading_ahead_keeps_the_order_and_runs_one_ahead() -> None:
    read: list[int] = []
    for seen, value in enumerate(read_ahead(range(6), lambda k: read.append(k) or k)):
        assert value == seen
        assert len(read) <= seen + 2
    assert read == list(range(6))


def test_an_error_while_reading_ahead_reaches_the_caller() -> None:
    def fail(k: int) -> int:
        if k == 2:
            raise InputError("third")
        return k

    source = read_ahead(range(5), fail)
    assert [next(source), next(source)] == [0, 1]
    with pytest.raises(InputError, match="third"):
        next(source)
