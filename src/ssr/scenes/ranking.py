"""Which dates of a series are used, and in which order?

One rule for training and inference: dates with missing pixels come last; too few are repeated, best first. Inference
ranks dates by what is missing and by how much brighter than the series their darkest channel is (cloud and haze lift
it); training draws at random among dates of the same standing.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ssr.sentinel2.radiometry import is_no_data


def rank_dates(series: NDArray[np.floating]) -> list[int]:
    """Indexes of the dates, best first; `t c h w` in unit range. Ties keep their order."""
    missing = is_no_data(series, 1)
    darkest = np.where(missing, np.nan, series.min(1))
    with np.errstate(all="ignore"):
        typical = _nan_median(darkest)
        veil = np.nan_to_num(np.clip(darkest - typical, 0, None)).mean((1, 2))
    return sorted(range(len(series)), key=lambda k: (float(missing[k].mean()), float(veil[k]), k))


def choose_dates(ranked: list[int], n_wanted: int | None, *, at_most: int | None = None) -> list[int]:
    """The dates a network gets: in the order of the series, or the best repeated where there are too few.

    Args:
        n_wanted: dates the network takes; None when any number will do.
        at_most: where any number will do, no more than this.
    """
    if n_wanted is None:
        n_wanted = min(len(ranked), at_most or len(ranked))
    if len(ranked) >= n_wanted:
        return sorted(ranked[:n_wanted])
    return [ranked[k % len(ranked)] for k in range(n_wanted)]


def repeated_note(what: Path | str, n_found: int, n_wanted: int) -> str:
    """Say that a series had too few dates."""
    return f"{what}: {n_found} date(s) found, {n_wanted} wanted; the best are repeated"


def sample_dates(has_gap: NDArray[np.bool_], n_wanted: int, generator: torch.Generator) -> list[int]:
    """For training: `n_wanted` dates in random order, those without missing pixels before the others."""
    order = torch.randperm(len(has_gap), generator=generator).tolist()
    whole_first = sorted(order, key=lambda k: bool(has_gap[k]))
    chosen = whole_first[:n_wanted]
    return [chosen[k] for k in torch.randperm(len(chosen), generator=generator).tolist()]


def _nan_median(darkest: NDArray[np.floating]) -> NDArray[np.floating]:
    """Median over the dates, zero where all are missing."""
    filled = np.where(np.isnan(darkest).all(0, keepdims=True), 0.0, darkest)
    return np.asarray(np.nanmedian(filled, axis=0))
