"""How sure are a mean and a difference between two models?

- Intervals are percentile bootstrap intervals of the mean over chips or, where chips have places, over places
  (Efron & Tibshirani 1993, chapters 13 and 8.6).
- Two models are compared on the chips that both have: the mean difference with its interval, and the two-sided
  probability of one as large when the sign of each chip's (place's) difference is a coin toss: all sign patterns where
  there are few, else a seeded sample of them that counts the observed one (Phipson & Smyth 2010).
- Probabilities of measures that are compared together are corrected for their number (Holm 1979).
- An infinite value (PSNR of equal images) has no mean: means are over finite values and the others are counted.

Columns are measures, rows are chips; all columns share the resamples.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
N_RESAMPLES = 2000
N_SIGN_PATTERNS = 10_000
MAX_EXACT = 13
"""2^13 = 8192 patterns are fewer than the sample would be."""
CHUNK = 500
"""Resamples drawn at once, for memory."""
SAME_SUM = 1e-12
"""Sums in another order are not equal to the last bit."""

Values = NDArray[np.float64]
Units = NDArray[np.int64]
"""For each chip the number of what is drawn: its place, or itself."""


@dataclass(frozen=True)
class Mean:
    """A mean with its interval.

    value, low, high: not-a-number where there is nothing to take them of; an interval needs two chips (places).
    n: finite values; n_units: chips, or places, that have some.
    n_infinite: left out of the mean.
    """

    value: float
    low: float
    high: float
    median: float
    n: int
    n_units: int
    n_infinite: int


@dataclass(frozen=True)
class Difference:
    """One model less another on the same chips.

    p: of a difference as large by chance; corrected: by Holm over the columns.
    n_infinite: pairs left out because one value is infinite; two infinite values differ by nothing.
    """

    value: float
    low: float
    high: float
    p: float
    corrected: float
    n: int
    n_units: int
    n_infinite: int


def means(values: Values, places: Sequence[str] | None = None, *, seed: int) -> list[Mean]:
    """Of each column of `n m`; not-a-number means that a chip has no value."""
    finite = np.isfinite(values)
    units = _units(places, len(values))
    low, high = _intervals(values, finite, units, seed)
    found = []
    for k in range(values.shape[1]):
        kept = values[finite[:, k], k]
        value, median = (float(kept.mean()), float(np.median(kept))) if len(kept) else (math.nan, math.nan)
        n_units, n_infinite = len(np.unique(units[finite[:, k]])), int(np.isinf(values[:, k]).sum())
        found.append(Mean(value, float(low[k]), float(high[k]), median, len(kept), n_units, n_infinite))
    return found


def differences(a: Values, b: Values, places: Sequence[str] | None = None, *, seed: int) -> list[Difference]:
    """Of each column of `a - b`, both `n m` of the same chips in the same order."""
    with np.errstate(invalid="ignore"):
        apart = np.where(a == b, 0.0, a - b)
    found = means(apart, places, seed=seed)
    finite = np.isfinite(apart)
    sums = _sums(np.where(finite, apart, 0.0), _units(places, len(apart)))
    p = [q if m.n_units > 1 else math.nan for q, m in zip(sign_flip_p(sums, seed=seed), found, strict=True)]
    return [
        Difference(m.value, m.low, m.high, one, corrected, m.n, m.n_units, m.n_infinite)
        for m, one, corrected in zip(found, p, holm(p), strict=True)
    ]


def sign_flip_p(sums: Values, *, seed: int) -> list[float]:
    """Two-sided probability, for each column of `n m`, of a total as large when each row's sign is a coin toss."""
    observed = np.abs(sums.sum(0))
    least = observed - SAME_SUM * np.abs(sums).sum(0)
    is_exact = len(sums) <= MAX_EXACT
    n_patterns, n_as_large = 0, np.zeros(sums.shape[1])
    for signs in _every_sign(len(sums)) if is_exact else _drawn_signs(len(sums), seed):
        n_patterns += len(signs)
        n_as_large += (np.abs(signs @ sums) >= least).sum(0)
    p = n_as_large / n_patterns if is_exact else (1 + n_as_large) / (1 + n_patterns)
    return [float(value) for value in p]


def holm(probabilities: Sequence[float]) -> list[float]:
    """Corrected in step-down order; not-a-number stays and does not count."""
    corrected = [math.nan] * len(probabilities)
    ranked = sorted((p, k) for k, p in enumerate(probabilities) if not math.isnan(p))
    largest = 0.0
    for place, (p, k) in enumerate(ranked):
        largest = max(largest, min(1.0, (len(ranked) - place) * p))
        corrected[k] = largest
    return corrected


def _units(places: Sequence[str] | None, n: int) -> Units:
    if places is None:
        return np.arange(n)
    numbers = {place: k for k, place in enumerate(dict.fromkeys(places))}
    return np.array([numbers[place] for place in places], np.int64)


def _sums(values: Values, units: Units) -> Values:
    """Of each unit: `n_units m`."""
    sums = np.zeros((int(units.max()) + 1 if len(units) else 0, values.shape[1]))
    np.add.at(sums, units, values)
    return sums


def _intervals(values: Values, finite: NDArray[np.bool_], units: Units, seed: int) -> tuple[Values, Values]:
    """Of the means of finite values, drawing whole units with replacement; a draw without any has no say."""
    sums, counts = _sums(np.where(finite, values, 0.0), units), _sums(finite.astype(np.float64), units)
    low = np.full(values.shape[1], math.nan)
    high = low.copy()
    can = (counts > 0).sum(0) > 1
    if not can.any():
        return low, high
    drawn = []
    for weights in _drawn_weights(len(sums), seed):
        totals, sizes = weights @ sums[:, can], weights @ counts[:, can]
        drawn.append(np.divide(totals, sizes, out=np.full_like(totals, math.nan), where=sizes > 0))
    low[can], high[can] = np.nanquantile(np.concatenate(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def _drawn_weights(n: int, seed: int) -> Iterator[Values]:
    """How often each of `n` units is in a resample, some resamples at a time."""
    rng = np.random.default_rng(seed)
    for start in range(0, N_RESAMPLES, CHUNK):
        size = min(CHUNK, N_RESAMPLES - start)
        places = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(places.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def _drawn_signs(n: int, seed: int) -> Iterator[Values]:
    rng = np.random.default_rng(seed)
    for start in range(0, N_SIGN_PATTERNS, CHUNK):
        yield _signs(rng.integers(0, 2, (min(CHUNK, N_SIGN_PATTERNS - start), n)))


def _every_sign(n: int) -> Iterator[Values]:
    yield _signs((np.arange(1 << n)[:, None] >> np.arange(n)) & 1)


def _signs(bits: NDArray[np.int64]) -> Values:
    return bits.astype(np.float64) * 2 - 1
