"""Oracles: scipy.stats.bootstrap, scipy.stats.permutation_test, and closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from ssr.evaluation.statistics import differences, holm, means, sign_flip_p

NORMAL = np.random.default_rng(0).normal(3.0, 2.0, 60)


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float64)[:, None]


def test_the_interval_is_that_of_scipy() -> None:
    """Both are drawn: they agree within a few percent of their width."""
    (mean,) = means(NORMAL[:, None], seed=0)
    theirs = stats.bootstrap(
        (NORMAL,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert mean.value == pytest.approx(NORMAL.mean())
    assert mean.low == pytest.approx(theirs.low, abs=0.06 * width)
    assert mean.high == pytest.approx(theirs.high, abs=0.06 * width)
    assert (mean.n, mean.n_units, mean.median) == (60, 60, pytest.approx(np.median(NORMAL)))


def test_nineteen_of_twenty_intervals_hold_the_mean_they_were_drawn_around() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        (mean,) = means(rng.normal(0, 1, (40, 1)), seed=0)
        held += mean.low <= 0 <= mean.high
    assert 0.90 <= held / 200 <= 0.99  # 0.95 ± 3 standard errors of 0.0154, and a percentile interval is a little short


def test_the_seed_alone_decides() -> None:
    assert means(NORMAL[:, None], seed=4) == means(NORMAL[:, None], seed=4)
    assert means(NORMAL[:, None], seed=4) != means(NORMAL[:, None], seed=5)


def test_columns_do_not_touch_each_other() -> None:
    both = means(np.stack([NORMAL, NORMAL**2], 1), seed=0)
    assert both[0].low == pytest.approx(means(NORMAL[:, None], seed=0)[0].low, rel=1e-12)
    assert both[1].low == pytest.approx(means(NORMAL[:, None] ** 2, seed=0)[0].low, rel=1e-12)


def test_chips_of_one_place_do_not_count_as_many() -> None:
    """Ten copies of each chip say no more than the chip; without places the interval would be √10 narrower."""
    places = [str(k) for k in range(20) for _ in range(10)]
    copied = np.repeat(NORMAL[:20], 10)[:, None]
    (by_place,) = means(copied, places, seed=0)
    (single,) = means(NORMAL[:20, None], seed=0)
    (careless,) = means(copied, seed=0)
    assert (by_place.n, by_place.n_units) == (200, 20)
    assert (by_place.low, by_place.high) == pytest.approx((single.low, single.high), rel=1e-9)
    ratio = (by_place.high - by_place.low) / (careless.high - careless.low)
    assert ratio == pytest.approx(math.sqrt(10), rel=0.12)


def test_infinite_values_are_counted_and_have_no_mean() -> None:
    (mean,) = means(column(30, math.inf, 40, math.inf), seed=0)
    assert (mean.value, mean.n, mean.n_infinite) == (35.0, 2, 2)
    assert 30 <= mean.low <= mean.high <= 40


def test_chips_without_a_value_are_not_counted() -> None:
    (mean,) = means(column(1, math.nan, 3), seed=0)
    assert (mean.value, mean.n, mean.n_infinite) == (2.0, 2, 0)


@pytest.mark.parametrize("values", [(), (5.0,), (math.nan,), (math.inf, 5.0)])
def test_fewer_than_two_values_have_no_interval(values: tuple[float, ...]) -> None:
    (mean,) = means(np.array(values, np.float64).reshape(-1, 1), seed=0)
    assert math.isnan(mean.low)
    assert math.isnan(mean.high)
    assert math.isnan(mean.value) == (5.0 not in values)


@pytest.mark.parametrize("n", [5, 9, 13])
def test_few_signs_are_all_tried_as_scipy_does(n: int) -> None:
    apart = np.random.default_rng(n).normal(0.4, 1, n)
    theirs = stats.permutation_test((apart,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip_p(apart[:, None], seed=0) == [pytest.approx(theirs, rel=1e-9)]


def test_many_signs_are_drawn_and_come_near() -> None:
    apart = np.random.default_rng(3).normal(0.25, 1, 60)
    exact = stats.ttest_1samp(apart, 0).pvalue  # of normal differences, the two agree closely
    (found,) = sign_flip_p(apart[:, None], seed=0)
    assert found == pytest.approx(exact, abs=4 * math.sqrt(exact / 10_000) + 0.01)


def test_a_probability_is_never_zero() -> None:
    assert sign_flip_p(np.ones((500, 1)), seed=0)[0] == pytest.approx(1 / 10_001)
    assert sign_flip_p(np.ones((8, 1)), seed=0)[0] == 2 / 256


def test_without_any_difference_nothing_is_significant() -> None:
    assert sign_flip_p(np.zeros((30, 1)), seed=0) == [1.0]


def test_one_in_twenty_is_called_significant_where_there_is_nothing() -> None:
    rng = np.random.default_rng(1)
    p = np.array([sign_flip_p(rng.normal(0, 1, (12, 1)), seed=0)[0] for _ in range(300)])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=3.5 * math.sqrt(0.05 * 0.95 / 300))


@pytest.mark.parametrize(
    ("given", "corrected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([], []),
        ([0.01, math.nan, 0.02], [0.02, math.nan, 0.02]),
    ],
)
def test_holm_by_hand(given: list[float], corrected: list[float]) -> None:
    assert holm(given) == pytest.approx(corrected, nan_ok=True)


def test_a_difference_has_the_sign_of_first_less_second() -> None:
    (found,) = differences(column(3, 4, 5), column(1, 1, 1), seed=0)
    assert (found.value, found.n) == (3.0, 3)
    assert 2 <= found.low <= found.high <= 4
    assert found.p == 0.25


def test_two_equal_images_differ_by_nothing_and_one_alone_is_left_out() -> None:
    (found,) = differences(column(math.inf, math.inf, 30), column(math.inf, 35, 28), seed=0)
    assert (found.value, found.n, found.n_infinite) == (1.0, 2, 1)


def test_probabilities_are_corrected_over_the_columns() -> None:
    a, b = np.ones((8, 2)), np.zeros((8, 2))
    found = differences(a, b, seed=0)
    assert [d.p for d in found] == [2 / 256] * 2
    assert [d.corrected for d in found] == [4 / 256] * 2


@pytest.mark.parametrize("n", [0, 1])
def test_one_chip_cannot_be_compared(n: int) -> None:
    (found,) = differences(np.ones((n, 1)), np.zeros((n, 1)), seed=0)
    assert math.isnan(found.p)
    assert math.isnan(found.corrected)


def test_one_place_cannot_be_compared_however_many_chips_it_has() -> None:
    (found,) = differences(np.ones((9, 1)), np.zeros((9, 1)), ["here"] * 9, seed=0)
    assert math.isnan(found.p)
    assert (found.n, found.n_units) == (9, 1)
