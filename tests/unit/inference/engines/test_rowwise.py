"""Is a scene that a network sees row by row the scene it would have seen at once?"""

from typing import Any

import numpy as np
import pytest
import torch

from ssr.errors import InputError
from ssr.inference.engines.rowwise import bytes_by_row, lag_px, may_go_row_by_row, rows_of_a_strip
from ssr.inference.predictor import Predictor
from ssr.inference.windows import plan_rows
from tests.support.scenes import BF16, FP32, textured, tiny_date_fusion, tiny_rrdbnet, unit
from tests.support.tolerances import FLOAT32


def whole(network: Any, series: np.ndarray, compute: Any = FP32) -> np.ndarray:
    return Predictor(network, compute).predict(series[None])[0]


def by_rows(
    network: Any, series: np.ndarray, *, core_px: int = 40, compute: Any = FP32, first_row: int = 0
) -> np.ndarray:
    plan = plan_rows(series.shape[-2:], core_px=core_px)
    edge = np.empty((3, 0, series.shape[-1] * network.scale), np.float32) if first_row else None
    blocks = Predictor(network, compute).run(plan, lambda r, c: series[:, :, r, c], first_row=first_row, edge=edge)
    return np.concatenate([block.pixels for block in blocks], axis=1)


@pytest.mark.parametrize("shape_hw", [(8, 8), (9, 31), (57, 23), (130, 12), (1, 9), (90, 9)])
def test_row_by_row_equals_the_whole(shape_hw: tuple[int, int]) -> None:
    """Oracle: the same network on the whole raster; a raster below 8 px is padded there, so edges are left out."""
    network = tiny_rrdbnet()
    series = unit(textured(2, *shape_hw))
    expected = whole(network, series)
    if min(shape_hw) < 8:
        expected = network(torch.from_numpy(series[None])).detach().clamp(1 / 255, 1).numpy()[0]
    np.testing.assert_allclose(by_rows(network, series), expected, atol=FLOAT32, rtol=0)


@pytest.mark.parametrize("scale", [3, 4, 8])
def test_every_enlargement_is_seen_row_by_row(scale: int) -> None:
    network = tiny_rrdbnet(scale=scale)
    series = unit(textured(2, 41, 17))
    np.testing.assert_allclose(by_rows(network, series), whole(network, series), atol=FLOAT32, rtol=0)


def test_sixteen_bits_cost_no_more_than_in_windows() -> None:
    series = unit(textured(2, 70, 40))
    exact = whole(tiny_rrdbnet(), series)
    found, in_windows = (
        np.sqrt(np.square(make(tiny_rrdbnet(), series, compute=BF16) - exact).mean()) for make in (by_rows, whole)
    )
    assert FLOAT32 < found <= in_windows


def test_a_run_that_begins_lower_down_gives_the_same_bytes() -> None:
    series = unit(textured(2, 200, 20))
    network = tiny_rrdbnet()
    assert lag_px(network) < 150
    complete = by_rows(network, series)
    later = by_rows(network, series, first_row=4)
    np.testing.assert_array_equal(later, complete[:, -later.shape[1] :])


def test_unseen_pixels_are_zero_and_no_others() -> None:
    series = unit(textured(2, 60, 20))
    series[:, :, 20:45, 3:9] = 0
    series[0, :, 50:, :] = 0
    unseen = (series == 0).all((0, 1)).repeat(4, 0).repeat(4, 1)
    result = by_rows(tiny_rrdbnet(), series)
    assert (result[:, unseen] == 0).all()
    assert (result[:, ~unseen] > 0).all()


def test_numbers_that_are_not_finite_are_refused() -> None:
    network = tiny_rrdbnet()
    with torch.no_grad():
        network.conv_last.bias.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite"):
        by_rows(network, unit(textured(2, 20, 20)))


def test_only_a_network_whose_layers_are_known_goes_row_by_row() -> None:
    assert may_go_row_by_row(tiny_rrdbnet())
    assert not may_go_row_by_row(tiny_rrdbnet(scale=2))
    assert not may_go_row_by_row(tiny_date_fusion())


def test_strips_are_neither_too_low_nor_too_high() -> None:
    assert [rows_of_a_strip(width) for width in (10, 1000, 2000, 100_000)] == [64, 32, 16, 8]


def test_memory_grows_with_the_width_and_halves_with_the_precision() -> None:
    network = tiny_rrdbnet()
    wide, narrow = (bytes_by_row(network, width, is_16_bit=True) for width in (8000, 4000))
    assert wide == 2 * narrow
    assert bytes_by_row(network, 8000, is_16_bit=False) > wide
