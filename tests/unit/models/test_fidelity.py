"""Any network held to its input: what the instrument would see of the result is what it did see."""

import numpy as np
import pytest
import torch
from torch import Tensor

from ssr.device import Compute
from ssr.inference.predictor import Predictor, super_resolve_array
from ssr.models.fidelity import Fidelity, held_to_input
from ssr.models.pointspread import PointSpread, sentinel2_sigma_px
from ssr.models.protocol import SuperResolver, super_resolve
from tests.support.networks import FAMILIES, NoiseByPlace, tiny_sr3
from tests.support.scenes import BF16, FP32, textured, tiny_date_fusion, unit
from tests.support.tolerances import BYTE_STEP, FLOAT32

SEEN = BYTE_STEP / 2
"""The inverse of the point spread is cut at 1e-4 of its largest weight, which tells less than 5e-4 of a difference."""

psfs = pytest.mark.parametrize("psf", ["sentinel2", "area"])
references = pytest.mark.parametrize("reference", ["mean", "median"])


@pytest.fixture(params=list(FAMILIES))
def network(request):
    if request.param == "sr3":
        pytest.importorskip("diffusers")
    return FAMILIES[request.param]()


def series(*shape_hw, n_dates=2, seed=0):
    return torch.from_numpy(unit(textured(n_dates, *(shape_hw or (12, 16)), seed=seed)))[None]


def spread_of(network, psf):
    return PointSpread(network.scale, None if psf == "area" else sentinel2_sigma_px())


@torch.no_grad()
def result_of(network, low_res, origins=None) -> Tensor:
    return super_resolve(network, low_res, origins)


class Painted:
    """Ignores its input: paints noise far from it, of numbers from 0 to 1 unless told otherwise."""

    n_revisits: int | None = None
    size_multiple = 1
    sees_place = False
    halo_px = 0

    def __init__(self, scale=4, n_channels=3, *, values=(0.0, 1.0)):
        self.scale, self.n_channels, self.values = scale, n_channels, values

    def __call__(self, low_res):
        b, _, c, h, w = low_res.shape
        generator = torch.Generator().manual_seed(0)
        low, high = self.values
        return low + (high - low) * torch.rand(b, c, h * self.scale, w * self.scale, generator=generator)


@psfs
@references
def test_result_seen_by_the_instrument_is_the_input(network, psf, reference):
    """Two dates: their mean, or the lower of the two at every pixel."""
    low_res = series()
    seen = spread_of(network, psf).see(result_of(Fidelity(network, psf=psf, reference=reference), low_res))
    expected = low_res.mean(1) if reference == "mean" else low_res.amin(1)
    torch.testing.assert_close(seen, expected, atol=SEEN, rtol=0)


@psfs
@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 9), (2, 3), (7, 5), (13, 8)], ids=str)
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("n_channels", [1, 3, 4])
def test_every_size_scale_and_number_of_channels_agrees(psf, shape_hw, scale, n_channels):
    network = Painted(scale, n_channels)
    low_res = torch.rand(2, 1, n_channels, *shape_hw, generator=torch.Generator().manual_seed(1)) * 0.9 + 0.05
    seen = spread_of(network, psf).see(result_of(Fidelity(network, psf=psf), low_res))
    torch.testing.assert_close(seen, low_res[:, 0], atol=SEEN, rtol=0)


@references
@pytest.mark.parametrize("n_dates", [1, 2, 3, 5])
def test_dates_without_data_do_not_count(n_dates, reference):
    low_res = series(n_dates=n_dates + 1)
    low_res[:, 0, :, :6] = 0  # upper half of the first date
    low_res[:, -1, :, :, :4] = 0  # left quarter of the last
    held = Fidelity(Painted(), reference=reference)
    seen = spread_of(held, "sentinel2").see(result_of(held, low_res))
    for y, x in ((2, 2), (2, 10), (9, 1), (9, 12)):
        counted = torch.stack([date[:, y, x] for date in low_res[0] if date[:, y, x].any()] or [low_res.new_zeros(3)])
        if not counted.any():
            continue
        # the median of an even number is the lower of the two in the middle, as torch has it
        expected = counted.mean(0) if reference == "mean" else counted.median(0).values
        torch.testing.assert_close(seen[0, :, y, x], expected, atol=SEEN, rtol=0)


def test_a_dark_channel_is_data():
    low_res = series()
    low_res[:, :, 1] = 0
    seen = spread_of(Painted(), "sentinel2").see(result_of(Fidelity(Painted()), low_res))
    torch.testing.assert_close(seen, low_res.mean(1), atol=SEEN, rtol=0)


