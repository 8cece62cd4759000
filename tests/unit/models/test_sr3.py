"""SR3 as a sampler: which images, how many calls, and that a pixel's result belongs to its place and surroundings."""

from itertools import pairwise

import pytest
import torch

from ssr.models.bicubic import enlarge
from ssr.models.noise import normal_at
from ssr.models.protocol import SuperResolver
from ssr.models.sr3 import SR3
from tests.support.networks import SR3_REACH_PX, from_seed, tiny_sr3
from tests.support.tolerances import BYTE_STEP, FLOAT32

pytest.importorskip("diffusers")

CONTEXTS = pytest.mark.parametrize("context", ["window", "local"])


def series(b=1, t=2, h=8, w=8, *, c=3, seed=0):
    return torch.rand(b, t, c, h, w, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def image_of(network, low_res, origins=None):
    return network(low_res, origins)


def test_it_keeps_the_protocol():
    network = tiny_sr3()
    assert isinstance(network, SuperResolver)
    assert network.sees_place
    assert (network.scale, network.n_revisits, network.n_channels) == (4, 2, 3)


@pytest.mark.parametrize(
    ("n_levels", "scale", "expected"), [(5, 4, 4), (1, 4, 1), (2, 4, 1), (3, 4, 1), (4, 4, 2), (3, 1, 4), (3, 3, 4)]
)
def test_sizes_are_multiples_that_the_halvings_divide_on_the_fine_grid(n_levels, scale, expected):
    network = tiny_sr3(multipliers=(1,) * n_levels, attention_levels=(), scale=scale, n_sampling_steps=1)
    assert network.size_multiple == expected
    assert image_of(network, series(h=expected, w=3 * expected)).shape[2:] == (expected * scale, 3 * expected * scale)


@pytest.mark.parametrize(
    ("arguments", "n_calls", "batch"),
    [
        ({"n_sampling_steps": 25}, 25, 3),
        ({"n_sampling_steps": 7, "sampler": "ddim"}, 7, 3),
        ({"n_sampling_steps": 7, "sampler": "ddpm"}, 7, 3),
        ({"n_sampling_steps": 4, "guidance": 2.5}, 4, 6),
        ({"n_sampling_steps": 4, "guidance": 0.0}, 4, 6),
        ({"n_sampling_steps": 1}, 1, 3),
    ],
    ids=str,
)
def test_network_is_called_once_a_step(arguments, n_calls, batch):
    network, sizes = tiny_sr3(**arguments), []
    network.denoise_fn.register_forward_hook(lambda _module, inputs, _output: sizes.append(len(inputs[0])))
    image_of(network, series(3))
    assert sizes == [batch] * n_calls


def test_default_sampler_takes_at_most_25_calls():
    with torch.device("meta"):
        network = SR3()
    assert network.guidance == 1
    assert network.sampler.n_steps <= 25


def test_levels_fall_from_noise_to_image():
    network, levels = tiny_sr3(n_sampling_steps=10, start_signal=0.0), []
    network.denoise_fn.register_forward_hook(lambda _module, inputs, _output: levels.append(inputs[1]))
    image_of(network, series(2))
    assert all(level.shape == (2,) and level[0] == level[1] for level in levels)
    assert levels[0][0] < 0.01  # ᾱ of 2,000 levels up to 1e-2 is exp(-10)
    assert all(before[0] < after[0] for before, after in pairwise(levels))


@CONTEXTS
@pytest.mark.parametrize("data_range", ["unit", "signed"])
@pytest.mark.parametrize("sampler", ["dpm-solver++", "ddim", "ddpm"])
def test_image_lies_in_unit_range(context, data_range, sampler):
    image = image_of(tiny_sr3(context=context, data_range=data_range, sampler=sampler, n_sampling_steps=5), series(2))
    assert (image.shape, image.dtype) == ((2, 3, 32, 32), torch.float32)
    assert image.min() >= -1e-6
    assert image.max() <= 1 + 1e-6
    assert 0.1 < image.std() < 0.4  # an image, not black and white dots


@CONTEXTS
def test_same_input_gives_the_same_bytes_whatever_torch_drew_before(context):
    network, low_res = tiny_sr3(context=context, sampler="ddpm"), series(2)
    first = image_of(network, low_res)
    torch.rand(5)
    state = torch.random.get_rng_state()
    assert torch.equal(image_of(network, low_res), first)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(image_of(tiny_sr3(context=context, sampler="ddpm"), low_res), first)


@CONTEXTS
@pytest.mark.parametrize("arguments", [{}, {"sampler": "ddpm"}, {"guidance": 3.0}], ids=str)
def test_image_does_not_depend_on_its_batch(context, arguments):
    network, low_res = tiny_sr3(context=context, **arguments), series(3)
    origins = torch.tensor([[0, 0], [5, 9], [-4, 2]])
    together = image_of(network, low_res, origins)
    alone = torch.cat([image_of(network, low_res[k : k + 1], origins[k : k + 1]) for k in range(3)])
    torch.testing.assert_close(together, alone, atol=FLOAT32, rtol=0)


@CONTEXTS
@pytest.mark.parametrize("seed", [0, 7])
def test_members_of_an_ensemble_are_the_images_of_the_following_seeds(context, seed):
    low_res, origins = series(2), torch.tensor([[0, 0], [3, 5]])
    with torch.no_grad():
        ensemble = tiny_sr3(context=context, seed=seed).sample(low_res, 3, origins=origins)
    assert ensemble.shape == (2, 3, 3, 32, 32)
    for k in range(3):
        assert torch.equal(ensemble[:, k], image_of(tiny_sr3(context=context, seed=seed + k), low_res, origins))
    assert (ensemble[:, 0] - ensemble[:, 1]).abs().mean() > BYTE_STEP


def test_no_origin_means_the_first_pixel_of_the_scene():
    network, low_res = tiny_sr3(), series(2)
    assert torch.equal(image_of(network, low_res), image_of(network, low_res, torch.zeros(2, 2, dtype=torch.int64)))
    assert not torch.equal(image_of(network, low_res), image_of(network, low_res, torch.ones(2, 2, dtype=torch.int64)))


@pytest.mark.parametrize(
    ("dtype", "origin"),
    [(torch.int32, (9_000, 3)), (torch.int16, (9_000, 3)), (torch.uint8, (100, 70)), (torch.int32, (2**29, 1))],
    ids=str,
)
def test_every_integer_type_of_origin_names_the_same_place(dtype, origin):
    """Four times the origin must not overflow its type."""
    network, low_res, places = tiny_sr3(n_sampling_steps=1), series(), torch.tensor([origin])
    assert torch.equal(image_of(network, low_res, places.to(dtype)), image_of(network, low_res, places))


def test_start_is_the_noise_of_the_place_on_the_fine_grid():
    """Estimating no noise at all, one step gives the start over its signal, clamped."""
    network = tiny_sr3(n_sampling_steps=1, seed=5, start_signal=0.0)
    network.denoise_fn.register_forward_hook(lambda _module, _inputs, output: torch.zeros_like(output))
    seen = []
    network.denoise_fn.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    image_of(network, series(), torch.tensor([[2, -3]]))
    assert torch.equal(seen[0][:, 6:], normal_at(torch.tensor([[8, -12]]), (3, 32, 32), seed=5, draw=0))


@pytest.mark.parametrize("data_range", ["unit", "signed"])
def test_start_in_the_middle_is_the_enlarged_median_in_noise(data_range):
    """Of two dates the lower at every pixel; where one has no data the other."""
    network, low_res = tiny_sr3(n_sampling_steps=2, start_signal=0.5, data_range=data_range), series()
    low_res[:, 0, :, :4] = 0
    median = torch.where(low_res[:, 0].any(1, keepdim=True), low_res.amin(1), low_res[:, 1])
    guess = network.to_data_range(enlarge(median, 4))
    seen = []
    network.denoise_fn.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs))
    image_of(network, low_res)
    noisy, level = seen[0][0][:, 6:], seen[0][1][0]
    noise = normal_at(torch.zeros(1, 2, dtype=torch.int64), (3, 32, 32), seed=0, draw=0)
    expected = level * guess + (1 - level**2).sqrt() * noise
    torch.testing.assert_close(noisy, expected, atol=FLOAT32, rtol=0)
    assert len(seen) == 2


