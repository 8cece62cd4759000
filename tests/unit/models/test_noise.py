"""Noise of a place: the same from every window, and standard normal wherever one looks."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssr.models.noise import normal_at

STANDARD_ERRORS = 5
"""How far a statistic may lie from its expectation; seeds are fixed, so nothing fails by chance from run to run."""
FAR = [(0, 0), (-300, 77), (2**31 + 5, -(2**31) - 9), (-(2**62), 2**62)]
coordinates = st.integers(-(2**40), 2**40)


def field(origin=(0, 0), shape_chw=(3, 256, 256), *, seed=0, draw=0):
    return normal_at(torch.tensor([origin]), shape_chw, seed=seed, draw=draw)[0]


def assert_uncorrelated(a, b):
    product_mean = (a.double() * b.double()).mean().item()
    assert abs(product_mean) < STANDARD_ERRORS / math.sqrt(a.numel())


def test_shape_and_type():
    noise = normal_at(torch.zeros(4, 2, dtype=torch.int64), (5, 3, 7), seed=1, draw=2)
    assert (noise.shape, noise.dtype) == ((4, 5, 3, 7), torch.float32)


@given(
    row=coordinates,
    column=coordinates,
    down=st.integers(-6, 6),
    right=st.integers(-9, 9),
    seed=st.integers(-(2**62), 2**62),
    draw=st.integers(0, 3000),
)
def test_windows_that_overlap_agree_to_the_bit(row, column, down, right, seed, draw):
    height, width = 7, 10
    origins = torch.tensor([[row, column], [row + down, column + right]])
    first, second = normal_at(origins, (2, height, width), seed=seed, draw=draw)
    here = (slice(max(0, down), height + min(0, down)), slice(max(0, right), width + min(0, right)))
    there = (slice(max(0, -down), height + min(0, -down)), slice(max(0, -right), width + min(0, -right)))
    assert torch.equal(first[:, *here], second[:, *there])


def test_window_does_not_depend_on_its_batch():
    origins = torch.tensor([[5, -3], [0, 0], [1000, 4], [5, -3]])
    together = normal_at(origins, (3, 6, 5), seed=3, draw=1)
    alone = torch.cat([normal_at(origin[None], (3, 6, 5), seed=3, draw=1) for origin in origins])
    assert torch.equal(together, alone)
    assert torch.equal(together[0], together[3])


def test_channels_do_not_depend_on_how_many_there_are():
    assert torch.equal(field(shape_chw=(5, 8, 8))[:2], field(shape_chw=(2, 8, 8)))


@pytest.mark.parametrize(
    "dtype", [torch.int8, torch.uint8, torch.int16, torch.uint16, torch.int32, torch.uint32, torch.int64], ids=str
)
def test_every_integer_type_names_the_same_place(dtype):
    """Windows reach beyond what eight bits hold."""
    origins = torch.tensor([[120, 3], [0, 127]])
    found = normal_at(origins.to(dtype), (1, 300, 4), seed=0, draw=0)
    assert torch.equal(found, normal_at(origins, (1, 300, 4), seed=0, draw=0))


@pytest.mark.parametrize("origin", FAR, ids=str)
@pytest.mark.parametrize(("seed", "draw"), [(0, 0), (0, 1), (1, 0), (-1, 25), (2**63 - 1, 2000)])
def test_moments_are_those_of_the_standard_normal(origin, seed, draw):
    """E x, x², x³, x⁴ = 0, 1, 0, 3; variances 1, 2, 15, 96."""
    x = field(origin, seed=seed, draw=draw).double().flatten()
    for power, (mean, variance) in enumerate([(0, 1), (1, 2), (0, 15), (3, 96)], start=1):
        assert abs(x.pow(power).mean().item() - mean) < STANDARD_ERRORS * math.sqrt(variance / x.numel()), power


@pytest.mark.parametrize("origin", FAR, ids=str)
def test_distribution_is_the_standard_normal(origin):
    stats = pytest.importorskip("scipy.stats")
    assert stats.kstest(field(origin, seed=5).flatten().numpy(), "norm").pvalue > 1e-4


@pytest.mark.parametrize("origin", [*FAR, (-8, -8)], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_no_pixel_lies_where_chance_would_not_put_it(origin, seed):
    """Of 786,432 normal numbers one beyond 6.5 has a chance of 6e-5; zero is a place like any other."""
    noise = torch.stack([field(origin, seed=seed, draw=draw) for draw in range(4)])
    assert noise.isfinite().all()
    assert noise.abs().max() < 6.5


def test_first_pixel_is_as_random_as_any():
    """Of 512 normal numbers, one beyond 5.5 has a chance of 2e-5."""
    first = torch.stack([field(shape_chw=(1, 1, 1), seed=k, draw=d) for k, d in product(range(64), range(8))]).flatten()
    assert first.abs().max() < 5.5
    assert abs(first.square().mean().item() - 1) < STANDARD_ERRORS * math.sqrt(2 / 512)


@pytest.mark.parametrize("lag", [(0, 1), (1, 0), (1, 1), (1, -1), (2, 0), (0, 2), (16, 0), (0, 64)], ids=str)
@pytest.mark.parametrize("origin", FAR, ids=str)
def test_neighbours_are_uncorrelated(origin, lag):
    noise = field(origin, seed=2)
    moved = field((origin[0] + lag[0], origin[1] + lag[1]), seed=2)
    assert_uncorrelated(noise, moved)
    assert_uncorrelated(noise.square() - 1, (moved.square() - 1) / 2)


OTHERS = {"seed": {"seed": 1}, "negative seed": {"seed": -1}, "draw": {"draw": 1}, "both": {"seed": 1, "draw": 1}}


@pytest.mark.parametrize("other", OTHERS)
def test_other_seeds_and_draws_are_independent(other):
    a, b = field(), field(**OTHERS[other])
    assert_uncorrelated(a, b)
    for shift in (1, 2, 3):  # nor is one the other some pixels, rows or channels away
        for axis in (0, 1, 2):
            assert_uncorrelated(a, b.roll(shift, axis))


def test_channels_are_independent():
    noise = field()
    for a, b in ((0, 1), (0, 2), (1, 2)):
        for shift in (0, 1, -1):
            assert_uncorrelated(noise[a], noise[b].roll(shift, 0))
            assert_uncorrelated(noise[a], noise[b].roll(shift, 1))
            assert_uncorrelated(noise[a], noise[b].T)


def test_rows_and_columns_do_not_change_places():
    noise = field(seed=3, shape_chw=(1, 256, 256))[0]
    off_diagonal = ~torch.eye(256, dtype=torch.bool)
    assert_uncorrelated(noise[off_diagonal], noise.T[off_diagonal] / math.sqrt(2))  # every pair counts twice


def test_no_number_comes_twice():
    """52 bits for 2 × 196,608 pixels: a chance of 2e-5 for one pair, before float32 merges near ones."""
    bits = torch.cat([field(seed=seed).double().flatten() for seed in (0, 1)])
    assert len(bits.unique()) > 0.95 * len(bits)


def test_generator_of_torch_is_left_alone():
    before = torch.random.get_rng_state()
    first = field()
    torch.rand(3)
    second = field()
    assert torch.equal(first, second)
    torch.random.set_rng_state(before)
    field()
    assert torch.equal(torch.random.get_rng_state(), before)
