"""What do `map run`, `map status` and `map publish` do, from a plan to a map?"""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from ssr.device import PrecisionName
from ssr.inference.predictor import Progress
from ssr.mapping.changes import Changes, find_changes
from ssr.mapping.ledger import DEFAULT_TRIES, Account, Ledger
from ssr.mapping.plan import Plan, open_plan
from ssr.mapping.publish import Published, publish_map
from ssr.mapping.pyramid import PictureFormat
from ssr.mapping.run_local import run_locally
from ssr.mapping.run_ray import Actors, run_on_ray
from ssr.mapping.status import Status, status_of
from ssr.mapping.store import Store
from ssr.mapping.work import Job, Task
from ssr.workflows.mapcells import prepare_cells

SWEEP_AFTER_S = 3600.0
"""Another run may be at work in the same store."""


class Part(NamedTuple):
    """Of so many runs that share a plan, which one, from 1."""

    number: int
    of: int


WHOLE = Part(1, 1)


def run_map(
    folder: Path,
    *,
    n_workers: int = 1,
    ray: str | None = None,
    actors: tuple[int | None, int | None, int | None] = (None, None, None),
    n_tries: int = DEFAULT_TRIES,
    retry_failed: bool = False,
    part: Part = WHOLE,
    device: str = "auto",
    precision: PrecisionName = "auto",
    store_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Account:
    """Do all cells of a plan that are not done.

    Args:
        n_workers: processes of this machine.
        ray: the address of a Ray cluster that does them instead (`run_ray`).
        actors: of Ray, that read, predict and write; None: as many as the cluster has room for.
        n_tries: of a cell, before it is set aside with its error.
        retry_failed: take up cells again that were set aside.
        part: of so many runs that share a plan, which this is; each has partitions of its own.
    """
    plan = open_plan(folder)
    job, undone = _job(plan, device, precision, store_options), Undone(plan, store_options, retry_failed, part)
    ledger = Ledger(undone, job.store, n_tries=n_tries, progress=progress)
    if ray is None:
        run_locally(ledger, job, n_workers=n_workers)
    else:
        run_on_ray(ledger, job, address=ray, actors=Actors(*actors))
    return _swept(ledger, job.store, undone.n_found)


def map_status(folder: Path, *, store_options: Mapping[str, Any] | None = None) -> Status:
    """How far a map is, from its plan and what its store lists."""
    plan = open_plan(folder)
    return status_of(plan, plan.store(store_options))


def publish(
    folder: Path,
    out: Path,
    *,
    pictures: PictureFormat | None = "webp",
    license_name: str = "other",
    store_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Published:
    """Write what is done of a map as COGs, pyramid and catalogue, or bring what was published up to date."""
    plan = open_plan(folder)
    return publish_map(
        plan, plan.store(store_options), out, pictures=pictures, license_name=license_name, progress=progress
    )


def map_changes(
    before: Path,
    now: Path,
    out: Path | None = None,
    *,
    with_results: bool = True,
    store_options: Mapping[str, Any] | None = None,
) -> Changes:
    """Which cells have other input than in an earlier plan, and how much their results differ."""
    plans = open_plan(before), open_plan(now)
    stores = (plans[0].store(store_options), plans[1].store(store_options)) if with_results else None
    return find_changes(*plans, stores, out)


def _job(plan: Plan, device: str, precision: PrecisionName, store_options: Mapping[str, Any] | None) -> Job:
    settings = {"plan": str(plan.folder.resolve()), "device": device, "precision": precision}
    return Job(prepare_cells, settings, plan.store(store_options))


class Undone:
    """Cells of a plan that are neither done nor set aside, a partition in memory at a time; those found are counted."""

    def __init__(
        self, plan: Plan, store_options: Mapping[str, Any] | None, retry_failed: bool, part: Part = WHOLE
    ) -> None:
        self._plan, self._store, self._retry, self._part = plan, plan.store(store_options), retry_failed, part
        self.n_found = 0

    def __iter__(self) -> Iterator[Task]:
        ours = islice(self._plan.by_partition(), self._part.number - 1, None, self._part.of)
        for partition, tasks in ours:
            known = self._store.list(partition)
            for task in tasks:
                key = (task.cell, task.input)
                if key in known.done:
                    self.n_found += 1
                elif key not in known.failed:
                    yield task
                elif self._retry:
                    self._store.take_up_again(partition, *key)
                    yield task


def _swept(ledger: Ledger, store: Store, n_found: int) -> Account:
    """What workers left that were killed while they wrote."""
    for partition in ledger.partitions:
        store.sweep(partition, older_than_s=SWEEP_AFTER_S)
    return ledger.account(n_found)
