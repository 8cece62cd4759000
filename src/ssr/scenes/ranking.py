"""Which dates of a series are used, and in which order?

One rule for training and inference:

- Dates with missing pixels come last. Inference ranks the others by how much brighter than the series their darkest
  channel is (cloud and haze lift it); training draws at random among dates of the same standing.
- A network that takes any number of dates gets the best so many, all of them unless a limit is given.
- A network of n dates that is offered fewer gets the best repeated, best first, until there are n.
- Offered more, it gets the best n, or (`average`) sees all in ⌈m / n⌉ passes whose results are averaged: the ranked
  dates are dealt out like cards, so every pass has good and bad ones, and each hand is filled up to n with the best
  dates that are not in it.

Dates that are not repeated stand in the order of the series.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ssr.scenes.quantiles import quantile_of_dates
from ssr.sentinel2.radiometry import is_no_data

MoreDates = Literal["best", "average"]


def rank_dates(series: NDArray[np.floating]) -> list[int]:
    """Indexes of the dates, best first; `t c h w` in unit range. Ties keep their order."""
    missing, veil = is_no_data(series, 1), _veil(series)
    return sorted(range(len(series)), key=lambda k: (float(missing[k].mean()), float(veil[k]), k))


def rank_by_sight(series: NDArray[np.floating], hidden: NDArray[np.floating]) -> list[int]:
    """The same where dates are chosen place by place: a date is as good as the ground it shows, gaps or not.

    Args:
        hidden: `t h w`, from 0 (ground seen) to 1 (`clouds.obstruction`); hundredths make no difference.
    """
    veil = _veil(series)
    return sorted(range(len(series)), key=lambda k: (round(float(hidden[k].mean()), 2), float(veil[k]), k))


def _veil(series: NDArray[np.floating]) -> NDArray[np.floating]:
    """By how much each date's darkest channel is brighter than the series', `t`."""
    darkest = np.where(is_no_data(series, 1), np.nan, series.min(1))
    typical = quantile_of_dates(darkest, 0.5)
    with np.errstate(all="ignore"):
        return np.asarray(np.nan_to_num(np.clip(darkest - typical, 0, None)).mean((1, 2)))


class DatePlan(NamedTuple):
    """Which dates a network sees.

    dates: indexes in the series, in its order; one may stand more than once.
    passes: for each pass of the network, positions in `dates`; the results are averaged.
    """

    dates: list[int]
    passes: list[list[int]]


def plan_dates(
    ranked: Sequence[int], n_wanted: int | None, *, at_most: int | None = None, more: MoreDates = "best"
) -> DatePlan:
    """Apply the rule above.

    Args:
        ranked: indexes of the dates, best first.
        n_wanted: dates the network takes; None when any number will do.
        at_most: use no more than the best so many dates.
        more: what to do with more dates than the network takes.
    """
    offered = list(ranked[:at_most])
    if not offered:
        raise ValueError("there is no date to choose from")
    if n_wanted is None or len(offered) <= n_wanted or more == "best":
        dates = choose_dates(offered, n_wanted)
        return DatePlan(dates, [list(range(len(dates)))])
    n_passes = -(-len(offered) // n_wanted)
    dates = sorted(offered)
    hands = [offered[k::n_passes] for k in range(n_passes)]
    filled = [hand + [d for d in offered if d not in hand][: n_wanted - len(hand)] for hand in hands]
    return DatePlan(dates, [sorted(dates.index(d) for d in hand) for hand in filled])


def choose_dates(ranked: Sequence[int], n_wanted: int | None, *, at_most: int | None = None) -> list[int]:
    """The dates of a single pass: in the order of the series, or the best repeated where there are too few."""
    offered = list(ranked[:at_most])
    n_wanted = len(offered) if n_wanted is None else n_wanted
    if len(offered) >= n_wanted:
        return sorted(offered[:n_wanted])
    return [offered[k % len(offered)] for k in range(n_wanted)]


def repeated_note(what: Path | str, n_used: int, n_wanted: int) -> str:
    """Say that a series had too few dates."""
    return f"{what}: {n_used} date(s) found, {n_wanted} wanted; the best are repeated"


def sample_dates(has_gap: NDArray[np.bool_], n_wanted: int, generator: torch.Generator) -> list[int]:
    """For training: `n_wanted` dates in random order, those without missing pixels before the others."""
    order = torch.randperm(len(has_gap), generator=generator).tolist()
    whole_first = sorted(order, key=lambda k: bool(has_gap[k]))
    chosen = whole_first[:n_wanted]
    return [chosen[k] for k in torch.randperm(len(chosen), generator=generator).tolist()]
