"""Samplers against solutions in closed form: where images are normal, the best estimate of noise is known.

With that estimate every step is affine in image and noise, so what a sampler does to a normal distribution is found
without drawing: from its answers to unit impulses.
"""

import math
import sys
from itertools import pairwise

import pytest
import torch

from ssr.errors import MissingExtraError
from ssr.models.sampling import NoiseSchedule, Sampler
from tests.support.networks import best_estimate, tiny_sr3
from tests.support.tolerances import FLOAT32

diffusers = pytest.importorskip("diffusers")

SAMPLERS = ("dpm-solver++", "ddim", "ddpm")
SCHEDULES = {"linear": NoiseSchedule(), "cosine": NoiseSchedule(kind="cosine")}
FREE = (-10.0, 10.0)
MEAN = 0.4

every_sampler = pytest.mark.parametrize("kind", SAMPLERS)
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)


class Run:
    """One run of a sampler on normal images; remembers levels and draws."""

    def __init__(self, sampler, spread, *, noise, guess=None, data_range=FREE):
        self.levels, self.draws = [], []
        guess = torch.full_like(noise(0), torch.nan) if guess is None else guess  # unused from pure noise

        def estimate(noisy, level):
            assert level.shape == noisy.shape[:1]
            self.levels.append(level[0].item())
            return best_estimate(noisy, level.view(-1, 1, 1, 1), MEAN, spread)

        def draw(k):
            self.draws.append(k)
            return noise(k)

        self.image = sampler(estimate, draw, guess, data_range=data_range)


def response(sampler, spread):
    """Mean and standard deviation of what a sampler makes of standard normal noise, exactly."""
    n = sampler.n_steps + 2

    def impulse(k):
        answer = torch.zeros(1, 1, 1, n)
        answer[..., k] = 1
        return answer

    image = Run(sampler, spread, noise=impulse).image.flatten()
    nothing = image[-1]
    return nothing.item(), (image[:-1] - nothing).square().sum().sqrt().item()


def followed(kind, levels, spread, noise, guess=None):
    """The path through `levels` to the clean image by the formulas of the papers, in double precision.

    DDIM and DDPM: Song et al. 2021, equations 12 and 16. DPM-Solver++(2M): Lu et al. 2022, algorithm 2; the last step
    is of first order.
    """
    signal = torch.tensor([*levels, 1.0], dtype=torch.float64)
    sigma = (1 - signal**2).sqrt()
    half_log_snr = signal.log() - sigma.log()
    x, before = noise(0).double(), None
    if guess is not None:
        x = signal[0] * guess + sigma[0] * x
    for k, a in enumerate(signal[:-1]):
        estimate = best_estimate(x, a, MEAN, spread)
        clean = (x - sigma[k] * estimate) / a
        if kind == "dpm-solver++":
            h, is_last = half_log_snr[k + 1] - half_log_snr[k], k == len(levels) - 1
            guess = clean
            if before is not None and not is_last:
                ratio = (half_log_snr[k] - half_log_snr[k - 1]) / h
                guess = clean + (clean - before) / (2 * ratio)
            x, before = sigma[k + 1] / sigma[k] * x - signal[k + 1] * torch.expm1(-h) * guess, clean
            continue
        variance = (sigma[k + 1] / sigma[k]) ** 2 * (1 - (a / signal[k + 1]) ** 2) * (kind == "ddpm")
        x = signal[k + 1] * clean + (sigma[k + 1] ** 2 - variance).clamp_min(0).sqrt() * estimate
        x = x + variance.sqrt() * noise(k + 1).double()
    return x


def drawn(shape=(1, 1, 5, 7)):
    return lambda k: torch.randn(shape, generator=torch.Generator().manual_seed(k))


def rounding(run):
    """Single precision over the signal of the first step: 5e-5 where the schedule is linear, 1e-2 for the cosine."""
    return max(FLOAT32, 3e-7 / run.levels[0])


