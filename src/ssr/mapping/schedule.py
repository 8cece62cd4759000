"""How long would a map take on many workers, and what would hold it up?

A simulation, event by event: one process hands out cells, all workers read and write through one store, and every
worker reads a cell ahead of the one that it computes, while the one before is written. Workers fail now and then and
lose what they hold; some are slow.
"""

import heapq
from dataclasses import dataclass
from typing import Literal

import numpy as np

Bottleneck = Literal["network", "reading", "writing", "dispatch"]
MOST_EVENTS = 200_000
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
        n_failures: of workers that held a cell.
        lost_hours: of the network, for what was done again.
        tail_hours: from when the first worker has nothing to do until the last cell is written.
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
    played = _Play(plan, rng)
    played.run()
    alone = hours_of_each(plan)
    return Simulated(
        hours=played.last / 3600,
        utilisation=played.useful_s / (played.last * plan.n_workers) if played.last else 0.0,
        bottleneck=max(alone, key=lambda name: alone[name]),
        hours_of={str(name): hours for name, hours in alone.items()},
        n_failures=played.n_failures,
        lost_hours=played.lost_s / 3600,
        tail_hours=max(0.0, played.last - min(played.idle.values(), default=played.last)) / 3600,
    )


def hours_of_each(plan: Schedule) -> dict[Bottleneck, float]:
    """How long each of network, reading, writing and handing out would take if there were nothing else."""
    reading = max(plan.read_bytes / plan.read_bytes_per_s, plan.read_bytes / plan.worker_bytes_per_s / plan.n_workers)
    writing = max(
        plan.write_bytes / plan.write_bytes_per_s, plan.write_bytes / plan.worker_bytes_per_s / plan.n_workers
    )
    n_slow = round(plan.slow_share * plan.n_workers)
    at_once = plan.n_workers - n_slow + n_slow / plan.slow_factor
    each: dict[Bottleneck, float] = {
        "network": plan.predict_s / at_once,
        "reading": reading,
        "writing": writing,
        "dispatch": plan.dispatch_s,
    }
    return {name: plan.n_cells * seconds / 3600 for name, seconds in each.items()}


@dataclass
class _Line:
    """What serves one after the other, for all workers.

    a_cell_s: of what all share; alone_s: that a worker needs at least.
    """

    a_cell_s: float
    alone_s: float = 0.0
    free: float = 0.0

    def serve(self, at: float, n: int) -> float:
        """When so many cells that come at a time are through."""
        self.free = max(self.free, at) + n * self.a_cell_s
        return max(self.free, at + n * self.alone_s)


@dataclass
class _Worker:
    """Cells that it computes, since when, those that it reads meanwhile, and when they and what it wrote are there."""

    predict_s: float
    fails_at: float
    computing: int = 0
    since: float = 0.0
    reading: int = 0
    read_at: float = 0.0
    written_at: float = 0.0


Event = Literal["begin", "end", "fail", "back"]


class _Play:
    """What happens, in the order of time; cells of one step are computed one after the other."""

    def __init__(self, plan: Schedule, rng: np.random.Generator) -> None:
        self._plan, self._rng = plan, rng
        self._together = -(-plan.n_cells // MOST_EVENTS)
        self._left = plan.n_cells
        slow = rng.permutation(plan.n_workers) < round(plan.slow_share * plan.n_workers)
        self._workers = [
            _Worker(plan.predict_s * (plan.slow_factor if is_slow else 1), self._until_failure()) for is_slow in slow
        ]
        self._dispatch = _Line(plan.dispatch_s)
        self._reading = _Line(plan.read_bytes / plan.read_bytes_per_s, plan.read_bytes / plan.worker_bytes_per_s)
        self._writing = _Line(plan.write_bytes / plan.write_bytes_per_s, plan.write_bytes / plan.worker_bytes_per_s)
        self._events: list[tuple[float, int, Event, int]] = []
        self._n_pushed = 0
        self.idle: dict[int, float] = {}
        self.useful_s = self.lost_s = self.last = 0.0
        self.n_failures = 0

    def run(self) -> None:
        """Until every cell is written."""
        for number in range(len(self._workers)):
            self._go_on(0.0, number)
        act = {"begin": self._begin, "end": self._end, "fail": self._fail, "back": self._go_on}
        while self._events:
            now, _, event, number = heapq.heappop(self._events)
            act[event](now, number)

    def _go_on(self, now: float, number: int) -> None:
        """Compute what was read; a worker for which nothing is left has nothing to do."""
        worker = self._workers[number]
        if not worker.reading:
            self._read(now, worker)
        if worker.reading:
            self._push(now, max(now, worker.read_at), "begin", number)
        else:
            self.idle.setdefault(number, now)

    def _read(self, now: float, worker: _Worker) -> None:
        worker.reading = min(self._together, self._left)
        self._left -= worker.reading
        if worker.reading:
            worker.read_at = self._reading.serve(self._dispatch.serve(now, worker.reading), worker.reading)

    def _begin(self, now: float, number: int) -> None:
        worker = self._workers[number]
        worker.computing, worker.since = worker.reading, now
        self._read(now, worker)
        self._push(now, now + worker.computing * worker.predict_s, "end", number)

    def _end(self, now: float, number: int) -> None:
        worker = self._workers[number]
        self.useful_s += worker.computing * worker.predict_s
        before, worker.written_at = worker.written_at, self._writing.serve(now, worker.computing)
        self.last = max(self.last, worker.written_at)
        worker.computing = 0
        self._go_on(max(now, before), number)  # it keeps one result while another is written, not two

    def _fail(self, now: float, number: int) -> None:
        """What was computed to the end is kept, all else goes back to the others."""
        worker = self._workers[number]
        self.n_failures += 1
        n_kept = 0
        if worker.computing:
            n_kept = min(worker.computing, int((now - worker.since) / worker.predict_s))
            self.useful_s += n_kept * worker.predict_s
            self.lost_s += now - worker.since - n_kept * worker.predict_s
        if n_kept:
            self.last = max(self.last, self._writing.serve(now, n_kept))
        self._left += worker.computing - n_kept + worker.reading
        worker.computing = worker.reading = 0
        back = now + self._plan.restart_s
        worker.fails_at = back + self._until_failure()
        self._push(now, back, "back", number)
        for other in list(self.idle):
            if self._left:
                del self.idle[other]
                self._go_on(now, other)

    def _push(self, now: float, at: float, event: Event, number: int) -> None:
        """Something will happen to a worker, if it does not fail before."""
        fails_at = self._workers[number].fails_at
        if fails_at < at and event != "back":
            at, event = max(now, fails_at), "fail"
        self._n_pushed += 1
        heapq.heappush(self._events, (at, self._n_pushed, event, number))

    def _until_failure(self) -> float:
        if self._plan.mean_hours_to_failure is None:
            return float("inf")
        return float(self._rng.exponential(self._plan.mean_hours_to_failure * 3600))
