"""How much of the raw rate is left on a scene of 2,000×2,000 px, of which windows compute some pixels twice?

Raw is the best rate of any window; useful is the rate of the windows that `ssr scene` chooses, times the share of
pixels that they keep. ESRGAN goes row by row instead and keeps all.
"""

import argparse
import json
from functools import partial

import esrgan_speed
import numpy as np
import timing

from ssr.build.networks import bundled_model
from ssr.inference.budget import plan_within
from ssr.inference.predictor import Predictor
from ssr.models.esrgan import RRDBNet

SCENE_PX, N_DATES, SMALL_PX = 2000, 2, 128


def main(n_blocks: int = 3, n_rounds: int = 3) -> dict[str, object]:
    compute = timing.one_core()
    compact, esrgan = bundled_model(), RRDBNet(n_revisits=esrgan_speed.N_DATES, n_blocks=n_blocks).eval()
    budget = plan_within(compact, (SCENE_PX, SCENE_PX), compute, n_dates=N_DATES)
    span = budget.plan.rows[0]
    chosen = span.read_stop - span.read_start
    predictor = Predictor(compact, compute)
    ways = {f"windows of {side} px": (partial(predictor.predict, series(side)), side**2) for side in (SMALL_PX, chosen)}
    rates = {name: told["px_per_s"] for name, told in _told(ways, n_rounds).items()}
    useful = rates[f"windows of {chosen} px"] * budget.kept
    n_rows, width = esrgan_speed.STRIP_SHAPE
    by_row = {
        "one window": (partial(Predictor(esrgan, compute).predict, esrgan_speed.windows(SMALL_PX)), SMALL_PX**2),
        "row by row": (esrgan_speed.streaming(esrgan, compute), n_rows * width),
    }
    rows = {name: told["px_per_s"] for name, told in _told(by_row, n_rounds).items()}
    return {
        "compact-8": {**rates, "kept": round(budget.kept, 3), "useful_share": round(useful / max(rates.values()), 3)},
        f"ESRGAN, {n_blocks} blocks": {
            **rows,
            "kept": 1.0,
            "useful_share": round(rows["row by row"] / max(rows.values()), 3),
        },
    }


def _told(ways, n_rounds: int) -> dict[str, dict[str, float]]:
    return {name: timed.told(ways[name][1]) for name, timed in timing.in_turn(ways, n_rounds).items()}


def series(side: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.05, 0.95, (1, N_DATES, 3, side, side)).astype(np.float32)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(json.dumps(main(given.blocks, given.rounds), indent=1))
