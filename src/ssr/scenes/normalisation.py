"""How does each date take on the look of the series, so that two dates meet without a step?

One gain and one bias per date and channel, fitted where the date is clear against the median of the clear dates:
haze, sun and season differ between dates more than ground does.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssr.scenes.quantiles import quantile_of_dates

CLEAR = 0.3
"""Obstruction up to which a pixel takes part."""
LEAST_PIXELS = 64
GAINS = (0.5, 2.0)
N_ROUNDS = 3
OUTLIER_SIGMAS = 2.5


class Look(NamedTuple):
    """What a date's channels are multiplied by and raised by, `c` each, to look like the series."""

    gain: NDArray[np.float32]
    bias: NDArray[np.float32]

    def of_series(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """`c h w` as the series would show it; what has no data stays without."""
        has_data = (pixels != 0).any(0)
        changed = np.clip(pixels * self.gain[:, None, None] + self.bias[:, None, None], 1 / 255, 1)
        return np.where(has_data, changed, 0).astype(np.float32)


def fit_looks(series: NDArray[np.floating], obstruction: NDArray[np.floating]) -> list[Look]:
    """Of each date of `t c h w` in unit range, obstructed by `t h w`; nothing is changed where too little is clear."""
    clear = obstruction <= CLEAR
    wanted = np.stack([quantile_of_dates(np.where(clear, channel, np.nan), 0.5) for channel in series.swapaxes(0, 1)])
    n_dates = clear.sum(0)
    return [_fit(date, wanted, mask & (n_dates > 1)) for date, mask in zip(series, clear, strict=True)]


def _fit(date: NDArray, wanted: NDArray, used: NDArray[np.bool_]) -> Look:
    pairs = [_line(source[used], target[used]) for source, target in zip(date, wanted, strict=True)]
    return Look(*(np.asarray(values, np.float32) for values in zip(*pairs, strict=True)))


def _line(source: NDArray, target: NDArray) -> tuple[float, float]:
    """Gain and bias that match mean and spread, outliers left out: regression would flatten what is noisy."""
    if len(source) < LEAST_PIXELS:
        return 1.0, 0.0
    kept = np.ones(len(source), bool)
    gain, bias = 1.0, 0.0
    for _ in range(N_ROUNDS):
        a, b = source[kept], target[kept]
        gain = float(np.clip(b.std() / max(float(a.std()), 1e-4), *GAINS)) if b.std() else 1.0
        bias = float(b.mean() - gain * a.mean())
        error = np.abs(gain * source + bias - target)
        kept = error <= max(OUTLIER_SIGMAS * 1.4826 * float(np.median(error)), 1 / 255)
        if kept.sum() < LEAST_PIXELS:
            break
    return gain, bias
