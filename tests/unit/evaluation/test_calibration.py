"""Is a fitted calibration the best of its kind, and do its measures measure?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression, nnls
from scipy.stats import spearmanr

from ssr.data.ground import draw_ground
from ssr.data.simulate import simulate_series
from ssr.errors import InputError
from ssr.evaluation.calibration import (
    FLOORS,
    Samples,
    apply,
    feature_table,
    fit_calibration,
    fit_non_negative,
    fit_rising,
    measure_samples,
    rank_correlation,
    reliability,
    sparsification,
    sparsification_error,
)
from ssr.models.agreement import FEATURES
from ssr.models.bicubic import Bicubic
from tests.support.scenes import tiny_rrdbnet

RNG = np.random.default_rng(0)


def made_samples(n=20_000, seed=1):
    """Errors whose size is known to be twice the disagreement; the other features say nothing."""
    rng = np.random.default_rng(seed)
    features = np.full((n, len(FEATURES)), 0.1)
    features[:, 0] = rng.uniform(0.002, 0.06, n)
    features[:, 3] = rng.uniform(0.002, 0.06, n)
    return Samples(features, 2 * features[:, 0] * rng.exponential(1, n))


def fitted(samples):
    return fit_calibration(samples, n_dates=(2, 8), model_sha256="ab", provenance={})


def test_weights_are_those_of_non_negative_least_squares():
    inputs = RNG.normal(size=(300, 5)) @ RNG.normal(size=(5, 5))
    target = inputs @ np.array([0.5, -0.4, 0.0, 0.3, 0.1]) + RNG.normal(size=300)
    expected, _ = nnls(inputs - inputs.mean(0), target - target.mean())
    np.testing.assert_allclose(fit_non_negative(inputs, target), expected, atol=1e-9)


def test_a_feature_that_never_changes_gets_no_weight():
    inputs = np.stack([np.arange(9.0), np.full(9, 3.0)], 1)
    np.testing.assert_allclose(fit_non_negative(inputs, 2 * inputs[:, 0] + 5), [2, 0], atol=1e-12)


@given(values=st.lists(st.tuples(st.floats(-5, 5), st.integers(1, 9)), min_size=1, max_size=40))
def test_rising_is_isotonic_regression(values):
    heights, counts = np.array(values, float).T
    expected = isotonic_regression(heights, weights=counts).x
    np.testing.assert_allclose(fit_rising(heights, counts), expected, atol=1e-9)


def test_the_fit_finds_what_errors_follow_and_states_what_comes_true():
    calibration = fitted(made_samples())
    assert calibration.weights[0] > 10 * max(calibration.weights[1:])
    other = made_samples(seed=2)
    trust, expected = apply(calibration, other.features)
    assert reliability(trust, other.error).calibration_error < 0.02
    np.testing.assert_allclose(expected.mean(), other.error.mean(), rtol=0.05)
    truly = 1 - np.exp(-0.05 / (2 * other.features[:, 0]))  # of exponential errors
    inner = (other.features[:, 0] > 0.01) & (other.features[:, 0] < 0.055)
    np.testing.assert_allclose(trust[inner], truly[inner], atol=0.05)


def test_one_evidence_for_all_pixels_cannot_be_fitted():
    with pytest.raises(InputError, match="cannot be told apart"):
        fitted(Samples(np.full((100, len(FEATURES)), 0.1), RNG.uniform(0, 0.1, 100)))


def test_reliability_counts_by_hand():
    """Four pixels of 0.5, two of them right; two of 0.9, none of them right."""
    curve = reliability(np.array([0.5] * 4 + [0.9] * 2), np.array([0.05, 0.06, 0.01, 0.2, 0.1, 0.1]), n_bins=5)
    np.testing.assert_allclose(curve.stated, [0.5, 0.9])
    np.testing.assert_allclose(curve.found, [0.5, 0.0])
    np.testing.assert_allclose(curve.counts, [4, 2])
    assert curve.calibration_error == pytest.approx(0.9 * 2 / 6)


def test_certainty_falls_into_the_last_bin():
    assert reliability(np.ones(3), np.zeros(3)).calibration_error == 0


def test_sparsification_by_hand():
    doubt, error = np.array([3.0, 1.0, 2.0, 4.0]), np.array([0.4, 0.3, 0.1, 0.2])
    by_doubt, by_error = sparsification(doubt, error, np.array([0.25, 0.5, 1.0]))
    np.testing.assert_allclose(by_doubt, [0.3, 0.2, 0.25])
    np.testing.assert_allclose(by_error, [0.1, 0.15, 0.25])


def test_sparsification_error_is_none_for_the_best_order_and_one_for_chance():
    error = RNG.exponential(1, 50_000)
    assert sparsification_error(error, error) == pytest.approx(0, abs=1e-12)
    assert sparsification_error(RNG.uniform(size=50_000), error) == pytest.approx(1, abs=0.03)


def test_rank_correlation_is_spearmans_with_ties():
    a, b = RNG.integers(0, 20, 500), RNG.normal(size=500)
    assert rank_correlation(a, a + 3 * b) == pytest.approx(spearmanr(a, a + 3 * b)[0], abs=1e-12)


def test_each_evidence_is_judged_alone():
    table = feature_table(made_samples())
    assert table["disagreement"]["rank_correlation"] > 0.3
    assert abs(table["scatter"]["rank_correlation"]) < 0.05


@pytest.mark.parametrize("network", [Bicubic(), tiny_rrdbnet(n_revisits=4)], ids=["any number", "four dates"])
def test_samples_are_pixels_with_their_evidence_and_error(network):
    generator = torch.Generator().manual_seed(0)
    ground = torch.from_numpy(draw_ground(1, 96)).permute(2, 0, 1).float() / 255
    series = simulate_series(ground[None], n_revisits=3, generator=generator)
    samples = measure_samples(network, series.low_res[0], series.high_res[0], n_pixels=50, generator=generator)
    assert samples.features.shape == (50, len(FEATURES))
    assert samples.error.shape == (50,)
    assert np.isfinite(samples.features).all()
    assert ((samples.error >= 0) & (samples.error <= 1)).all()
    both = samples + samples
    assert len(both.error) == 100


def test_one_date_cannot_be_measured():
    with pytest.raises(InputError, match="at least two"):
        measure_samples(
            Bicubic(), torch.rand(1, 3, 8, 8), torch.rand(3, 32, 32), n_pixels=5, generator=torch.Generator()
        )


def test_floors_are_half_a_byte_step_for_every_feature_in_unit_range():
    assert len(FLOORS) == len(FEATURES)
    assert max(FLOORS[:4]) <= 0.5 / 255 + 1e-4
