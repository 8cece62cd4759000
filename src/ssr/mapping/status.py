"""How far is a map? From its plan and the lists of its store alone."""

from dataclasses import dataclass
from datetime import datetime

from ssr.errors import InputError
from ssr.mapping.plan import Plan
from ssr.mapping.store import Store

RECENT_S = 900.0
"""The rate is that of the last quarter of an hour in which cells were finished."""
SHOWN_FAILURES = 20


@dataclass(frozen=True)
class FailedCell:
    """A cell that was set aside, and why."""

    cell: str
    error: str
    n_tries: int


@dataclass(frozen=True)
class Status:
    """Counts of cells.

    Attributes:
        n_without_dates: nothing can be done for them.
        cells_per_hour: of late; None where fewer than two are done.
        remaining_hours: at that rate.
        last_done: when the last was finished.
        failures: the first of those set aside.
    """

    recipe: str
    store: str
    n_cells: int
    n_without_dates: int
    n_done: int
    n_failed: int
    n_remaining: int
    gigabytes: float
    cells_per_hour: float | None
    remaining_hours: float | None
    last_done: str | None
    failures: tuple[FailedCell, ...]


def status_of(plan: Plan, store: Store) -> Status:
    """One list of each partition."""
    n_done = n_failed = n_tasks = n_bytes = 0
    recent = _Recent()
    failures: list[FailedCell] = []
    for partition, tasks in plan.by_partition():
        known = store.list(partition)
        n_bytes += known.n_bytes
        for task in tasks:
            n_tasks += 1
            key = (task.cell, task.input)
            if key in known.done:
                n_done += 1
                recent.add(known.done[key])
            elif key in known.failed:
                n_failed += 1
                if len(failures) < SHOWN_FAILURES:
                    failures.append(_failure(store, partition, *key))
    rate = recent.per_hour()
    n_cells = plan.told["counts"]["n_cells"]
    n_remaining = n_tasks - n_done - n_failed
    return Status(
        recipe=plan.told["recipe_hash"],
        store=store.url,
        n_cells=n_cells,
        n_without_dates=n_cells - n_tasks,
        n_done=n_done,
        n_failed=n_failed,
        n_remaining=n_remaining,
        gigabytes=round(n_bytes / 1e9, 3),
        cells_per_hour=None if rate is None else round(rate, 1),
        remaining_hours=round(n_remaining / rate, 2) if rate else None,
        last_done=None if recent.last is None else recent.last.isoformat(timespec="seconds"),
        failures=tuple(failures),
    )


def _failure(store: Store, partition: str, cell: str, given: str) -> FailedCell:
    try:
        told = store.failed(partition, cell, given)
    except InputError as error:
        return FailedCell(cell, str(error), 0)
    return FailedCell(cell, told.error, told.n_tries)


class _Recent:
    """Times of the last cells, in seconds that are counted, not kept one by one."""

    def __init__(self) -> None:
        self.last: datetime | None = None
        self._by_second: dict[int, int] = {}

    def add(self, moment: datetime | None) -> None:
        if moment is None:
            return
        self.last = moment if self.last is None else max(self.last, moment)
        second = int(moment.timestamp())
        self._by_second[second] = self._by_second.get(second, 0) + 1
        if len(self._by_second) > 4 * RECENT_S:
            self._forget()

    def _forget(self) -> None:
        assert self.last is not None
        first = self.last.timestamp() - RECENT_S
        self._by_second = {second: n for second, n in self._by_second.items() if second >= first}

    def per_hour(self) -> float | None:
        if self.last is None:
            return None
        self._forget()
        n = sum(self._by_second.values())
        span = max(self._by_second) - min(self._by_second) + 1
        return n / span * 3600 if n > 1 else None
