"""The simulated orbit against closed forms: where it looks, how it blurs, and that its draws are its generator's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssr.data.simulate import Degradation, SimulatedSeries, sampling_matrix, simulate_series
from tests.support.tolerances import BYTE_STEP, FLOAT32

PLAIN = Degradation(
    blur_sigma_px=(0.5, 0.5),
    shift_sigma_px=0.0,
    gain_sigma=0.0,
    channel_gain_sigma=0.0,
    bias_sigma=0.0,
    haze_probability=0.0,
    noise_factor=(0.0, 0.0),
    parallax_sigma_px=0.0,
    resampling_probability=0.0,
    channel_blur=(1.0, 1.0, 1.0, 1.0),
    cloud_probability=0.0,
    no_data_probability=0.0,
    transient_probability=0.0,
    look_probability=0.0,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ground(b: int = 2, side: int = 64, seed: int = 9) -> torch.Tensor:
    return torch.rand(b, 3, side, side, generator=generator(seed))


def simulated(seed: int = 0, n_revisits: int = 4, **arguments: object) -> SimulatedSeries:
    return simulate_series(ground(), n_revisits=n_revisits, generator=generator(seed), **arguments)


@settings(max_examples=25, deadline=None)
@given(
    b=st.integers(1, 3),
    n_revisits=st.integers(1, 6),
    coarse=st.tuples(st.integers(6, 14), st.integers(6, 14)),
    scale=st.sampled_from([2, 3, 4]),
    margin_px=st.integers(0, 2),
    n_channels=st.sampled_from([1, 3, 4]),
)
def test_shapes_follow_the_ground_its_scale_and_margin(b, n_revisits, coarse, scale, margin_px, n_channels):
    h, w = (side - 2 * margin_px for side in coarse)
    place = torch.rand(b, n_channels, coarse[0] * scale, coarse[1] * scale, generator=generator())
    series = simulate_series(
        place, n_revisits=n_revisits, generator=generator(), ranges=Degradation(scale=scale), margin_px=margin_px
    )
    assert series.low_res.shape == (b, n_revisits, n_channels, h, w)
    assert series.high_res.shape == (b, n_channels, h * scale, w * scale)
    assert series.shift_px.shape == (b, n_revisits, 2)
    assert series.clear.shape == (b, n_revisits, h, w)
    assert all(part.isfinite().all() for part in series)


def test_draws_come_from_the_generator_alone():
    first, state = simulated(3), torch.random.get_rng_state()
    again, other = simulated(3), simulated(4)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.low_res, other.low_res)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_ground_is_left_as_it_was():
    place = ground()
    simulate_series(place, n_revisits=3, generator=generator())
    assert torch.equal(place, ground())


@pytest.mark.parametrize("n_revisits", [1, 2, 5])
def test_displacements_sum_to_zero(n_revisits):
    shift_px = simulated(n_revisits=n_revisits).shift_px
    torch.testing.assert_close(shift_px.sum(1), torch.zeros(2, 2), atol=FLOAT32, rtol=0)
    assert shift_px.eq(0).all() == (n_revisits == 1)


def test_displacements_are_those_that_were_asked_for():
    place = torch.full((200, 1, 16, 16), 0.5)
    series = simulate_series(place, n_revisits=8, generator=generator(), ranges=Degradation(), margin_px=0)
    spread = series.shift_px.std().item()
    assert spread == pytest.approx(0.30 * (7 / 8) ** 0.5, rel=0.05)  # centring takes one of eight degrees of freedom
    assert series.shift_px.abs().max() <= 2 * 0.9


def gaussian_samples(place: torch.Tensor, shift_xy: tuple[float, float], sigma_px: float) -> torch.Tensor:
    """Every coarse pixel as the Gaussian mean of all fine pixels, written as one weight per pair."""
    side = place.shape[-1]
    fine = (torch.arange(side, dtype=torch.float64) + 0.5) / 4
    coarse = torch.arange(side // 4, dtype=torch.float64) + 0.5
    y, x = ((coarse[:, None] + shift - fine) / sigma_px for shift in (shift_xy[1], shift_xy[0]))
    weight = torch.exp(-0.5 * (y[:, None, :, None] ** 2 + x[None, :, None, :] ** 2))
    weight /= weight.sum((2, 3), keepdim=True)
    return torch.einsum("ijyx,bcyx->bcij", weight, place.double())


def test_date_without_degradation_shows_the_ground_where_it_looks():
    """A blurred ramp is the ramp itself; beside a flat channel, which cancels growth, it tells where a pixel lies."""
    side, n_dates = 96, 3
    ramp = 0.3 + 0.4 * (torch.arange(side) + 0.5) / side
    place = torch.stack([torch.full((side, side), 0.5), ramp.expand(side, side), ramp[:, None].expand(side, side)])[
        None
    ]
    settings = {name: getattr(PLAIN, name) for name in PLAIN.__dataclass_fields__} | {"shift_sigma_px": 0.6}
    series = simulate_series(place, n_revisits=n_dates, generator=generator(), ranges=Degradation(**settings))
    centre = torch.arange(2, side // 4 - 2) + 0.5
    for date, shift_px in zip(series.low_res[0], series.shift_px[0], strict=True):
        for axis in (0, 1):
            seen = (date[1 + axis] / date[0]).mean(axis) * 0.5
            expected = 0.3 + 0.4 * (centre + shift_px[axis]) * 4 / side
            torch.testing.assert_close(seen, expected, atol=BYTE_STEP / 2, rtol=0)
    assert series.shift_px.abs().max() > 0.2
    assert torch.equal(series.high_res, place[..., 8:-8, 8:-8])
    assert series.clear.all()


@pytest.mark.parametrize("shift_xy", [(0.0, 0.0), (0.3, -0.45)])
def test_separable_sampling_is_the_gaussian_sample(shift_xy):
    place, sigma = ground(1, 32), torch.tensor(0.5)
    rows, columns = (sampling_matrix(32, 4, torch.tensor(shift), sigma) for shift in (shift_xy[1], shift_xy[0]))
    expected = gaussian_samples(place, shift_xy, 0.5).float()
    torch.testing.assert_close(rows @ place @ columns.T, expected, atol=FLOAT32, rtol=0)


@settings(max_examples=50, deadline=None)
@given(
    n_coarse=st.integers(4, 20),
    scale=st.integers(1, 6),
    shift_px=st.floats(-1.5, 1.5, allow_nan=False),
    sigma_px=st.floats(0.3, 1.0),
)
def test_rows_of_the_sampling_matrix_sum_to_one(n_coarse, scale, shift_px, sigma_px):
    matrix = sampling_matrix(n_coarse * scale, scale, torch.tensor(shift_px), torch.tensor(sigma_px))
    assert matrix.shape == (n_coarse, n_coarse * scale)
    torch.testing.assert_close(matrix.sum(1), torch.ones(n_coarse), atol=FLOAT32, rtol=0)


@pytest.mark.parametrize("shift_px", [-0.6, 0.0, 0.25])
def test_rows_of_the_sampling_matrix_look_where_the_date_lies(shift_px):
    matrix = sampling_matrix(80, 4, torch.tensor(shift_px), torch.tensor(0.5))
    centre = matrix @ ((torch.arange(80) + 0.5) / 4)
    expected = torch.arange(20) + 0.5 + shift_px
    torch.testing.assert_close(centre[4:-4], expected[4:-4], atol=1e-3, rtol=0)  # the Gaussian is sampled four times


@pytest.mark.parametrize("seed", range(4))
def test_values_are_bytes_of_which_zero_means_no_data(seed):
    low_res = simulated(seed, ranges=Degradation(no_data_probability=0.8, cloud_probability=0.5)).low_res
    steps = low_res * 255
    assert torch.equal(steps.round() / 255, low_res)
    assert low_res.min() >= 0
    assert low_res.max() <= 1
    missing = low_res.eq(0)
    assert torch.equal(missing.any(2), missing.all(2))  # never one channel alone
    assert missing.any()
    assert not missing[:, 0].any()


def test_truth_stays_in_range_and_has_no_holes():
    high_res = simulated(ranges=Degradation(look_probability=1.0)).high_res
    assert high_res.min() >= 1 / 255
    assert high_res.max() <= 1


def test_dark_ground_is_not_mistaken_for_no_data():
    series = simulate_series(torch.zeros(1, 3, 32, 32), n_revisits=3, generator=generator(), ranges=PLAIN)
    assert series.low_res.min() == 1 / 255


def test_pixels_without_data_are_not_clear():
    series = simulated(ranges=Degradation(no_data_probability=1.0))
    assert not (series.clear & series.low_res.eq(0).all(2)).any()


def test_clouds_lie_where_the_mask_says():
    """Same draws with and without clouds: only pixels that are not clear differ by more than a thin veil."""
    quiet = {name: getattr(PLAIN, name) for name in PLAIN.__dataclass_fields__}
    cloudy = simulated(ranges=Degradation(**quiet | {"cloud_probability": 1.0}), n_revisits=5)
    plain = simulated(ranges=PLAIN, n_revisits=5)
    difference = (cloudy.low_res - plain.low_res).abs().amax(2)
    assert difference[cloudy.clear].max() <= 0.2 + BYTE_STEP  # a tenth of cloud and a tenth of shadow
    assert difference[~cloudy.clear].mean() > 0.1
    assert (~cloudy.clear).any()


@pytest.mark.parametrize(("n_revisits", "at_most"), [(1, 0), (2, 1), (3, 1), (8, 4)])
def test_at_most_half_of_the_dates_are_cloudy(n_revisits, at_most):
    quiet = {name: getattr(PLAIN, name) for name in PLAIN.__dataclass_fields__}
    series = simulated(ranges=Degradation(**quiet | {"cloud_probability": 1.0}), n_revisits=n_revisits)
    assert (~series.clear).any(3).any(2).sum(1).max() <= at_most


def with_plain(**changed: object) -> Degradation:
    return Degradation(**{name: getattr(PLAIN, name) for name in PLAIN.__dataclass_fields__} | changed)


@pytest.mark.parametrize("value", [0.1, 0.5, 0.9])
def test_noise_has_the_variance_of_its_law(value):
    ranges = with_plain(noise_factor=(1.0, 1.0), noise_floor=0.004, noise_slope=2e-4)
    place = torch.full((2, 3, 128, 128), value)
    series = simulate_series(place, n_revisits=6, generator=generator(), ranges=ranges)
    found = series.low_res.flatten(3).var(3).mean()  # the slow change of light is seen too
    quiet = simulate_series(place, n_revisits=6, generator=generator(), ranges=with_plain()).low_res.flatten(3).var(3)
    expected = 0.004**2 + 2e-4 * value
    assert (found - quiet.mean()).item() == pytest.approx(expected, rel=0.1)


def test_bands_lie_apart_by_the_parallax_and_about_their_mean():
    side = 96
    ramp = 0.3 + 0.4 * (torch.arange(side) + 0.5) / side
    flat_and_ramps = torch.stack([ramp.expand(side, side)] * 3)[None].expand(8, -1, -1, -1)
    ranges = with_plain(parallax_sigma_px=0.3)
    series = simulate_series(flat_and_ramps, n_revisits=4, generator=generator(), ranges=ranges)
    place = (series.low_res / series.low_res.mean(2, keepdim=True) - 1).mean((3, 4))  # growth cancels
    apart_px = place * 0.5 / (0.4 * 4 / side)
    assert apart_px.std().item() == pytest.approx(0.3 * (2 / 3) ** 0.5, rel=0.25)
    torch.testing.assert_close(apart_px.mean(2), torch.zeros(8, 4), atol=0.02, rtol=0)


def test_blue_is_sharper_than_red_and_near_infrared():
    step = torch.zeros(1, 4, 64, 64)
    step[..., 32:] = 0.8
    step += 0.1
    ranges = with_plain(channel_blur=(1.3, 1.0, 0.8, 1.5))
    seen = simulate_series(step, n_revisits=1, generator=generator(), ranges=ranges).low_res[0, 0]
    steepest = seen.diff(dim=2).amax(2).mean(1)
    red, green, blue, infrared = steepest.tolist()
    assert blue > green > red > infrared


def test_veil_is_blue_and_spares_the_near_infrared():
    ranges = with_plain(look_probability=1.0, look_gain=(1.0, 1.0), look_veil=(0.2, 0.2), look_tilt=(0.0, 0.0))
    dark = simulate_series(torch.zeros(64, 4, 32, 32), n_revisits=1, generator=generator(), ranges=ranges).high_res
    red, green, blue, infrared = dark.mean((0, 2, 3)).tolist()
    assert [red, green, blue, infrared] == pytest.approx([0.10, 0.19, 0.28, 0.02], abs=0.005)


def test_red_keeps_more_contrast_than_blue():
    ranges = with_plain(
        look_probability=1.0, look_veil=(0.0, 0.0), look_tilt=(0.2, 0.2), look_gain=(0.6, 0.6), look_gamma=(1.0, 1.0)
    )
    place = torch.rand(200, 1, 24, 24, generator=generator(5)).expand(-1, 3, -1, -1)
    high_res = simulate_series(place, n_revisits=1, generator=generator(), ranges=ranges).high_res
    red, green, blue = high_res.std((2, 3)).mean(0).tolist()
    assert [red / green, blue / green] == pytest.approx([1.2, 0.8], rel=0.03)


def test_resampling_changes_what_is_finest_and_nothing_else():
    place = ground()
    plain, resampled = (
        simulate_series(place, n_revisits=2, generator=generator(), ranges=with_plain(resampling_probability=p)).low_res
        for p in (0.0, 1.0)
    )
    difference = plain - resampled
    assert difference.std() > 2 * BYTE_STEP
    pooled = torch.nn.functional.avg_pool2d(difference.flatten(0, 1), 4)
    assert pooled.std() < 0.25 * difference.std()
