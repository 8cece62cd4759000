"""Do the best dates come first, and does every network get as many as it takes?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssr.scenes.ranking import choose_dates, rank_dates, sample_dates
from tests.support.scenes import textured, unit

CLEAR = unit(textured(1, 40, 50))[0]


def hazed(amount: float) -> np.ndarray:
    return CLEAR * (1 - amount) + amount


def with_missing(n_rows: int) -> np.ndarray:
    frame = CLEAR.copy()
    frame[:, :n_rows] = 0
    return frame


def test_hazier_dates_come_later() -> None:
    series = np.stack([hazed(a) for a in (0.3, 0.0, 0.1, 0.0, 0.0)])
    assert rank_dates(series) == [1, 3, 4, 2, 0]


@pytest.mark.parametrize("n_rows", [1, 7, 39, 40])
def test_missing_pixels_are_worse_than_any_haze(n_rows: int) -> None:
    series = np.stack([with_missing(n_rows), hazed(0.9), CLEAR])
    assert rank_dates(series) == [2, 1, 0]


def test_the_more_is_missing_the_later() -> None:
    series = np.stack([with_missing(n) for n in (20, 40, 1, 0, 5)])
    assert rank_dates(series) == [3, 2, 4, 0, 1]


def test_a_single_missing_pixel_of_a_large_image_counts() -> None:
    series = np.stack([unit(textured(1, 60, 60))[0]] * 2)
    series[0, :, 3, 3] = 0
    assert rank_dates(series) == [1, 0]


def test_a_dark_channel_is_not_missing() -> None:
    dark = CLEAR.copy()
    dark[0] = 0
    assert rank_dates(np.stack([with_missing(1), dark])) == [1, 0]


@pytest.mark.parametrize("n", [1, 4])
def test_ties_and_wholly_missing_series_keep_their_order(n: int) -> None:
    assert rank_dates(np.stack([CLEAR] * n)) == list(range(n))
    assert rank_dates(np.zeros((n, 3, 5, 5), np.float32)) == list(range(n))


@given(
    series=hnp.arrays(np.float32, st.tuples(*(st.integers(1, 6) for _ in "t"), st.just(3), st.just(4), st.just(5)),
                      elements=st.sampled_from([0.0, 0.1, 0.5, 1.0])),
)  # fmt: skip
def test_ranking_is_a_permutation_always_the_same_and_orders_by_what_is_missing(series: np.ndarray) -> None:
    before = series.copy()
    ranked = rank_dates(series)
    missing = (series == 0).all(1).mean((1, 2))
    assert sorted(ranked) == list(range(len(series)))
    assert ranked == rank_dates(series)
    assert [missing[k] for k in ranked] == sorted(missing)
    np.testing.assert_array_equal(series, before)


@given(seed=st.integers(0, 999), data=st.data())
def test_the_hazier_half_comes_last_whatever_the_order_given(seed: int, data: st.DataObject) -> None:
    series = np.stack([hazed(a) for a in np.random.default_rng(seed).permutation(6) / 20])
    order = data.draw(st.permutations(range(6)))
    assert [order[k] for k in rank_dates(series[order])][3:] == rank_dates(series)[3:]


@pytest.mark.parametrize(
    ("ranked", "n_wanted", "at_most", "expected"),
    [
        ([3, 1, 0, 2], 2, None, [1, 3]),
        ([3, 1, 0, 2], 4, None, [0, 1, 2, 3]),
        ([3, 1, 0, 2], None, None, [0, 1, 2, 3]),
        ([3, 1, 0, 2], None, 3, [0, 1, 3]),
        ([3, 1, 0, 2], None, 9, [0, 1, 2, 3]),
        ([3, 1, 0, 2], 2, 1, [3, 3]),
        ([1, 0], 5, None, [1, 0, 1, 0, 1]),
        ([0], 3, None, [0, 0, 0]),
        ([0], None, 8, [0]),
    ],
)
def test_dates_are_in_time_order_or_the_best_are_repeated_first(
    ranked: list[int], n_wanted: int | None, at_most: int | None, expected: list[int]
) -> None:
    assert choose_dates(ranked, n_wanted, at_most=at_most) == expected


@given(n=st.integers(1, 12), n_wanted=st.integers(1, 20))
def test_a_network_gets_exactly_the_number_it_takes(n: int, n_wanted: int) -> None:
    chosen = choose_dates(list(range(n))[::-1], n_wanted)
    counts = np.bincount(chosen, minlength=n)
    assert len(chosen) == n_wanted
    assert counts.max() - counts[counts > 0].min() <= 1


@given(has_gap=hnp.arrays(bool, st.integers(1, 12)), n_wanted=st.integers(1, 12), seed=st.integers(0, 2**32))
def test_training_draws_whole_dates_before_others(has_gap: np.ndarray, n_wanted: int, seed: int) -> None:
    chosen, again = (sample_dates(has_gap, n_wanted, torch.Generator().manual_seed(seed)) for _ in range(2))
    assert chosen == again
    assert len(set(chosen)) == len(chosen) == min(n_wanted, len(has_gap))
    assert sum(has_gap[chosen]) == max(0, min(n_wanted, len(has_gap)) - (~has_gap).sum())


def test_training_draws_every_whole_date_equally_often() -> None:
    generator = torch.Generator().manual_seed(0)
    has_gap = np.array([False, True, False, False, True])
    counts = np.bincount([sample_dates(has_gap, 1, generator)[0] for _ in range(3000)], minlength=5)
    assert counts[has_gap].tolist() == [0, 0]
    np.testing.assert_allclose(counts[~has_gap], 1000, atol=4 * np.sqrt(3000 * 1 / 3 * 2 / 3))
