"""Which sample comes when: once an epoch, or as often as it weighs, whoever asks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssr.data.order import Epochs, Weighted, draw_subset, draw_weighted, fraction_of, mixed
from ssr.data.pairs import Shard
from ssr.errors import InputError


@settings(max_examples=50)
@given(
    n=st.integers(1, 40),
    batch_size=st.integers(1, 9),
    n_ranks=st.integers(1, 6),
    seed=st.integers(0, 2**31),
)
def test_each_sample_comes_once_an_epoch_on_any_number_of_ranks(n, batch_size, n_ranks, seed):
    n_steps = -(-3 * n // batch_size)
    seen = []
    ranks = [Epochs(n, seed=seed) for _ in range(n_ranks)]
    for step in range(n_steps):
        for rank, order in enumerate(ranks):
            seen += [order(step * batch_size + k) for k in Shard(rank, n_ranks).of(batch_size)]
    for epoch in range(3):
        assert sorted(seen[epoch * n : (epoch + 1) * n]) == list(range(n))


def test_epochs_and_seeds_have_orders_of_their_own():
    n = 200
    orders = {
        (seed, epoch): tuple(map(Epochs(n, seed=seed), range(epoch * n, (epoch + 1) * n)))
        for seed in (0, 1)
        for epoch in range(3)
    }
    assert len(set(orders.values())) == 6


@given(positions=st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
@settings(max_examples=20)
def test_a_position_means_the_same_whatever_was_asked_before(positions):
    order = Epochs(17, seed=3)
    assert [order(k) for k in positions] == [Epochs(17, seed=3)(k) for k in positions]


@pytest.mark.parametrize("seed", range(3))
def test_weighted_samples_come_as_often_as_they_weigh(seed):
    weights = np.array([0.0, 1.0, 3.0, 0.0, 0.5, 5.5])
    n = 20_000
    order = Weighted(weights, seed=seed)
    counts = np.bincount([order(k) for k in range(n)], minlength=len(weights))
    share = weights / weights.sum()
    assert (np.abs(counts - n * share) <= 4 * np.sqrt(n * share * (1 - share))).all()  # four standard deviations


def test_ranks_share_the_weighted_sequence_without_overlap():
    weights, batch_size = np.arange(1.0, 50.0), 12
    whole = [Weighted(weights, seed=4)(k) for k in range(10 * batch_size)]
    shared = [
        Weighted(weights, seed=4)(step * batch_size + k)
        for step in range(10)
        for rank in range(4)
        for k in Shard(rank, 4).of(batch_size)
    ]
    assert shared == whole


def test_more_samples_than_multinomial_can_count_are_all_within_reach():
    n = (1 << 24) + 5
    cumulative = np.arange(1, n + 1, dtype=np.float64)
    for number in (0, 1, 1 << 23, (1 << 24) - 1, 1 << 24, n - 1):
        assert draw_weighted(cumulative, (number + 0.5) / n) == number


@given(
    weights=st.lists(st.sampled_from([0.0, 1e-12, 0.3, 1.0, 1e9]), min_size=1, max_size=20).filter(any),
    fraction=st.one_of(st.floats(0, 1, exclude_max=True), st.sampled_from([0.0, 1 - 2**-53])),
)
def test_what_weighs_nothing_is_never_drawn(weights, fraction):
    drawn = draw_weighted(np.cumsum(np.array(weights)), fraction)
    assert weights[drawn] > 0


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0, -1.0], [1.0, float("nan")], [1.0, float("inf")]])
def test_impossible_weights_are_refused(weights):
    with pytest.raises(InputError, match="weights"):
        Weighted(np.array(weights), seed=0)


@given(n=st.integers(1, 50), seed=st.integers(0, 100), data=st.data())
def test_subset_is_so_many_different_samples(n, seed, data):
    n_wanted = data.draw(st.integers(1, n))
    chosen = draw_subset(n, n_wanted, seed=seed)
    assert len(chosen) == n_wanted
    assert (np.diff(chosen) > 0).all()
    assert chosen[0] >= 0
    assert chosen[-1] < n


def test_random_bits_depend_on_every_number_and_its_place():
    drawn = {mixed(a, b) for a in range(100) for b in range(100)}
    assert len(drawn) == 10_000
    fractions = np.array([fraction_of(1, k) for k in range(10_000)])
    assert fractions.min() >= 0
    assert fractions.max() < 1
    assert np.abs(np.histogram(fractions, 10, (0, 1))[0] - 1000).max() < 120  # four standard deviations
    assert abs(np.corrcoef(fractions[:-1], fractions[1:])[0, 1]) < 0.04