def test_median_is_not_moved_by_one_date():
    low_res = series(n_dates=5)
    cloudy = low_res.clone()
    cloudy[:, 2, :, 3:8, 3:8] = 1.0
    plain, held = (spread_of(Painted(), "sentinel2").see(
        result_of(Fidelity(Painted(), reference="median"), s)) for s in (low_res, cloudy))  # fmt: skip
    assert (plain - held).abs().max() < 0.05  # the next of five dates of noise 0.01 and gains 0.85 to 1
    mean = spread_of(Painted(), "sentinel2").see(result_of(Fidelity(Painted()), cloudy))
    assert (plain - mean).abs().max() > 0.05


def test_series_without_data_changes_nothing():
    low_res = torch.zeros(1, 2, 3, 8, 8)
    assert torch.equal(result_of(Fidelity(Painted()), low_res), Painted()(low_res))


def test_hole_in_every_date_stays_finite_and_is_filled_from_its_neighbours_alone():
    low_res = series(24, 24)
    low_res[..., 8:16, 8:16] = 0
    held = Fidelity(Painted(), psf="area")
    result, untouched = result_of(held, low_res), Painted()(low_res)
    assert result.isfinite().all()
    hole = (..., slice(32, 64), slice(32, 64))
    torch.testing.assert_close(result[hole], untouched[hole], atol=1e-6, rtol=0)  # area means do not overlap
    wide = result_of(Fidelity(Painted()), low_res)
    moved = (wide - untouched)[..., 44:52, 44:52].abs()
    assert moved.max() < (wide - untouched).abs().max() / 10


def test_strength_zero_leaves_the_result_to_the_bit(network):
    low_res = series()
    assert torch.equal(result_of(Fidelity(network, strength=0.0), low_res), result_of(network, low_res).float())
    assert held_to_input(network, strength=0.0) is network


def test_strength_is_linear(network):
    low_res = series()
    none, quarter, full = (result_of(Fidelity(network, strength=s), low_res) for s in (0.0, 0.25, 1.0))
    torch.testing.assert_close(quarter, 0.75 * none + 0.25 * full, atol=FLOAT32 * none.abs().max().item(), rtol=0)
    assert (full - none).abs().max() > BYTE_STEP


@pytest.mark.parametrize("strength", [-0.1, 1.0001, float("nan"), float("inf")])
def test_other_strengths_are_refused(strength):
    with pytest.raises(ValueError, match="expected 0 to 1"):
        Fidelity(Painted(), strength=strength)


@psfs
@references
def test_holding_twice_is_holding_once_where_nothing_saturates(psf, reference):
    """A projection: the difference that is left is what the cut of the inverse leaves."""
    low_res = series(n_dates=3) * 0.3 + 0.35
    once = Fidelity(Painted(values=(0.4, 0.6)), psf=psf, reference=reference)
    twice = Fidelity(once, psf=psf, reference=reference)
    first, second = result_of(once, low_res), result_of(twice, low_res)
    assert first.min() > 0
    assert first.max() < 1
    torch.testing.assert_close(first, second, atol=FLOAT32 if psf == "area" else 5e-4, rtol=0)


@psfs
def test_holding_twice_comes_nearer_to_the_range_and_still_agrees(psf):
    """Painted from black to white: what agrees leaves [0, 1], a little less with every turn."""
    low_res, once = series(n_dates=3), Fidelity(Painted(), psf=psf)
    twice = Fidelity(once, psf=psf)
    first, second = result_of(once, low_res), result_of(twice, low_res)
    beyond = [(image - image.clamp(0, 1)).abs().mean() for image in (first, second)]
    assert beyond[1] <= beyond[0]
    assert (second - first).abs().mean() < (first - Painted()(low_res)).abs().mean() / 10
    torch.testing.assert_close(spread_of(once, psf).see(second), low_res.mean(1), atol=SEEN, rtol=0)


def test_cut_to_what_a_file_holds_the_result_agrees_better_than_without_turns():
    """Bright roofs beside shadow: most of the series near white, the painting from 0 to 1."""
    low_res = series() * 0.35 + 0.65
    held = Fidelity(Painted())
    point_spread = held.point_spread
    painted = Painted()(low_res)
    single = painted + point_spread.spread(point_spread.solve(low_res.mean(1) - point_spread.see(painted)))
    left = [
        (point_spread.see(image.clamp(0, 1)) - low_res.mean(1)).abs().mean()
        for image in (result_of(held, low_res), single)
    ]
    assert left[0] < left[1] / 2


def test_image_that_agrees_is_left_alone():
    """What the instrument sees of a scene, and the scene."""
    scene = Painted()(series())
    for psf in ("sentinel2", "area"):
        held = Fidelity(Painted(), psf=psf)
        low_res = held.point_spread.see(scene).unsqueeze(1)
        torch.testing.assert_close(result_of(held, low_res), scene, atol=FLOAT32, rtol=0)