@every_sampler
@every_schedule
@pytest.mark.parametrize("n_steps", [1, 2, 25, 50])
@pytest.mark.parametrize("spread", [0.2, 1.0])
def test_path_is_that_of_the_papers(kind, schedule, n_steps, spread):
    run = Run(Sampler(schedule=schedule, kind=kind, n_steps=n_steps), spread, noise=drawn())
    expected = followed(kind, run.levels, spread, drawn())
    torch.testing.assert_close(run.image.double(), expected, atol=rounding(run), rtol=0)


@every_sampler
@pytest.mark.parametrize(("n_levels", "n_steps"), [(2000, 30), (2000, 1500), (100, 60), (100, 40), (20, 15), (1000, 7)])
def test_path_is_that_of_the_papers_where_steps_do_not_divide_the_levels(kind, n_levels, n_steps):
    """Every step must end at the level at which the next begins, the last without noise."""
    schedule = NoiseSchedule(n_levels=n_levels, beta_start=1e-3, beta_end=min(0.5, 20 / n_levels))
    run = Run(Sampler(schedule=schedule, kind=kind, n_steps=n_steps), 0.2, noise=drawn())
    expected = followed(kind, run.levels, 0.2, drawn())
    torch.testing.assert_close(run.image.double(), expected, atol=rounding(run), rtol=0)


@every_sampler
@pytest.mark.parametrize("n_steps", [1, 2, 3, 7, 24, 25, 26, 50, 61, 99, 103, 121, 122])
def test_every_number_of_steps_takes_so_many_estimates_at_rising_signal(kind, n_steps):
    run = Run(Sampler(schedule=NoiseSchedule(), kind=kind, n_steps=n_steps), 0.2, noise=drawn())
    assert len(run.levels) == n_steps
    assert all(before < after for before, after in pairwise(run.levels))


@every_sampler
@every_schedule
@pytest.mark.parametrize(("n_steps", "start"), [(25, 0.5), (10, 0.4), (5, 0.95), (1, 0.1), (25, 0.41), (12, 0.02)])
def test_path_from_a_guess_begins_in_the_middle(kind, schedule, n_steps, start):
    """From a·guess + sqrt(1 - a²)·ε at the first level with a signal of at least `start` (Meng et al. 2021, SDEdit)."""
    guess = torch.linspace(-1, 1, 35).view(1, 1, 5, 7)
    sampler = Sampler(schedule=schedule, kind=kind, n_steps=n_steps, start_signal=start)
    run = Run(sampler, 0.2, noise=drawn(), guess=guess)
    assert len(run.levels) == n_steps
    assert all(before < after for before, after in pairwise(run.levels))
    signals = schedule.signal_levels()
    assert run.levels[0] == pytest.approx(signals[signals >= start].min().item(), rel=1e-6)
    expected = followed(kind, run.levels, 0.2, drawn(), guess)
    torch.testing.assert_close(run.image.double(), expected, atol=rounding(run) + 1e-4, rtol=0)


@every_sampler
def test_little_noise_leaves_the_guess_little_changed(kind):
    """From a · guess with a near 1 the image can only move as far as the noise that was added."""
    guess = torch.linspace(0.2, 0.6, 35).view(1, 1, 5, 7)
    sampler = Sampler(schedule=NoiseSchedule(), kind=kind, n_steps=2, start_signal=0.9995)
    run = Run(sampler, 0.2, noise=drawn(), guess=guess)
    noise = math.sqrt(1 - run.levels[0] ** 2)
    assert noise < 0.05
    assert (run.image - guess).abs().max() < 4 * noise


DISCRETISATION = {
    ("dpm-solver++", 25, 1.0): 0.01,
    ("dpm-solver++", 25, 0.2): 0.01,
    ("dpm-solver++", 25, 0.1): 0.02,
    ("dpm-solver++", 25, 0.05): 0.07,
    ("dpm-solver++", 25, 0.02): 0.28,
    ("dpm-solver++", 100, 0.2): 0.01,
    ("ddim", 25, 1.0): 0.09,
    ("ddim", 50, 1.0): 0.045,
    ("ddim", 50, 0.2): 0.05,
    ("ddim", 1000, 0.2): 0.01,
    ("ddpm", 50, 1.0): 0.08,
    ("ddpm", 2000, 0.2): 0.02,
}
"""How much of the standard deviation may be missing: the last step goes from σ = 0.018 to the image at once, and what
is finer than that is averaged; the rest is what solvers of first or second order miss."""


