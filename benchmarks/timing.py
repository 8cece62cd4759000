"""How are ways compared on a machine that others use too?

By processor seconds of one thread, every way once a round, one after the other; what the others do then costs
caches, not turns. A rate is low-resolution pixels for each such second: what one core does. A ratio
is the median of the rounds' ratios, so that a slow minute slows both of its sides.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ssr.device import Compute, processor_name

MATRIX_SIDE = 1024
WATCHER = """
import json, resource, subprocess, sys, time
began = time.monotonic()
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
clock_s, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, clock_s, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
"""A small process in between: the peak that a child is said to have counts what its parent held when it began."""


@dataclass(frozen=True)
class Timed:
    """Seconds of each round, and how often as fast as the first way it was."""

    seconds: tuple[float, ...]
    ratios: tuple[float, ...]

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)

    def told(self, n_pixels: int) -> dict[str, float]:
        return {
            "px_per_core_s": round(n_pixels / self.median_s),
            "ratio": round(statistics.median(self.ratios), 2),
            "ratio_min": round(min(self.ratios), 2),
            "ratio_max": round(max(self.ratios), 2),
        }


def one_core() -> Compute:
    """The processor in the precision it multiplies fastest, one thread."""
    from ssr.device import choose_compute

    compute = choose_compute("cpu")
    torch.set_num_threads(1)
    return compute


def in_turn(ways: Mapping[str, tuple[Callable[[], object], int]], n_rounds: int = 3) -> dict[str, Timed]:
    """Time ways, the first of which is what all are compared with.

    Args:
        ways: by name, with the pixels that a call computes.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for call, _ in ways.values():
        call()  # warms up
    for _ in range(n_rounds):
        for name, (call, _) in ways.items():
            began = time.process_time()
            call()
            seconds[name].append(time.process_time() - began)
    base, n_base = next(iter(ways)), next(iter(ways.values()))[1]
    return {
        name: Timed(
            tuple(seconds[name]),
            tuple(n * b / (n_base * a) for a, b in zip(seconds[name], seconds[base], strict=True)),
        )
        for name, (_, n) in ways.items()
    }


def matrix_gflops(n_rounds: int = 9) -> float:
    """10⁹ operations a second of one core multiplying large float32 matrices, the best of several."""
    left = torch.ones((MATRIX_SIDE, MATRIX_SIDE))
    best = float("inf")
    for _ in range(n_rounds):
        began = time.process_time()
        left @ left
        best = min(best, time.process_time() - began)
    return round(2 * MATRIX_SIDE**3 / best / 1e9, 1)


def machine() -> dict[str, object]:
    flags = Path("/proc/cpuinfo").read_text("utf-8") if Path("/proc/cpuinfo").exists() else ""
    known = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f" {name} " in flags.replace("\n", " ")]
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "vector_units": known,
        "torch": torch.__version__,
        "load": round(os.getloadavg()[0], 1),
    }


def run_child(command: list[str]) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak megabytes of a command of one thread.

    Raises:
        SystemExit: it failed.
    """
    environment = dict(os.environ) | {"OMP_NUM_THREADS": "1"}
    watched = [sys.executable, "-S", "-c", WATCHER, *command]
    told = subprocess.run(watched, env=environment, check=True, stdout=subprocess.PIPE).stdout
    status, clock_s, core_s, peak_kb = json.loads(told)
    if status:
        raise SystemExit(f"{' '.join(command)}: failed with status {status}")
    return clock_s, core_s, peak_kb / 1024
