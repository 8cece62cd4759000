"""Several dates without anything learnt: sharper than any one of them, and blind to what only one of them shows."""

import numpy as np
import pytest
import torch

from ssr.data.ground import draw_ground
from ssr.data.simulate import Degradation, simulate_series
from ssr.evaluation.scores import best_single_date, predict, score
from ssr.inference.predictor import super_resolve_array
from ssr.models.bicubic import enlarge
from ssr.models.protocol import SuperResolver
from ssr.models.shiftandadd import ShiftAndAdd
from tests.support.scenes import BF16, FP32, textured, unit
from tests.support.tolerances import BYTE_STEP, FLOAT32


def ground(seeds, side_px=160):
    images = [torch.from_numpy(draw_ground(seed, side_px)).permute(2, 0, 1).float() / 255 for seed in seeds]
    return torch.stack(images)


def simulated(n_revisits, *, seeds=(0,), side_px=160, **ranges):
    generator = torch.Generator().manual_seed(n_revisits)
    return simulate_series(
        ground(seeds, side_px), n_revisits=n_revisits, generator=generator, ranges=Degradation(**ranges)
    )


def series(*shape_hw, n_dates=3, seed=0):
    return torch.from_numpy(unit(textured(n_dates, *shape_hw, seed=seed)))[None]


CALM = {
    "gain_sigma": 0.0,
    "channel_gain_sigma": 0.0,
    "bias_sigma": 0.0,
    "haze_probability": 0.0,
    "cloud_probability": 0.0,
    "no_data_probability": 0.0,
    "transient_probability": 0.0,
    "look_probability": 0.0,
    "parallax_sigma_px": 0.0,
    "resampling_probability": 0.0,
}


def test_it_keeps_the_protocol_and_has_no_parameters():
    network = ShiftAndAdd()
    assert isinstance(network, SuperResolver)
    assert (network.n_revisits, network.size_multiple, network.sees_place) == (None, 1, False)
    assert not isinstance(network, torch.nn.Module)


@pytest.mark.parametrize("shape_hw", [(8, 8), (8, 13), (30, 9), (1, 1), (2, 5)], ids=str)
@pytest.mark.parametrize("n_dates", [1, 2, 8])
@pytest.mark.parametrize(("scale", "n_channels"), [(4, 3), (2, 4), (3, 1), (1, 3)])
def test_every_size_number_of_dates_and_channels(shape_hw, n_dates, scale, n_channels):
    low_res = torch.rand(2, n_dates, n_channels, *shape_hw, generator=torch.Generator().manual_seed(0))
    result = ShiftAndAdd(scale=scale, n_channels=n_channels)(low_res)
    assert result.shape == (2, n_channels, shape_hw[0] * scale, shape_hw[1] * scale)
    assert result.dtype == torch.float32
    assert result.isfinite().all()
    assert (result - 0.5).abs().max() < 2.5  # white noise is sharpened, but does not run away


@pytest.mark.parametrize("n_dates", [1, 4])
def test_constant_stays_constant(n_dates):
    colour = torch.tensor([0.2, 0.5, 0.9])[:, None, None]
    result = ShiftAndAdd()(colour.expand(1, n_dates, 3, 12, 10))
    torch.testing.assert_close(result, colour.expand(1, 3, 48, 40), atol=FLOAT32, rtol=0)


def test_order_of_the_dates_does_not_matter():
    low_res = simulated(6).low_res
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    torch.testing.assert_close(ShiftAndAdd()(low_res), ShiftAndAdd()(low_res[:, order]), atol=FLOAT32, rtol=0)


def test_same_series_gives_the_same_bytes_alone_or_in_a_batch():
    low_res = simulated(4, seeds=(0, 1)).low_res
    first, again = ShiftAndAdd()(low_res), ShiftAndAdd()(low_res)
    assert torch.equal(first, again)
    torch.testing.assert_close(ShiftAndAdd()(low_res[1:]), first[1:], atol=FLOAT32, rtol=0)


def test_series_is_left_as_it_was():
    low_res = series(10, 10)
    before = low_res.clone()
    ShiftAndAdd()(low_res)
    assert torch.equal(low_res, before)


@pytest.mark.parametrize("axis", [-1, -2], ids=["columns", "rows"])
def test_mirrored_series_gives_the_mirrored_image(axis):
    low_res = simulated(4).low_res
    torch.testing.assert_close(ShiftAndAdd()(low_res.flip(axis)), ShiftAndAdd()(low_res).flip(axis), atol=1e-4, rtol=0)


def test_turned_series_gives_the_turned_image():
    low_res = simulated(4).low_res
    turned = ShiftAndAdd()(low_res.transpose(-1, -2))
    torch.testing.assert_close(turned, ShiftAndAdd()(low_res).transpose(-1, -2), atol=1e-4, rtol=0)


def test_eight_dates_beat_the_best_single_one_and_the_method_on_it():
    """Mean cPSNR over made-up grounds; the best single date is chosen with the truth in hand."""
    pairs = simulated(8, seeds=range(6))
    single, index = best_single_date(pairs.low_res, pairs.high_res, 4)
    chosen = torch.stack([dates[k : k + 1] for dates, k in zip(pairs.low_res, index, strict=True)])
    ours, reference, alone = (
        score(image, pairs.high_res).cpsnr
        for image in (predict(ShiftAndAdd(), pairs.low_res), single, predict(ShiftAndAdd(), chosen))
    )
    assert ours >= reference + 0.5
    assert ours >= alone + 0.2


