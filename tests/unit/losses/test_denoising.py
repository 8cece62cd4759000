"""Which noise is drawn, and that a perfect estimate of it costs nothing."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssr.losses.denoising import Corruption, denoising_loss
from tests.support.tolerances import FLOAT32

LEVELS = torch.tensor([1.0, 0.9, 0.6, 0.1])
STANDARD_ERRORS = 5


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(n=20_000, *, levels=LEVELS, seed=0, **arguments):
    return Corruption(levels, **arguments).draw((n, 1, 1, 1), generator(seed))


@given(n_levels=st.integers(1, 30), seed=st.integers(0, 2**62), b=st.integers(1, 9))
def test_levels_lie_within_the_schedule(n_levels, seed, b):
    levels = (1 - torch.linspace(0, 0.999, n_levels + 1)).sqrt()
    signal, noise, sees = Corruption(levels).draw((b, 3, 4, 5), generator(seed))
    assert signal.shape == sees.shape == (b,)
    assert noise.shape == (b, 3, 4, 5)
    assert (levels[-1] <= signal).all()
    assert (signal <= 1).all()


def test_every_gap_is_as_likely_and_uniform_within():
    """Over three gaps of 0.1, 0.3 and 0.5: a third in each, there uniform (Kolmogorov-Smirnov)."""
    signal = drawn().signal
    for noisier, cleaner in ((0.9, 1.0), (0.6, 0.9), (0.1, 0.6)):
        inside = signal[(signal >= noisier) & (signal < cleaner)]
        share = len(inside) / len(signal)
        assert abs(share - 1 / 3) < STANDARD_ERRORS * math.sqrt(2 / 9 / len(signal))
        place = ((inside - noisier) / (cleaner - noisier)).sort().values
        distance = (place - (torch.arange(len(place)) + 0.5) / len(place)).abs().max().item()
        assert distance < 2.2 / math.sqrt(len(place))  # a chance of 1e-4


def test_noise_is_standard_normal_and_apart_from_the_level():
    signal, noise, _ = Corruption(LEVELS).draw((1000, 3, 8, 8), generator())
    n = noise.numel()
    assert abs(noise.mean().item()) < STANDARD_ERRORS / math.sqrt(n)
    assert abs(noise.square().mean().item() - 1) < STANDARD_ERRORS * math.sqrt(2 / n)
    spread = noise.square().mean((1, 2, 3))
    both = torch.corrcoef(torch.stack([signal, spread]))[0, 1].item()
    assert abs(both) < STANDARD_ERRORS / math.sqrt(1000)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_share_of_images_that_see_no_dates(share):
    sees = drawn(p_no_condition=share).sees
    assert set(sees.tolist()) <= {0.0, 1.0}
    missing = 1 - sees.mean().item()
    assert abs(missing - share) <= STANDARD_ERRORS * math.sqrt(share * (1 - share) / len(sees))


def test_seeing_is_apart_from_the_level():
    signal, _, sees = drawn(p_no_condition=0.5)
    assert abs(torch.corrcoef(torch.stack([signal, sees]))[0, 1].item()) < STANDARD_ERRORS / math.sqrt(len(sees))


def test_share_changes_nothing_else():
    for a, b in zip(drawn(50, p_no_condition=0.0)[:2], drawn(50, p_no_condition=0.9)[:2], strict=True):
        assert torch.equal(a, b)


def test_draws_come_from_the_generator_alone():
    state = torch.random.get_rng_state()
    first, again, other = drawn(9), drawn(9), drawn(9, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.noise, other.noise)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_images_of_a_batch_get_levels_of_their_own():
    assert len(drawn(100).signal.unique()) > 90


def test_perfect_estimate_costs_nothing_and_none_the_mean_of_a_half_normal():
    """E |ε| = sqrt(2 / π), variance 1 - 2 / π."""
    noise = torch.randn(4, 3, 64, 64, generator=generator())
    assert denoising_loss(noise, noise) == 0
    expected, error = math.sqrt(2 / math.pi), math.sqrt((1 - 2 / math.pi) / noise.numel())
    assert denoising_loss(torch.zeros_like(noise), noise).item() == pytest.approx(expected, abs=5 * error)


def test_loss_is_the_mean_absolute_error_in_single_precision():
    estimated, noise = torch.tensor([[[[1.0, -3.0]]]]), torch.tensor([[[[0.5, 1.0]]]])
    assert denoising_loss(estimated, noise).item() == pytest.approx((0.5 + 4) / 2, rel=FLOAT32)
    assert denoising_loss(estimated.bfloat16(), noise).dtype == torch.float32