@pytest.mark.parametrize(("kind", "n_steps", "spread"), DISCRETISATION)
@every_schedule
def test_normal_images_come_out_with_their_mean_and_spread(kind, n_steps, spread, schedule):
    mean, deviation = response(Sampler(schedule=schedule, kind=kind, n_steps=n_steps), spread)
    # A signal of 0.007 is left at the start of the linear schedule, where pure noise has none.
    assert mean == pytest.approx(MEAN, abs=0.01 * spread + 0.003)
    assert deviation == pytest.approx(spread, rel=DISCRETISATION[kind, n_steps, spread])


@every_sampler
@every_schedule
def test_more_steps_come_nearer(kind, schedule):
    few, many = (abs(response(Sampler(schedule=schedule, kind=kind, n_steps=n), 0.2)[1] - 0.2) for n in (10, 100))
    # What is finer than the last level, σ = 0.018, is averaged whatever the number of steps: 0.0008 of 0.2.
    assert many < max(few / 3, 1e-3)


@every_schedule
def test_drawn_images_have_the_mean_and_spread_that_impulses_foretell(schedule):
    """Ties the trick to what it stands for; 5 standard errors of 40,000 pixels."""
    sampler, n = Sampler(schedule=schedule, kind="ddpm", n_steps=20), 40_000
    image = Run(sampler, 0.3, noise=drawn((4, 1, 100, 100))).image
    mean, deviation = response(sampler, 0.3)
    assert image.mean().item() == pytest.approx(mean, abs=5 * deviation / math.sqrt(n))
    assert image.std().item() == pytest.approx(deviation, rel=5 / math.sqrt(2 * n))


@every_sampler
@every_schedule
@pytest.mark.parametrize("n_steps", [1, 5, 25])
def test_where_there_is_one_image_it_comes_out(kind, schedule, n_steps):
    image = Run(Sampler(schedule=schedule, kind=kind, n_steps=n_steps), 0.0, noise=drawn()).image
    # One step divides rounding by a signal of 0.007, or 2e-5 for the cosine; every further one mends that.
    rounding = {1: 5e-2, 5: 1e-4, 25: 1e-4}[n_steps]
    torch.testing.assert_close(image, torch.full_like(image, MEAN), atol=rounding, rtol=0)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_ddpm_with_all_levels_is_that_of_diffusers(schedule):
    """`DDPMScheduler` (Ho et al. 2020, posterior mean and variance), step by step; the network is no solution."""
    ours = NoiseSchedule(kind=schedule, n_levels=20, beta_start=1e-3, beta_end=0.3)
    shape, generator = (2, 3, 4, 5), torch.Generator().manual_seed(0)
    noises = [torch.randn(shape, generator=generator) for _ in range(20)]

    def estimate(noisy, level):
        return torch.tanh(noisy * (1 + level[0])) + 0.1

    theirs = diffusers.DDPMScheduler(
        **ours.options(), variance_type="fixed_small", clip_sample=True, clip_sample_range=1.0
    )
    theirs.set_timesteps(20)
    generator.manual_seed(0)
    x = torch.randn(shape, generator=generator)
    for level in theirs.timesteps:
        noise = estimate(x, theirs.alphas_cumprod[level].sqrt().expand(2))
        x = theirs.step(noise, level, x, generator=generator).prev_sample
    noises.append(torch.zeros(shape))  # the last step needs none
    found = Sampler(schedule=ours, kind="ddpm", n_steps=20)(
        estimate, noises.__getitem__, torch.zeros(shape), data_range=(-1, 1)
    )
    torch.testing.assert_close(found, x, atol=1e-4, rtol=0)  # the first step divides by a signal of 0.005 at worst