def test_condition_repeats_every_pixel_of_every_date():
    low_res = series(2, h=3, w=5)
    expected = low_res.flatten(1, 2).repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert torch.equal(tiny_sr3().condition(low_res), expected)


def test_bicubic_condition_enlarges_every_date():
    low_res = series(2, h=3, w=5)
    expected = torch.cat([enlarge(date, 4) for date in low_res.unbind(1)], 1)
    torch.testing.assert_close(tiny_sr3(upsampling="bicubic").condition(low_res), expected, atol=1e-6, rtol=0)


def test_signed_range_maps_black_to_minus_one_and_white_to_one():
    network = tiny_sr3(data_range="signed")
    torch.testing.assert_close(network.to_data_range(torch.tensor([0.0, 0.25, 1.0])), torch.tensor([-1.0, -0.5, 1.0]))
    unit = tiny_sr3().condition(series())
    torch.testing.assert_close(network.condition(series()), 2 * unit - 1, atol=1e-6, rtol=0)


@pytest.mark.parametrize("data_range", ["unit", "signed"])
def test_network_that_knows_the_image_samples_it(data_range):
    """ε̂ = (x - a·x0) / sqrt(1 - a²): every step points at x0."""
    network = tiny_sr3(data_range=data_range, n_sampling_steps=25)
    truth = series(1, 1, 32, 32, seed=3)[:, 0]
    clean = network.to_data_range(truth)

    def know(_module, inputs, _output):
        a = inputs[1].view(-1, 1, 1, 1)
        return (inputs[0][:, 6:] - a * clean) / (1 - a**2).sqrt()

    network.denoise_fn.register_forward_hook(know)
    torch.testing.assert_close(image_of(network, series()), truth, atol=1e-4, rtol=0)  # noise over signal: 1e-6 · 150


