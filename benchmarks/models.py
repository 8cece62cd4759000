"""How fast is each model on this machine? One process, the models in turn: `python benchmarks/models.py [--write]`.

Random weights, but the bundled model's: speed does not depend on them. Every model sees a window of its usual size,
as the predictor gives it, and counts the low-resolution pixels of the window, context included. `--write` puts the
table into docs/models.md.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ssr.build.networks import build_model, bundled_model
from ssr.config.presets import PRESETS
from ssr.device import choose_compute
from ssr.inference.predictor import Predictor
from ssr.models.bicubic import Bicubic
from ssr.models.fidelity import Fidelity
from ssr.models.shiftandadd import ShiftAndAdd

SIDES_PX = {"sr3_s2naip": 32, "esrgan_large": 32, "esrgan_larger2": 32}
USUAL_SIDE_PX = 128
N_ROUNDS = 3
ANY_NUMBER = 8
PAGE = Path(__file__).resolve().parents[1] / "docs" / "models.md"
BEGIN, END = "<!-- speed: benchmarks/models.py --write -->", "<!-- end of speed -->"


def networks():
    """Names and makers, smallest first within a family; made one at a time, since the largest fills 1.4 GB."""
    yield "bicubic", Bicubic
    yield "shift_and_add", ShiftAndAdd
    yield "compact-8", bundled_model
    yield "compact-8, held to the input", lambda: Fidelity(bundled_model())
    for name, config in PRESETS.items():
        if not name.startswith("esrgan_orig"):
            yield name, lambda config=config: build_model(config).eval().requires_grad_(False)


def measure(name: str, network) -> dict[str, object]:
    predictor = Predictor(network, choose_compute())
    side, n_dates = SIDES_PX.get(name, USUAL_SIDE_PX), network.n_revisits or ANY_NUMBER
    window = np.random.default_rng(0).uniform(0.05, 0.95, (1, n_dates, network.n_channels, side, side))
    seconds = []
    for k in range(N_ROUNDS + 1):  # the first round warms up
        started = time.perf_counter()
        predictor.predict(window.astype(np.float32))
        if k:
            seconds.append(time.perf_counter() - started)
        elif time.perf_counter() - started > 20:
            break
    taken = statistics.median(seconds or [time.perf_counter() - started])
    n_parameters = sum(p.numel() for p in network.parameters()) if isinstance(network, nn.Module) else 0
    return {
        "model": name,
        "n_parameters": n_parameters,
        "dates": str(network.n_revisits or f"any, {ANY_NUMBER} here"),
        "channels": network.n_channels,
        "window_px": side,
        "px_per_s": side * side / taken,
        "compute": str(predictor.compute),
    }


def table(rows: list[dict[str, object]]) -> str:
    lines = [
        f"Measured in one run on {rows[0]['compute']}, PyTorch {torch.__version__}.",
        "",
        "| model | parameters | dates | channels a date | window px | low-res px/s |",
        "|---|--:|---|--:|--:|--:|",
    ]
    for row in rows:
        lines.append(
            f"| `{row['model']}` | {row['n_parameters']:,} | {row['dates']} | {row['channels']} | {row['window_px']} | "
            f"{row['px_per_s']:,.0f} |"
        )
    return "\n".join(lines)


def main(*, writes: bool = False) -> list[dict[str, object]]:
    rows = []
    for name, make in networks():
        rows.append(measure(name, make()))
        print(json.dumps(rows[-1]), flush=True)
    if writes:
        head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n{table(rows)}\n{END}{rest.partition(END)[2]}", "utf-8")
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    main(writes=parser.parse_args().write)