@pytest.mark.parametrize(("kind", "expected"), [("dpm-solver++", [0]), ("ddim", [0]), ("ddpm", list(range(7)))])
def test_noise_is_drawn_once_a_step_where_the_sampler_is_random(kind, expected):
    assert Run(Sampler(schedule=NoiseSchedule(), kind=kind, n_steps=7), 0.2, noise=drawn()).draws == expected


@pytest.mark.parametrize("n_steps", [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 25, 100])
@every_sampler
@every_schedule
def test_every_number_of_steps_gives_numbers(kind, schedule, n_steps):
    """Near pure noise 1 - ᾱ - σ² is a difference of nearly equal numbers under a root."""
    image = Run(Sampler(schedule=schedule, kind=kind, n_steps=n_steps), 0.2, noise=drawn(), data_range=(0, 1)).image
    assert image.isfinite().all()


@every_sampler
def test_one_sampler_serves_many_images(kind):
    """Solvers remember the steps before: nothing may be left for the next image."""
    sampler = Sampler(schedule=NoiseSchedule(), kind=kind, n_steps=6)
    first, second = (Run(sampler, 0.2, noise=drawn()).image for _ in range(2))
    assert torch.equal(first, second)


@every_sampler
def test_clean_images_are_kept_in_their_range(kind):
    """The mean of the images lies beyond it."""
    image = Run(Sampler(schedule=NoiseSchedule(), kind=kind), 0.03, noise=drawn(), data_range=(0.0, 0.25)).image
    torch.testing.assert_close(image, torch.full_like(image, 0.25), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("n_levels", "start", "end"), [(2000, 1e-6, 1e-2), (20, 1e-3, 0.3), (1000, 1e-4, 0.02)])
def test_linear_levels_are_roots_of_products_of_what_is_kept(n_levels, start, end):
    levels = NoiseSchedule(n_levels=n_levels, beta_start=start, beta_end=end).signal_levels()
    kept = 1 - torch.linspace(start, end, n_levels, dtype=torch.float64)
    expected = torch.cat([torch.ones(1, dtype=torch.float64), kept.cumprod(0)]).sqrt()
    torch.testing.assert_close(levels.double(), expected, atol=FLOAT32, rtol=1e-4)  # a product of 2,000 in float32


def test_cosine_levels_are_those_of_nichol_and_dhariwal():
    """Equation 17, s = 0.008, β at most 0.999."""
    n = 50
    f = [math.cos((t / n + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(n + 1)]
    expected, kept = [1.0], 1.0
    for before, after in pairwise(f):
        kept *= 1 - min(1 - after / before, 0.999)
        expected.append(math.sqrt(kept))
    levels = NoiseSchedule(kind="cosine", n_levels=n).signal_levels()
    torch.testing.assert_close(levels, torch.tensor(expected), atol=FLOAT32, rtol=0)


@every_schedule
@pytest.mark.parametrize("n_levels", [2, 20, 2000])
def test_levels_fall_from_one(schedule, n_levels):
    levels = NoiseSchedule(kind=schedule.kind, n_levels=n_levels).signal_levels()
    assert len(levels) == n_levels + 1
    assert levels[0] == 1
    assert (levels.diff() < 0).all()
    assert levels[-1] > 0


@pytest.mark.parametrize(
    "needs",
    [
        lambda: NoiseSchedule().signal_levels(),
        lambda: Run(Sampler(schedule=NoiseSchedule(), n_steps=2), 0.2, noise=drawn()),
        lambda: tiny_sr3()(torch.rand(1, 2, 3, 4, 4)),
    ],
    ids=["levels", "sampler", "network"],
)
def test_without_diffusers_the_extra_is_named(needs, monkeypatch):
    """None in `sys.modules` is how Python marks a module that must not be found."""
    for name in [name for name in sys.modules if name == "diffusers" or name.startswith("diffusers.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"diffusers.*satlas-super-resolution\[diffusion\]"):
        needs()
