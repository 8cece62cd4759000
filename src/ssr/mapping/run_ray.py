"""How are cells done by a Ray cluster: readers on CPUs, predictors that hold the network, writers?

Placement, restarts and retries are Ray's own. A cell is three calls of actors whose results are handed on inside the
cluster; this process only keeps so many cells on their way (so that no queue grows) and the ledger of what became of
them. What Ray gives up, the ledger tries again.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

from ssr.errors import ConfigError, MissingExtraError, SSRError
from ssr.mapping.ledger import Ledger
from ssr.mapping.work import Job, Outcome, Product, Stage, Task, keep, told

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.actor import ActorHandle

LOCAL = "local"
CALLS_AHEAD = 2
"""Cells on their way for each actor: one that it is at, one that waits; more would fill the memory of the cluster."""
RETRIES_OF_RAY = 3
"""Of a call whose actor or node was lost."""
DEFAULT_OBJECT_STORE_BYTES = 2 * 10**9


@dataclass(frozen=True)
class Actors:
    """How many; None: as many as the cluster has room for.

    cpus: that a reader or a writer asks of Ray; a predictor asks for one, and for a GPU where there are any.
    """

    readers: int | None = None
    predictors: int | None = None
    writers: int | None = None
    cpus: float = 1.0


def run_on_ray(ledger: Ledger, job: Job, *, address: str, actors: Actors | None = None) -> None:
    """Do all cells of a ledger.

    Args:
        address: of a cluster (`auto`, `host:6379`, `ray://host:10001`), or `local` for one on this machine.

    Raises:
        SSRError: no cluster answers, a worker cannot be made, or the store takes nothing any more.
    """
    with _connected(address) as ray:
        counts = _counted(ray, actors or Actors())
        pools = _Pools(ray, job, counts)
        on_the_way: dict[ObjectRef[Any], Task] = {}
        while True:
            while len(on_the_way) < pools.n_ahead and (task := ledger.take()) is not None:
                on_the_way[pools.start(task)] = task
            if not on_the_way:
                return
            ended, _ = ray.wait(list(on_the_way), num_returns=1)
            for ref in ended:
                ledger.record(_outcome(ray, ref, on_the_way.pop(ref)))


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Ray's own imports
            import ray
    except ModuleNotFoundError as error:
        raise MissingExtraError("ray", "map", f"--ray {address}") from error
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        how |= {"include_dashboard": False, "object_store_memory": DEFAULT_OBJECT_STORE_BYTES}
    was_there = ray.is_initialized()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray speaks of its own future defaults
            if not was_there:
                ray.init(address=None if address == LOCAL else address, **how)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise ConfigError(f"--ray {address}: no cluster answers there ({told(error)})") from error
    try:
        yield ray
    finally:
        if not was_there:
            ray.shutdown()


@dataclass(frozen=True)
class _Counts:
    readers: int
    predictors: int
    writers: int
    cpus: float
    gpus: float


def _counted(ray: Any, asked: Actors) -> _Counts:
    """Every GPU gets a predictor; without any, half of the CPUs predict. Of the rest two thirds read."""
    has = ray.cluster_resources()
    n_gpus, n_cpus = int(has.get("GPU", 0)), int(has.get("CPU", 1))
    predictors = asked.predictors or n_gpus or max(1, n_cpus // 2)
    rest = max(2, n_cpus - predictors)
    readers = asked.readers or max(1, 2 * rest // 3)
    writers = asked.writers or max(1, rest - readers)
    # A cluster of one or two CPUs has no room for three actors that want one each; then they share.
    wanted = readers + predictors + writers
    cpus = asked.cpus if wanted <= n_cpus else min(asked.cpus, 0.9 * n_cpus / wanted)
    return _Counts(readers, predictors, writers, round(cpus, 3), 1.0 if n_gpus else 0.0)


class _Pools:
    """Actors of three kinds; calls go round among those of a kind."""

    def __init__(self, ray: Any, job: Job, counts: _Counts) -> None:
        lasting = {"max_restarts": -1, "max_task_retries": RETRIES_OF_RAY, "num_cpus": counts.cpus}
        spread = {"scheduling_strategy": "SPREAD"}
        reader = ray.remote(_Reader).options(**lasting, **spread)
        predictor = ray.remote(_Predictor).options(**lasting, **spread, num_gpus=counts.gpus)
        writer = ray.remote(_Writer).options(**lasting, **spread)
        self._all = [
            [kind.remote(job) for _ in range(n)]
            for kind, n in ((reader, counts.readers), (predictor, counts.predictors), (writer, counts.writers))
        ]
        self._readers, self._predictors, self._writers = (cycle(actors) for actors in self._all)
        self.n_ahead = CALLS_AHEAD * (counts.readers + counts.predictors + counts.writers)

    def start(self, task: Task) -> "ObjectRef[Any]":
        """Send a cell on its way; what it becomes at last is an outcome."""
        loaded = _next(self._readers).read.remote(task)
        predicted = _next(self._predictors).predict.remote(task, loaded)
        return _next(self._writers).write.remote(task, predicted)


def _next(actors: "Iterator[ActorHandle[Any]]") -> Any:
    return next(actors)


def _outcome(ray: Any, ref: "ObjectRef[Any]", task: Task) -> Outcome:
    try:
        outcome: Outcome = ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause if isinstance(error.cause, Exception) else error
        if isinstance(cause, _NoWorkerError):
            raise SSRError(str(cause)) from error
        return Outcome(task, told(cause))
    except ray.exceptions.RayError as error:
        return Outcome(task, f"lost on its way ({told(error)})")
    return outcome


class _NoWorkerError(Exception):
    """A worker cannot be made, whatever the cell."""


class _Actor:
    """What is made once and kept; made at the first call, so that its error is that of the call."""

    stage: Stage

    def __init__(self, job: Job) -> None:
        self._job = job
        self._stages: Any = None

    def stages(self) -> Any:
        if self._stages is None:
            try:
                self._stages = self._job.prepare(self.stage, self._job.settings)
            except SSRError as error:
                raise _NoWorkerError(str(error)) from error
        return self._stages


class _Reader(_Actor):
    stage: Stage = "read"

    def read(self, task: Task) -> Any:
        return self.stages().read(task)


class _Predictor(_Actor):
    stage: Stage = "predict"

    def predict(self, task: Task, loaded: Any) -> Any:
        return self.stages().predict(task, loaded)


class _Writer(_Actor):
    stage: Stage = "encode"

    def write(self, task: Task, predicted: Any) -> Outcome:
        product: Product = self.stages().encode(task, predicted)
        return keep(self._job.store, task, product)
