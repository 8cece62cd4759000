"""A network of n dates that sees more: the mean of its passes, pixel by pixel over what has data."""

import numpy as np
import pytest
import torch
from torch import Tensor

from ssr.inference.predictor import Predictor, super_resolve_array
from ssr.models.bicubic import Bicubic
from ssr.models.protocol import SuperResolver, super_resolve
from ssr.models.subsets import SubsetAverage
from ssr.scenes.ranking import plan_dates, rank_dates
from tests.support.networks import FAMILIES, NoiseByPlace, tiny_sr3
from tests.support.scenes import FP32, textured, tiny_date_fusion, tiny_rrdbnet, unit
from tests.support.tolerances import BYTE_STEP, FLOAT32


@pytest.fixture(params=list(FAMILIES))
def network(request):
    if request.param == "sr3":
        pytest.importorskip("diffusers")
    return FAMILIES[request.param]()


def series(n_dates, *, seed=0):
    return torch.from_numpy(unit(textured(n_dates, 12, 16, seed=seed)))[None]


@torch.no_grad()
def result_of(network, low_res, origins=None) -> Tensor:
    return super_resolve(network, low_res, origins)


def test_one_subset_is_the_network_itself(network):
    low_res = series(2)
    alone = result_of(network, low_res)
    torch.testing.assert_close(
        result_of(SubsetAverage(network, [[0, 1]]), low_res), alone, atol=FLOAT32 * alone.abs().max().item(), rtol=0
    )


def test_two_passes_are_averaged(network):
    low_res = series(4)
    low_res[:, 3] = low_res[:, 3].flip(-1)  # another place, so that the passes differ
    first, second = result_of(network, low_res[:, [0, 3]]), result_of(network, low_res[:, [1, 2]])
    found = result_of(SubsetAverage(network, [[0, 3], [1, 2]]), low_res)
    limit = FLOAT32 * max(1.0, first.abs().max().item())
    torch.testing.assert_close(found, (first + second) / 2, atol=limit, rtol=0)
    assert (first - second).abs().mean() > 10 * limit


def test_order_of_the_passes_does_not_matter():
    network, low_res = tiny_rrdbnet(), series(6)
    passes = [[0, 4], [1, 5], [2, 3]]
    a, b = (result_of(SubsetAverage(network, order), low_res) for order in (passes, passes[::-1]))
    torch.testing.assert_close(a, b, atol=FLOAT32, rtol=0)


def test_pass_without_data_at_a_pixel_does_not_count_there():
    low_res = series(4)
    low_res[:, 2:, :, :, 8:] = 0
    found = result_of(SubsetAverage(Bicubic(), [[0, 1], [2, 3]]), low_res)
    first, second = result_of(Bicubic(), low_res[:, :2]), result_of(Bicubic(), low_res[:, 2:])
    torch.testing.assert_close(found[..., 32:], first[..., 32:], atol=FLOAT32, rtol=0)
    torch.testing.assert_close(found[..., :32], ((first + second) / 2)[..., :32], atol=FLOAT32, rtol=0)


def test_pass_counts_for_as_many_dates_as_have_data():
    """One date against two: a third and two thirds."""
    low_res = torch.tensor([0.3, 0.0, 0.6, 0.6]).view(1, 4, 1, 1, 1).expand(1, 4, 3, 5, 5)
    found = result_of(SubsetAverage(Bicubic(), [[0, 1], [2, 3]]), low_res)
    torch.testing.assert_close(found, torch.full_like(found, 0.3 / 3 + 0.6 * 2 / 3), atol=FLOAT32, rtol=0)


def test_a_dark_channel_is_data():
    low_res = torch.zeros(1, 2, 3, 5, 5)
    low_res[:, 0, 0], low_res[:, 1] = 0.4, 0.8
    found = result_of(SubsetAverage(Bicubic(), [[0], [1]]), low_res)
    torch.testing.assert_close(found[0, :, 0, 0], torch.tensor([0.6, 0.4, 0.4]), atol=FLOAT32, rtol=0)


