"""How fast is this machine, and how fast does a network run on it?"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ssr.device import Compute, available_cores, processor_name
from ssr.inference.engines.choice import Placement, available_engines
from ssr.inference.engines.operations import operations_a_pixel
from ssr.inference.predictor import Predictor
from ssr.models.protocol import SuperResolver

MATRIX_SIDE = 2048
MATRIX_SECONDS = 0.6
N_ROUNDS = 3
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Machine:
    """What networks run on here.

    Attributes:
        engines: those that are installed.
        matrix_gflops: rate of multiplying large matrices, 10⁹ operations a second, by precision; the best of many.
    """

    device: str
    processor: str
    n_cores: int
    precision: str
    engines: tuple[str, ...]
    matrix_gflops: dict[str, float]


@dataclass(frozen=True)
class Rate:
    """A network at work.

    Attributes:
        low_res_px_per_s: of windows of one size, context counted; the median of several rounds.
        window: `b t c h w`.
        operations_a_pixel: of convolutions alone; 0 where they cannot be told.
        share_of_matrix_rate: of what the machine multiplies in this precision.
    """

    engine: str
    reason: str
    window: tuple[int, ...]
    low_res_px_per_s: float
    operations_a_pixel: float
    share_of_matrix_rate: float | None
    start_s: float


def describe(compute: Compute) -> Machine:
    """The machine, measured for a second."""
    kinds = dict.fromkeys(("fp32", compute.precision))
    engines = tuple(name for name, is_there in available_engines().items() if is_there)
    rates: dict[str, float] = {kind: round(matrix_gflops(compute, kind), 1) for kind in kinds}
    return Machine(compute.device.type, processor_name(), available_cores(), compute.precision, engines, rates)


def matrix_gflops(compute: Compute, precision: str) -> float:
    """10⁹ operations a second, the best of what fits into MATRIX_SECONDS."""
    left, right = (torch.ones((MATRIX_SIDE, MATRIX_SIDE), dtype=TYPES[precision], device=compute.device) for _ in "lr")
    _wait(compute)
    best, until = float("inf"), time.perf_counter() + MATRIX_SECONDS
    with torch.inference_mode():
        while time.perf_counter() < until:
            started = time.perf_counter()
            left @ right
            _wait(compute)
            best = min(best, time.perf_counter() - started)
    return 2 * MATRIX_SIDE**3 / best / 1e9


def measure(
    network: SuperResolver, make: Callable[[], Placement], machine: Machine, shape: tuple[int, int, int, int, int]
) -> Rate:
    """Put a network on its engine and let it see windows of one shape.

    Args:
        network: as it is in PyTorch, of which the operations are counted.
        make: puts it on its engine.
    """
    started = time.perf_counter()
    placement = make()
    predictor = Predictor(placement.network, placement.compute)
    windows = np.random.default_rng(0).uniform(0.1, 0.9, shape).astype(np.float32)
    predictor.predict(windows)
    ready = time.perf_counter()
    seconds = []
    for _ in range(N_ROUNDS):
        before = time.perf_counter()
        predictor.predict(windows)
        seconds.append(time.perf_counter() - before)
    rate = shape[0] * shape[3] * shape[4] / statistics.median(seconds)
    operations = operations_a_pixel(network, shape[1])
    known = machine.matrix_gflops.get(placement.compute.precision)
    return Rate(
        placement.engine,
        placement.reason,
        shape,
        round(rate),
        operations,
        round(rate * operations / known / 1e9, 3) if known and operations else None,
        round(ready - started, 2),
    )


def _wait(compute: Compute) -> None:
    if compute.device.type == "cuda":
        torch.cuda.synchronize()
    elif compute.device.type == "mps":
        torch.mps.synchronize()
