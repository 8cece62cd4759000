"""How fast does each engine run ESRGAN, against the original's way and against what the machine multiplies?

The original's way, in our words: one 32×32 chip of 8 dates at a time through the network, float32, tensors as they
come. The others see what `ssr scene` gives them. Besides the rate: the share of values that stay within 1/255 of
float32 PyTorch. Random weights: speed does not depend on them.

By processor seconds of one core, on a machine that others use too; with `--clock` all cores by the clock, which must be
idle then.
"""

import argparse
import json
import time
from functools import partial

import numpy as np
import timing
import torch

from ssr.device import Compute
from ssr.inference.engines.choice import available_engines, place
from ssr.inference.engines.operations import operations_a_pixel
from ssr.inference.engines.rowwise import RowWise, lag_px
from ssr.inference.predictor import Predictor
from ssr.models.esrgan import RRDBNet

CHIP_PX, N_DATES, N_BLOCKS = 32, 8, 23
WINDOWS = ((2, 128), (8, 64))
"""How many go together, and their side in pixels."""
STRIP_SHAPE = (36, 384)


def main(
    n_blocks: int = N_BLOCKS, n_rounds: int = 3, *, by_clock: bool = False, with_onnx: bool = True
) -> dict[str, object]:
    compute = timing.all_cores() if by_clock else timing.one_core()
    seconds_now = time.monotonic if by_clock else time.process_time
    network = RRDBNet(n_revisits=N_DATES, n_blocks=n_blocks).eval()
    chip = torch.from_numpy(windows(CHIP_PX))
    ways = {"original's way: one chip at a time": (partial(original, network, chip), CHIP_PX**2)}
    moved = {}
    exact = network_result(network, windows(WINDOWS[0][1]))
    for engine, there in available_engines().items():
        if there and (engine != "onnx" or with_onnx):
            own = RRDBNet(n_revisits=N_DATES, n_blocks=n_blocks).eval()
            own.load_state_dict(network.state_dict())
            placement = place(own, compute, engine, n_dates=N_DATES, n_pixels=1)
            predictor = Predictor(placement.network, placement.compute)
            for n_together, side in WINDOWS:
                given = np.repeat(windows(side), n_together, 0)
                ways[f"{engine}, {n_together} windows of {side} px"] = (
                    partial(predictor.predict, given),
                    n_together * side**2,
                )
            moved[engine] = within_a_step(predictor.predict(windows(WINDOWS[0][1])), exact)
    ways["torch, row by row"] = (streaming(network, compute), STRIP_SHAPE[0] * STRIP_SHAPE[1])
    timed = timing.in_turn(ways, n_rounds, seconds_now)
    matrix, operations = timing.matrix_gflops(compute, seconds_now=seconds_now), operations_a_pixel(network, N_DATES)
    rates = {}
    for name, (_, n_pixels) in ways.items():
        told = timed[name].told(n_pixels)
        engine = name.partition(",")[0]
        rates[name] = {
            **told,
            "share_of_matrix_rate": round(told["px_per_s"] * operations / matrix / 1e9, 2),
            **({"within_a_step": moved[engine]} if engine in moved else {}),
        }
    return {
        "blocks": n_blocks,
        "cores": torch.get_num_threads(),
        "precision": compute.precision,
        "matrix_gflops": matrix,
        "mflop_per_px": round(operations / 1e6, 1),
        "ways": rates,
    }


def windows(side: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.05, 0.95, (1, N_DATES, 3, side, side)).astype(np.float32)


@torch.no_grad()
def original(network: RRDBNet, chip: torch.Tensor) -> torch.Tensor:
    return network(chip)


@torch.inference_mode()
def network_result(network: RRDBNet, low_res: np.ndarray) -> np.ndarray:
    return network(torch.from_numpy(low_res)).clamp(1 / 255, 1).numpy()


def within_a_step(found: np.ndarray, exact: np.ndarray) -> float:
    return round(float((np.abs(found - exact) <= 1 / 255).mean()), 5)


def streaming(network: RRDBNet, compute: Compute):
    """A scene amid its way through the layers, so that a strip costs what it costs in the long run."""
    n_rows, width = STRIP_SHAPE
    stream = RowWise(network, compute, (10**6, width), n_rows)
    strip = torch.rand((1, N_DATES * 3, n_rows, width), generator=torch.Generator().manual_seed(0))
    state = {"row": lag_px(network) // n_rows * n_rows + n_rows}  # all layers inside the scene from the first strip on

    def push() -> None:
        stream.push(strip, state["row"])
        state["row"] += n_rows

    return push


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=N_BLOCKS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clock", action="store_true", help="all cores of an idle machine, by the clock")
    parser.add_argument("--no-onnx", action="store_true")
    given = parser.parse_args()
    print(json.dumps(main(given.blocks, given.rounds, by_clock=given.clock, with_onnx=not given.no_onnx), indent=1))
