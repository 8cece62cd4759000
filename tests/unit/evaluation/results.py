"""Tables of results, a data set and models whose scores are known beforehand."""

import numpy as np
import torch

from ssr.evaluation.run import Candidate
from ssr.evaluation.samples import LeftOut, Pair
from ssr.evaluation.summary import Column
from ssr.evaluation.table import Table
from ssr.metrics.measure import Measure, Suite

MAE = Column("mae", "mae", "corrected", "", "lower")
PSNR = Column("psnr", "psnr", "corrected", "dB", "higher")


def table_of(values, *, measure="mae", dataset="data", n_dates=1, clouds=None, groups=None) -> Table:
    """Values by model, one for each of samples s0, s1, …; or by model and number of dates."""
    rows = []
    for model, of_model in values.items():
        by_dates = of_model if isinstance(of_model, dict) else {n_dates: of_model}
        for n, column in by_dates.items():
            for k, value in enumerate(column):
                row = {"sample": f"s{k}", "dataset": dataset, "model": model, "number": k, "n_dates": n}
                row |= {"cloud_share": clouds[k] if clouds else None, measure: value}
                rows.append(row | {name: of[k] for name, of in (groups or {}).items()})
    return Table(tuple(rows), tuple(groups or ()), (measure,))


class Flat:
    """Samples of one brightness each: dates are a tenth darker than the truth, which is `(number + 1) / 20`.

    Args:
        left_out: numbers of samples that are of no use.
        n_dates: of each sample, by number; the first date is the brightest by far.
    """

    def __init__(self, n: int, *, left_out: tuple[int, ...] = (), n_dates: int | tuple[int, ...] = 3, side: int = 4):
        self.n, self.left_out, self.side = n, left_out, side
        self.n_dates = n_dates if isinstance(n_dates, tuple) else (n_dates,) * n
        self.reads: list[int] = []

    def __len__(self) -> int:
        return self.n

    def read(self, index: int) -> Pair | LeftOut:
        self.reads.append(index)
        if index in self.left_out:
            return LeftOut(f"flat{index}", "black", "no ground")
        value = np.float32((index + 1) / 20)
        low_res = np.full((self.n_dates[index], 3, self.side, self.side), value * np.float32(0.9), np.float32)
        if len(low_res) > 1:
            low_res[0] = 0.99
        return Pair(f"flat{index}", low_res, np.full((3, 4 * self.side, 4 * self.side), value, np.float32))


def last_date(images):
    return images[:, -1].repeat(4, 2).repeat(4, 3)


def mean_date(images):
    return images.mean(1).repeat(4, 2).repeat(4, 3)


def candidate(predict=last_date, **arguments) -> Candidate:
    return Candidate(**{"name": "model", "predict": predict, "n_wanted": None, "n_channels": 3} | arguments)


def error_suite() -> Suite:
    """Mean absolute error, and the number of dates that the measure was shown."""
    return Suite(
        [
            Measure("mae", "corrected", "", "lower", lambda j: (j.super_res - j.truth).abs().mean((1, 2, 3))),
            Measure(
                "dates", "corrected", "", "higher", lambda j: torch.full((len(j.truth),), float(j.low_res.shape[1]))
            ),
        ]
    )
