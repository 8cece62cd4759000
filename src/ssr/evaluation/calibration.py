"""How is trust fitted to series whose truth is known, and does what it states come true?"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssr.errors import InputError
from ssr.models.agreement import FEATURES, beside_light, gather, views_of
from ssr.models.protocol import SuperResolver
from ssr.models.trust import Calibration
from ssr.scenes.ranking import plan_dates, rank_dates
from ssr.scenes.subsets import plan_subsets
from ssr.sentinel2.radiometry import is_no_data

Values = NDArray[np.floating]

TOLERANCE = 0.05
"""Errors up to this, in unit range, count as right."""
BORDER_PX = 4
FLOORS = (0.002, 0.002, 0.002, 0.002, 0.01)
"""Half a step of an 8-bit image; for the scarcity of dates far less than it ever is."""
KNOT_SHARES = (0, *np.arange(0.05, 0.951, 0.05).tolist(), 0.98, 0.99, 1)
"""Borders of the groups of pixels, by share of the sorted scores, whose means become knots."""
N_SWEEPS = 2000
N_BINS = 20


class Samples(NamedTuple):
    """Pixels of known truth: features `n k` in the order of FEATURES, and their errors.

    An error is the mean over channels of |result − truth|, slow changes of light forgiven (`beside_light`).
    """

    features: Values
    error: Values

    def __add__(self, other: object) -> "Samples":
        if not isinstance(other, Samples):
            return NotImplemented
        return Samples(np.concatenate([self.features, other.features]), np.concatenate([self.error, other.error]))


@torch.no_grad()
def measure_samples(
    network: SuperResolver,
    low_res: Tensor,
    truth: Tensor,
    *,
    n_pixels: int,
    generator: torch.Generator,
    strength: float = 0.0,
) -> Samples:
    """Pixels drawn from one series `t c h w` with its truth `c H W`, where two dates have data.

    Raises:
        InputError: the series has one date.
    """
    ranked = rank_dates(low_res.numpy())
    whole = plan_dates(ranked, network.n_revisits)
    positions = [whole.dates.index(date) for date in ranked if date in whole.dates]
    subsets = plan_subsets(positions, network.n_revisits)
    if subsets is None:
        raise InputError("a series of one date has no dates that could agree; give at least two")
    views = views_of(network, whole, subsets, strength=strength)
    result, evidence = gather(views, low_res[whole.dates].unsqueeze(0))
    has_data = (~is_no_data(low_res, 1)).any(0)[None, None].float()
    error = beside_light(result - truth.unsqueeze(0), has_data, network.scale).abs().mean(1, keepdim=True)
    inner = (..., slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX))
    known = evidence.is_known[inner].flatten() > 0
    chosen = torch.randperm(int(known.sum()), generator=generator)[:n_pixels]
    features = evidence.features()[inner].flatten(2)[0].T[known][chosen]
    return Samples(features.double().numpy(), error[inner].flatten()[known][chosen].double().numpy())


def fit_calibration(
    samples: Samples,
    *,
    n_dates: tuple[int, int],
    model_sha256: str,
    provenance: Mapping[str, Any],
    tolerance: float = TOLERANCE,
) -> Calibration:
    """Weights by least squares on logarithms, none negative; curves by isotonic regression over groups of pixels."""
    logs = np.log(samples.features + np.array(FLOORS))
    weights = fit_non_negative(logs, np.log(samples.error + FLOORS[0]))
    score = logs @ weights
    groups = [group for group in np.split(np.argsort(score, kind="stable"), _borders(len(score))) if len(group)]
    knots = np.array([score[group].mean() for group in groups])
    counts = np.array([len(group) for group in groups], float)
    errors = fit_rising(np.array([samples.error[group].mean() for group in groups]), counts)
    hits = -fit_rising(-np.array([(samples.error[group] <= tolerance).mean() for group in groups]), counts)
    kept = np.flatnonzero(np.diff(knots, prepend=-np.inf) > 0)
    if len(kept) < 2:
        raise InputError(f"{len(samples.error)} pixels with one and the same evidence cannot be told apart")
    return Calibration(
        weights=_rounded(weights),
        floors=FLOORS,
        score=_rounded(knots[kept]),
        expected_error=_rounded(errors[kept]),
        trust=_rounded(hits[kept].clip(0, 1)),
        tolerance=tolerance,
        n_dates=n_dates,
        model_sha256=model_sha256,
        provenance=provenance,
    )


def apply(calibration: Calibration, features: Values) -> tuple[Values, Values]:
    """Stated trust and expected error of pixels, `n` each."""
    trust, error = calibration.read(torch.from_numpy(features))
    return trust[:, 0].numpy(), error[:, 0].numpy()


def fit_non_negative(inputs: Values, target: Values) -> Values:
    """Weights w ≥ 0, and an offset that is not kept, for which `inputs @ w` is nearest to the target."""
    x, y = inputs - inputs.mean(0), target - target.mean()
    gram, products = x.T @ x / len(x), x.T @ y / len(x)
    weights = np.zeros(len(gram))
    for _ in range(N_SWEEPS):
        for k in range(len(weights)):
            if gram[k, k] > 0:
                rest = products[k] - gram[k] @ weights + gram[k, k] * weights[k]
                weights[k] = max(0.0, rest / gram[k, k])
    return weights


def fit_rising(values: Values, counts: Values) -> Values:
    """The nearest sequence that never falls, by least squares with weights (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        pools.append((value, count, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, weight, length = pools.pop()
            before, weight_before, length_before = pools.pop()
            total = weight + weight_before
            pools.append(((mean * weight + before * weight_before) / total, total, length + length_before))
    return np.concatenate([np.full(length, mean) for mean, _, length in pools])


class Reliability(NamedTuple):
    """Per bin of stated trust: its mean, the share of pixels that was right, and the number of pixels."""

    stated: Values
    found: Values
    counts: Values

    @property
    def calibration_error(self) -> float:
        """Mean distance of stated and found over pixels (expected calibration error; Naeini et al. 2015)."""
        return float(np.average(np.abs(self.stated - self.found), weights=self.counts))


def reliability(trust: Values, error: Values, *, tolerance: float = TOLERANCE, n_bins: int = N_BINS) -> Reliability:
    """Does a stated trust come true? Bins of equal width that hold pixels."""
    bins = np.minimum((trust * n_bins).astype(int), n_bins - 1)
    counts = np.bincount(bins, minlength=n_bins)
    held = counts > 0
    stated = np.bincount(bins, trust, n_bins)[held] / counts[held]
    found = np.bincount(bins, error <= tolerance, n_bins)[held] / counts[held]
    return Reliability(stated, found, counts[held].astype(float))


def sparsification(doubt: Values, error: Values, shares: Values) -> tuple[Values, Values]:
    """Mean error of what is left when pixels are removed, the most doubtful first; and the worst first, the best
    that any doubt could do.

    Args:
        shares: of the pixels that are kept, above 0 up to 1.
    """
    kept = np.maximum(1, np.rint(shares * len(error)).astype(int))
    curves = [np.cumsum(error[np.argsort(order, kind="stable")])[kept - 1] / kept for order in (doubt, error)]
    return curves[0], curves[1]


def sparsification_error(doubt: Values, error: Values) -> float:
    """Area between the two curves over that between no ordering and the best: 0 is the best, 1 as good as chance."""
    by_doubt, by_error = sparsification(doubt, error, np.linspace(0.01, 1, 100))
    return float((by_doubt - by_error).mean() / (error.mean() - by_error).mean())


def rank_correlation(a: Values, b: Values) -> float:
    """Spearman's, ties sharing their mean rank; 0 where one of them never changes."""
    if a.min() == a.max() or b.min() == b.max():
        return 0.0
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def feature_table(samples: Samples) -> dict[str, dict[str, float]]:
    """What each kind of evidence alone tells about the error."""
    return {
        name: {
            "rank_correlation": round(rank_correlation(samples.features[:, k], samples.error), 3),
            "sparsification_error": round(sparsification_error(samples.features[:, k], samples.error), 3),
        }
        for k, name in enumerate(FEATURES)
    }


def _ranks(values: Values) -> Values:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]


def _borders(n: int) -> list[int]:
    return [round(share * n) for share in KNOT_SHARES[1:-1]]


def _rounded(values: Values) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)