@CONTEXTS
def test_guidance_exaggerates_what_the_dates_say(context):
    """Ho & Salimans 2022, equation 6: (1 + w) guided - w unguided."""
    plain, guided = tiny_sr3(context=context), tiny_sr3(context=context, guidance=3.0)
    noisy, level = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.tensor([0.3, 0.8])
    condition = plain.condition(series(2, h=4, w=4))
    with torch.no_grad():
        with_dates = plain.estimate_noise(condition, noisy, level)
        without = plain.estimate_noise(torch.zeros_like(condition), noisy, level)
        found = guided.estimate_noise(condition, noisy, level)
    torch.testing.assert_close(found, 3 * with_dates - 2 * without, atol=FLOAT32, rtol=0)


def flat_beside(structure):
    """One colour; bright structure from column 40 on, or not."""
    low_res = torch.tensor([0.2, 0.3, 0.25])[:, None, None].expand(1, 2, 3, 8, 56).clone()
    if structure:
        low_res[..., 40:] = (torch.arange(16) % 3 == 0).float() * 0.8 + 0.2
    return low_res


ROUNDING = 1e-7
"""Sums of another width may be taken in another order; some processors do."""


def difference_of_flat_parts(context, n_steps, **arguments):
    """Largest difference a column between the two scenes, on the fine grid."""
    network = tiny_sr3(context=context, n_sampling_steps=n_steps, **arguments)
    return (image_of(network, flat_beside(False)) - image_of(network, flat_beside(True))).abs().amax((0, 1, 2))


