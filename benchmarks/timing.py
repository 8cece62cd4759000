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

MATRIX_SIDES = (1024, 2048)
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
            "px_per_s": round(n_pixels / self.median_s),
            "ratio": round(statistics.median(self.ratios), 2),
            "ratio_min": round(min(self.ratios), 2),
            "ratio_max": round(max(self.ratios), 2),
        }


def one_core() -> Compute:
    """The processor in the precision it multiplies fastest, one thread."""
    compute = all_cores()
    torch.set_num_threads(1)
    return compute


def all_cores() -> Compute:
    """The processor in the precision it multiplies fastest, a thread a core: for the clock of an idle machine."""
    from ssr.device import choose_compute

    return choose_compute("cpu")


def in_turn(
    ways: Mapping[str, tuple[Callable[[], object], int]],
    n_rounds: int = 3,
    seconds_now: Callable[[], float] = time.process_time,
) -> dict[str, Timed]:
    """Time ways, the first of which is what all are compared with.

    Args:
        ways: by name, with the pixels that a call computes.
        seconds_now: `time.monotonic` for the clock.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for call, _ in ways.values():
        call()  # warms up
    for _ in range(n_rounds):
        for name, (call, _) in ways.items():
            began = seconds_now()
            call()
            seconds[name].append(seconds_now() - began)
    base, n_base = next(iter(ways)), next(iter(ways.values()))[1]
    return {
        name: Timed(
            tuple(seconds[name]),
            tuple(n * b / (n_base * a) for a, b in zip(seconds[name], seconds[base], strict=True)),
        )
        for name, (_, n) in ways.items()
    }


def matrix_gflops(compute: Compute, n_rounds: int = 15, seconds_now: Callable[[], float] = time.process_time) -> float:
    """10⁹ operations a second of multiplying large matrices in the precision of `compute`, the best of several."""
    best = 0.0
    for side in MATRIX_SIDES:
        left = torch.ones((side, side), dtype=torch.bfloat16 if compute.precision == "bf16" else torch.float32)
        for _ in range(n_rounds):
            began = seconds_now()
            left @ left
            best = max(best, 2 * side**3 / (seconds_now() - began) / 1e9)
    return round(best, 1)


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
