"""How do the figures of runs become intervals and tables?"""

import numpy as np
from numpy.typing import NDArray

N_RESAMPLES = 2000


def summary(values: list[NDArray[np.float64]], reference: NDArray[np.float64]) -> dict[str, list[float]]:
    """First, last and their difference on the same chips, each with its interval; the reference."""
    return {
        "first": interval(values[0]),
        "last": interval(values[-1]),
        "change": interval(values[-1] - values[0]),
        "reference": interval(reference),
        "change_from_reference": interval(values[-1] - reference),
    }


def interval(values: NDArray[np.float64]) -> list[float]:
    """Mean, and the 95 % bootstrap interval of it."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, (N_RESAMPLES, len(values))).mean(1)
    return [round(float(v), 5) for v in (values.mean(), *np.percentile(means, [2.5, 97.5]))]


def table(results: dict[str, dict]) -> str:
    """Two tables: the loss of each run, and what became of the images."""
    rows = ["| run | parameters | steps × batch | CPU minutes | before | after | change | without training |"]
    rows.append("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, run in results.items():
        told = [name, f"{run['n_parameters']:,}", f"{run['n_steps']:,} × {run['batch_size']}", f"{run['cpu_minutes']}"]
        told += [told_interval(run["measures"]["loss"][key]) for key in ("first", "last", "change", "reference")]
        rows.append(f"| {' | '.join(told)} |")
    rows += ["", "| run | absolute error | PSNR (dB) | distance of features |", "|---|--:|--:|--:|"]
    bicubic = next(iter(results.values()))["bicubic"]
    for name, found in [("bicubic of the median", bicubic), *((name, run["images"]) for name, run in results.items())]:
        told = [told_interval(found["l1"]), told_interval(found["psnr"], 2), told_interval(found["features"], 3)]
        rows.append(f"| {name} | {' | '.join(told)} |")
    return "\n".join(rows) + "\n"


def told_interval(found: list[float], n_digits: int = 4) -> str:
    mean, low, high = (f"{value:.{n_digits}f}" for value in found)
    return f"{mean} ({low} … {high})"