@pytest.mark.parametrize("data_range", ["unit", "signed"])
@pytest.mark.parametrize("level", [0.05, 0.5, 0.95])
def test_statistics_of_a_window_do_not_tint_flat_ground(level, data_range):
    """One estimate: `local` leaves ground beyond its reach as it was to the bit, `window` shifts all of it."""
    near = 160 - SR3_REACH_PX
    for context in ("local", "window"):
        network = tiny_sr3(context=context, data_range=data_range, is_tame=False)
        noisy = 0.3 + torch.randn(1, 3, 32, 224, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            plain, beside = (
                network.estimate_noise(network.condition(flat_beside(s)), noisy, torch.tensor([level]))
                for s in (False, True)
            )
        moved = (plain - beside)[..., :near]
        if context == "local":
            assert torch.equal(plain[..., :near], beside[..., :near])
        else:
            assert moved.abs().mean() > BYTE_STEP
    assert not torch.equal(plain[..., 160:], beside[..., 160:])


def test_flat_ground_keeps_its_colour_over_two_steps_however_its_window_goes_on():
    near = 160 - 2 * SR3_REACH_PX
    assert difference_of_flat_parts("local", 2)[:near].max() < ROUNDING
    assert difference_of_flat_parts("window", 2)[:near].mean() > BYTE_STEP


@pytest.mark.parametrize("n_steps", [8, pytest.param(25, marks=pytest.mark.slow)])
def test_flat_ground_keeps_its_colour_over_a_whole_run(n_steps):
    """25 steps could see 1,400 px; what matters fades much sooner."""
    near = 160 - 2 * SR3_REACH_PX
    assert difference_of_flat_parts("local", n_steps)[:near].max() < BYTE_STEP / 4
    assert difference_of_flat_parts("window", n_steps)[:near].mean() > 2 * BYTE_STEP


@pytest.mark.parametrize("sampler", ["dpm-solver++", "ddpm"])
def test_windows_of_one_scene_agree_where_both_have_context(sampler):
    """Content and origins move together by multiples of the size multiple: so does the result."""
    network = tiny_sr3(
        context="local", n_sampling_steps=2, sampler=sampler, multipliers=(1, 1, 1, 1), attention_levels=()
    )
    assert network.size_multiple == 2
    shift, height, width = 4, 8, 160
    scene = series(1, h=height, w=width + shift, seed=4)
    first = image_of(network, scene[..., :width], torch.tensor([[30, 10]]))
    second = image_of(network, scene[..., shift:], torch.tensor([[30, 10 + shift]]))
    # At an eighth of the resolution: 7 convolutions and one attention of 3 (mid); 6 at a quarter, half, and 8 at full,
    # halvings and doublings 2 · (1 + 2 + 4); two steps.
    reach = -(-2 * (8 * (8 + 3) + 4 * 6 + 2 * 6 + 8 + 14 + 8) // 4)
    a, b = first[..., 4 * (shift + reach) : -4 * reach], second[..., 4 * reach : -4 * (shift + reach)]
    assert a.shape[-1] >= 4
    torch.testing.assert_close(a, b, atol=FLOAT32, rtol=0)
    other_place = image_of(network, scene[..., shift:], torch.tensor([[30, 10]]))
    assert (other_place - second).abs().mean() > BYTE_STEP


def test_evaluation_leaves_dropout_out():
    network, low_res = tiny_sr3(dropout=0.5), series()
    assert torch.equal(image_of(network, low_res), image_of(network, low_res))


@pytest.mark.slow
def test_published_network_draws_an_image():
    network = from_seed(lambda: SR3(n_sampling_steps=1)).eval()
    image = image_of(network, series(1, 8, 8, 8))
    assert image.shape == (1, 3, 32, 32)
    assert image.isfinite().all()
