"""How long would a map take on many workers, and what would hold it up?

A simulation: every worker reads a cell ahead of the one that it computes, while the one before is written. Reading and
writing share the bandwidth of the store; workers fail now and then and lose the cell they are at; some are slow.
"""

import heapq
from dataclasses import dataclass
from typing import Literal

import numpy as np

Bottleneck = Literal["network", "reading", "writing", "dispatch"]
MOST_EVENTS = 400_000
"""Of a larger map cells are taken together, so many that a simulation takes seconds."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What is assumed.

    Attributes:
        n_cells, n_workers: of the map.
        predict_s: of a cell on one worker.
        read_bytes, write_bytes: of a cell.
        read_bytes_per_s, write_bytes_per_s: of the store, for all workers together.
        worker_bytes_per_s: of one worker, reading or writing.
        dispatch_s: of the one process that hands out cells, for each.
        mean_hours_to_failure: of a worker; None: none fails.
        restart_s: until a worker that failed is back.
        slow_share, slow_factor: of the workers, and how much slower they are.
    """

    n_cells: int
    n_workers: int
    predict_s: float
    read_bytes: float = 0.0
    write_bytes: float = 0.0
    read_bytes_per_s: float = float("inf")
    write_bytes_per_s: float = float("inf")
    worker_bytes_per_s: float = float("inf")
    dispatch_s: float = 0.0
    mean_hours_to_failure: float | None = None
    restart_s: float = 300.0
    slow_share: float = 0.0
    slow_factor: float = 3.0


@dataclass(frozen=True)
class Simulated:
    """What comes of it.

    Attributes:
        utilisation: of the time of all workers, that in which the network computed what was kept.
        bottleneck: what takes longest if each were alone.
        hours_of: each of them alone.
        n_failures: of workers.
        lost_hours: of work that was done again.
        tail_hours: from when the first worker has nothing to do until the last has finished.
    """

    hours: float
    utilisation: float
    bottleneck: Bottleneck
    hours_of: dict[str, float]
    n_failures: int
    lost_hours: float
    tail_hours: float


def simulate(plan: Schedule, rng: np.random.Generator) -> Simulated:
    """Play it through once."""
    together = max(1, -(-plan.n_cells // max(1, min(plan.n_cells, MOST_EVENTS))))
    n_batches = -(-plan.n_cells // together)
    n_workers = min(plan.n_workers, n_batches)
    slow = rng.permutation(n_workers) < round(plan.slow_share * n_workers)
    seconds = np.where(slow, plan.predict_s * plan.slow_factor, plan.predict_s)
    alone = hours_of_each(plan)
    # A worker's step is the longest of its three; shares of the store are those of all workers at once.
    reading = (
        plan.read_bytes / min(plan.worker_bytes_per_s, plan.read_bytes_per_s / n_workers) if plan.read_bytes else 0
    )
    writing = plan.write_bytes / min(plan.worker_bytes_per_s, plan.write_bytes_per_s / n_workers)
    dispatch = plan.dispatch_s * n_workers
    steps = np.maximum(seconds, max(reading, writing, dispatch))
    first = reading + plan.dispatch_s
    free = [(first, worker) for worker in range(n_workers)]
    heapq.heapify(free)
    fails_at = _failures(plan, n_workers, rng)
    useful = lost = 0.0
    n_failures, left, n_again = 0, plan.n_cells, 0
    ended: list[float] = []
    while left or n_again:
        now, worker = heapq.heappop(free)
        n = min(together, left) or min(together, n_again)
        if left:
            left -= n
        else:
            n_again -= n
        done = now + n * steps[worker]
        if done > fails_at[worker]:
            n_failures += 1
            at = max(fails_at[worker], now)
            n_kept = int((at - now) // steps[worker])
            useful += n_kept * seconds[worker]
            lost += (at - now) - n_kept * steps[worker]
            n_again += n - n_kept
            fails_at[worker] = at + plan.restart_s + _until_failure(plan, rng)
            heapq.heappush(free, (at + plan.restart_s + reading, worker))
            continue
        useful += n * seconds[worker]
        ended.append(done)
        heapq.heappush(free, (done, worker))
    last = max(ended, default=0.0) + writing
    idle_from = min((at for at, _ in free), default=last)
    return Simulated(
        hours=last / 3600,
        utilisation=useful / (last * plan.n_workers) if last else 0.0,
        bottleneck=max(alone, key=lambda name: alone[name]),
        hours_of={str(name): hours for name, hours in alone.items()},
        n_failures=n_failures,
        lost_hours=lost / 3600,
        tail_hours=max(0.0, last - idle_from) / 3600,
    )


def hours_of_each(plan: Schedule) -> dict[Bottleneck, float]:
    """How long each of network, reading, writing and handing out would take if there were nothing else."""
    reading = max(plan.read_bytes / plan.read_bytes_per_s, plan.read_bytes / plan.worker_bytes_per_s / plan.n_workers)
    writing = max(
        plan.write_bytes / plan.write_bytes_per_s, plan.write_bytes / plan.worker_bytes_per_s / plan.n_workers
    )
    n_slow = round(plan.slow_share * plan.n_workers)
    speed = (plan.n_workers - n_slow + n_slow / plan.slow_factor) / plan.predict_s
    each: dict[Bottleneck, float] = {
        "network": 1 / speed,
        "reading": reading,
        "writing": writing,
        "dispatch": plan.dispatch_s,
    }
    return {name: plan.n_cells * seconds / 3600 for name, seconds in each.items()}


def _failures(plan: Schedule, n_workers: int, rng: np.random.Generator) -> list[float]:
    return [_until_failure(plan, rng) for _ in range(n_workers)]


def _until_failure(plan: Schedule, rng: np.random.Generator) -> float:
    if plan.mean_hours_to_failure is None:
        return float("inf")
    return float(rng.exponential(plan.mean_hours_to_failure * 3600))