def test_more_dates_are_better():
    """The same grounds and blur, without clouds or looks, so that only the number of dates differs."""
    pairs = [simulated(n, seeds=range(4, 8), **CALM, blur_sigma_px=(0.52, 0.52)) for n in (1, 3, 9)]
    one, three, nine = (score(predict(ShiftAndAdd(), p.low_res), p.high_res).cpsnr for p in pairs)
    assert nine > three + 0.2
    assert three > one + 0.2


def test_displaced_dates_resolve_what_none_of_them_shows():
    """Stripes of 1.7 px, beyond the Nyquist frequency of a date: their contrast comes from the displacements alone."""
    side, period_px = 160, 1.7
    wave = 0.5 + 0.3 * torch.sin(2 * torch.pi * (torch.arange(side) + 0.5) / 4 / period_px)
    texture = torch.from_numpy(draw_ground(5, side)).permute(2, 0, 1).float() / 255
    place = (0.5 * texture + 0.5 * wave)[None].clamp(0.02, 0.98)
    generator = torch.Generator().manual_seed(0)
    pairs = simulate_series(
        place, n_revisits=12, generator=generator, ranges=Degradation(**CALM, noise_factor=(0, 0), shift_sigma_px=0.35)
    )

    def strength(image):
        """Amplitude at the frequency of the stripes, over the inner part."""
        line = image[0, :, 24:-24].mean((0, 1))[24:-24].double()
        line = line - line.mean()
        x = torch.arange(len(line)).double()
        angle = 2 * torch.pi * x / 4 / period_px
        return ((line * angle.sin()).mean() ** 2 + (line * angle.cos()).mean() ** 2).sqrt().item()

    truth, ours, one = strength(pairs.high_res), strength(ShiftAndAdd()(pairs.low_res)), strength(
        enlarge(pairs.low_res[:, 0], 4))  # fmt: skip
    assert ours > 1.5 * one
    assert ours < 1.2 * truth


@pytest.mark.parametrize("value", [0.95, 0.02])
@pytest.mark.parametrize("side_px", [1, 3])
def test_object_on_one_date_of_eight_is_not_there(value, side_px):
    """Less than a quarter of its contrast stays, in whichever date it lies."""
    low_res = simulated(8, **CALM).low_res
    clean = ShiftAndAdd()(low_res)
    y = x = 15
    for date in (0, 5):
        painted = low_res.clone()
        painted[:, date, :, y : y + side_px, x : x + side_px] = value
        contrast = (painted - low_res).abs().max()
        assert contrast > 0.2
        assert (ShiftAndAdd()(painted) - clean).abs().max() < 0.25 * contrast


def test_veil_over_one_date_of_eight_hardly_shows():
    """The median of four grounds; where a date lies far from the others its part is missed more."""
    low_res = simulated(8, seeds=range(4), **CALM).low_res
    cloudy = low_res.clone()
    cloudy[:, 3, :, 5:30, 5:30] = 0.5 * cloudy[:, 3, :, 5:30, 5:30] + 0.45
    difference = (ShiftAndAdd()(cloudy) - ShiftAndAdd()(low_res)).abs()
    contrast = (cloudy - low_res).abs().amax((1, 2, 3, 4))
    assert difference.mean((1, 2, 3)).median() < 2 * BYTE_STEP
    assert (difference.amax((1, 2, 3)) / contrast).median() < 0.25


def test_date_without_data_counts_for_nothing():
    low_res = simulated(4, **CALM).low_res
    empty = torch.cat([low_res, torch.zeros_like(low_res[:, :1])], 1)
    torch.testing.assert_close(ShiftAndAdd()(empty), ShiftAndAdd()(low_res), atol=FLOAT32, rtol=0)


def test_half_a_date_without_data_leaves_no_edge():
    """The median of four grounds."""
    low_res = simulated(8, seeds=range(4), **CALM).low_res
    cut = low_res.clone()
    cut[:, 2, :, :, :18] = 0
    difference = (ShiftAndAdd()(cut) - ShiftAndAdd()(low_res)).abs()
    assert difference.amax((1, 2, 3)).median() < 0.1
    assert difference.mean((1, 2, 3)).median() < BYTE_STEP


def test_series_without_data_is_black_and_a_hole_stays_finite():
    assert not ShiftAndAdd()(torch.zeros(1, 3, 3, 9, 9)).any()
    low_res = series(24, 24)
    low_res[..., 8:14, 8:14] = 0
    result = ShiftAndAdd()(low_res)
    assert result.isfinite().all()
    assert result.min() > -0.2
    assert result.max() < 1.2


@pytest.mark.parametrize("axis", [2, 3], ids=["rows", "columns"])
def test_windows_give_what_the_whole_gives(axis):
    dates = unit(textured(3, *((112, 9) if axis == 2 else (9, 112))))
    whole = super_resolve_array(ShiftAndAdd(), dates, compute=FP32, core_px=256)
    tiled = super_resolve_array(ShiftAndAdd(), dates, compute=FP32, core_px=20, overlap_px=2)
    np.testing.assert_allclose(tiled, whole, atol=BYTE_STEP, rtol=0)


@pytest.mark.slow
def test_windows_of_a_simulated_series_give_what_the_whole_gives():
    dates = simulated(3, side_px=448).low_res[0].numpy()
    whole = super_resolve_array(ShiftAndAdd(), dates, compute=FP32)
    tiled = super_resolve_array(ShiftAndAdd(), dates, compute=FP32, core_px=32, overlap_px=4)
    np.testing.assert_allclose(tiled, whole, atol=BYTE_STEP, rtol=0)


def test_precision_of_the_predictor_does_not_touch_it():
    dates = unit(textured(2, 12, 12))
    low, high = (super_resolve_array(ShiftAndAdd(), dates, compute=compute) for compute in (BF16, FP32))
    np.testing.assert_array_equal(low, high)