def test_what_the_network_says_of_itself_is_passed_on(network):
    held = Fidelity(network)
    assert isinstance(held, SuperResolver)
    for name in ("scale", "n_revisits", "n_channels", "size_multiple", "sees_place"):
        assert getattr(held, name) == getattr(network, name)
    assert held.halo_px == network.halo_px + held.point_spread.radius_px


def test_place_is_passed_on():
    low_res, origins = series(), torch.tensor([[7, -2]])
    held = Fidelity(NoiseByPlace(), strength=0.0)
    assert torch.equal(result_of(held, low_res, origins), NoiseByPlace()(low_res, origins))


def test_parameters_of_the_network_are_its_own():
    network = tiny_date_fusion()
    held = Fidelity(network)
    assert {id(p) for p in held.parameters()} == {id(p) for p in network.parameters()}
    assert not held.eval().network.training


@pytest.mark.parametrize("compute", [FP32, BF16], ids=str)
def test_predictor_gives_what_agrees_in_either_precision(network, compute):
    """Where the predictor had nothing to clamp, the difference to the input stays below a step."""
    dates = unit(textured(2, 16, 20)) * 0.4 + 0.3
    result = Predictor(Fidelity(network), compute).predict(dates[None])
    held = torch.from_numpy(result)
    seen = spread_of(network, "sentinel2").see(held)[0].numpy()
    assert np.isfinite(result).all()
    if held.min() <= BYTE_STEP or held.max() >= 1:
        pytest.skip("the untrained network goes so far that the predictor clamps")
    np.testing.assert_allclose(seen, dates.mean(0), atol=SEEN, rtol=0)


@pytest.mark.parametrize("family", ["date_fusion", "shift_and_add", "bicubic", "srcnn"])
@pytest.mark.parametrize("compute", [FP32, BF16], ids=str)
def test_windows_give_what_the_whole_gives(family, compute):
    if (family, compute) == ("date_fusion", BF16):
        pytest.skip("the network itself moves by a step in bfloat16")
    network, dates = Fidelity(FAMILIES[family]()), unit(textured(2, 12, 130))
    whole = Predictor(network, compute).predict(dates[None])[0]
    tiled = super_resolve_array(network, dates, compute=compute, core_px=16, overlap_px=4)
    np.testing.assert_allclose(tiled, whole, atol=BYTE_STEP, rtol=0)


class WildByPlace(NoiseByPlace):
    """Numbers from about -1 to 2: everything saturates."""

    def __call__(self, low_res, origins=None):
        return 0.5 + 10 * (super().__call__(low_res, origins) - 0.5)


@pytest.mark.parametrize(("network", "limit"), [(NoiseByPlace, BYTE_STEP / 4), (WildByPlace, BYTE_STEP)])
@pytest.mark.parametrize("scale", [2, 4])
def test_placed_network_is_held_in_windows(network, limit, scale):
    """The network knows its place and needs no context: only the correction does."""
    held, dates = Fidelity(network(scale=scale)), unit(textured(2, 30, 90)) * 0.8 + 0.1
    whole = super_resolve_array(held, dates, compute=FP32)
    tiled = super_resolve_array(held, dates, compute=FP32, core_px=16, overlap_px=4)
    np.testing.assert_allclose(tiled, whole, atol=limit, rtol=0)


def test_members_of_an_ensemble_agree_in_what_the_instrument_sees():
    pytest.importorskip("diffusers")
    low_res = series()
    a, b = (result_of(Fidelity(tiny_sr3(seed=seed)), low_res) for seed in (0, 1))
    point_spread = spread_of(tiny_sr3(), "sentinel2")
    torch.testing.assert_close(point_spread.see(a), point_spread.see(b), atol=SEEN, rtol=0)
    assert (a - b).abs().mean() > BYTE_STEP


@pytest.mark.parametrize(("n_in", "n_out"), [(4, 3), (3, 1), (1, 3)])
def test_network_of_other_channels_out_than_in_is_refused(n_in, n_out):
    """There is nothing to compare its result with; one channel must not be spread over three in silence."""

    class Fewer(Painted):
        def __call__(self, low_res):
            return super().__call__(low_res[:, :, :1].expand(-1, -1, n_out, -1, -1))

    low_res = torch.rand(1, 2, n_in, 8, 8) * 0.9 + 0.1
    with pytest.raises(Exception, match="channel"):
        result_of(Fidelity(Fewer(n_channels=n_in)), low_res)


def test_device_of_the_predictor_is_that_of_the_network():
    held = Fidelity(tiny_date_fusion())
    Predictor(held, Compute(torch.device("cpu"), "fp32"))
    assert next(held.network.parameters()).is_contiguous(memory_format=torch.channels_last)