def test_where_no_pass_has_data_the_plain_mean_stays_finite():
    low_res = series(4)
    low_res[..., 4:9, 4:9] = 0
    for make in (Bicubic, tiny_date_fusion, tiny_rrdbnet):
        network = make()
        found = result_of(SubsetAverage(network, [[0, 1], [2, 3]]), low_res)
        plain = (result_of(network, low_res[:, :2]) + result_of(network, low_res[:, 2:])) / 2
        hole = (..., slice(16, 36), slice(16, 36))
        torch.testing.assert_close(found[hole], plain[hole], atol=1e-4, rtol=1e-4)  # weights of 1e-38 have few digits


@pytest.mark.parametrize("is_flushing", [False, True], ids=["with denormals", "without"])
def test_weights_of_almost_nothing_survive_a_processor_without_denormals(is_flushing):
    low_res = torch.zeros(1, 2, 3, 6, 6)
    if not torch.set_flush_denormal(is_flushing):
        pytest.skip("this processor cannot")
    try:
        found = result_of(SubsetAverage(tiny_date_fusion(), [[0], [1]]), low_res)
        single = result_of(tiny_date_fusion(), low_res[:, :1])
    finally:
        torch.set_flush_denormal(False)
    assert found.isfinite().all()
    torch.testing.assert_close(found, single, atol=BYTE_STEP, rtol=0)


def test_what_the_network_says_of_itself_is_passed_on(network):
    average = SubsetAverage(network, [[0, 3], [1, 2]])
    assert isinstance(average, SuperResolver)
    assert average.n_revisits == 4
    for name in ("scale", "n_channels", "halo_px", "size_multiple", "sees_place"):
        assert getattr(average, name) == getattr(network, name)


def test_no_subset_is_refused():
    with pytest.raises(ValueError, match="no subset"):
        SubsetAverage(tiny_rrdbnet(), [])


def test_place_is_passed_on():
    origins = torch.tensor([[4, -9]])
    found = result_of(SubsetAverage(NoiseByPlace(), [[0], [1]]), series(2), origins)
    torch.testing.assert_close(found, NoiseByPlace()(series(1), origins), atol=FLOAT32, rtol=0)


@pytest.mark.parametrize("more_dates", ["best", "average"])
@pytest.mark.parametrize("n_dates", range(1, 8))
def test_series_of_any_number_of_dates_passes_a_network_of_three(n_dates, more_dates):
    """m from 1 to 2 n + 1, as by hand: rank, plan, predict every pass and average."""
    network, dates = tiny_rrdbnet(n_revisits=3, scale=2), unit(textured(n_dates, 14, 17))
    dates[0, :, :5] = 0
    found = super_resolve_array(network, dates, compute=FP32, more_dates=more_dates)
    plan = plan_dates(rank_dates(dates), 3, more=more_dates)
    assert len(plan.passes) == (-(-n_dates // 3) if more_dates == "average" and n_dates > 3 else 1)
    total, weights = 0.0, 0.0
    for positions in plan.passes:
        seen = dates[[plan.dates[k] for k in positions]]
        padded = torch.from_numpy(np.pad(seen, ((0, 0), (0, 0), (0, 0), (0, 1)), "edge"))[None]  # multiples of two
        image = result_of(network, padded)[0, :, :, : 17 * 2].numpy()
        weight = (seen != 0).any(1).sum(0).repeat(2, 0).repeat(2, 1).astype(np.float64)
        total, weights = total + image * weight, weights + weight
    expected = np.where(weights > 0, (total / np.maximum(weights, 1)).clip(1 / 255, 1), 0)
    np.testing.assert_allclose(found, expected, atol=FLOAT32, rtol=0)


@pytest.mark.parametrize("n_dates", [1, 3, 5])
def test_sampler_of_two_dates_takes_any_series_in_windows(n_dates):
    pytest.importorskip("diffusers")
    network, dates = tiny_sr3(context="local", n_sampling_steps=1), unit(textured(n_dates, 9, 60)) * 0.5 + 0.2
    whole = super_resolve_array(network, dates, compute=FP32, more_dates="average")
    tiled = super_resolve_array(network, dates, compute=FP32, more_dates="average", core_px=16, overlap_px=2)
    np.testing.assert_allclose(tiled, whole, atol=BYTE_STEP, rtol=0)


def test_predictor_counts_dates_of_the_whole_series():
    average = SubsetAverage(tiny_rrdbnet(), [[0, 2], [1, 2]])
    assert Predictor(average, FP32).predict(series(3).numpy()).shape == (1, 3, 48, 64)
