"""Which cell is next, and what became of those before?

Kept in memory is what is being done and what is to be tried again, never the whole map.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ssr.errors import OutputError
from ssr.mapping.store import Failed, Store
from ssr.mapping.work import Outcome, Task

DEFAULT_TRIES = 3
MOST_WAITING = 1000
"""Cells that wait for another try; then they come first, so that memory stays as it is."""


@dataclass(frozen=True)
class Account:
    """How a run went.

    n_found: cells that were done before.
    n_tried_again: tries beyond the first of each cell.
    """

    n_found: int
    n_done: int
    n_failed: int
    n_tried_again: int
    seconds: float


class Ledger:
    """What is to be done, in order; those that failed come again after the others, those that the store refused at
    once, so that a store that is full ends the run soon.

    Args:
        tasks: to be done, as an iterator that is read when a worker is free.
        store: takes the markers of cells that are set aside.
        n_tries: of a cell.
    """

    def __init__(
        self,
        tasks: Iterable[Task],
        store: Store,
        *,
        n_tries: int = DEFAULT_TRIES,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._tasks = iter(tasks)
        self._again: deque[Task] = deque()
        self._at_once: deque[Task] = deque()
        self._n_failures: Counter[Task] = Counter()
        self._store, self._n_tries, self._progress = store, n_tries, progress
        self._began = time.monotonic()
        self.n_done = self.n_failed = self.n_tried_again = 0
        self._partitions: set[str] = set()

    def take(self) -> Task | None:
        """The next cell; None if there is none now."""
        is_again = bool(self._at_once) or len(self._again) >= MOST_WAITING
        task = None if is_again else next(self._tasks, None)
        if task is None and (waiting := self._at_once or self._again):
            self.n_tried_again += 1
            task = waiting.popleft()
        if task is not None:
            self._partitions.add(task.partition)
        return task

    def record(self, outcome: Outcome) -> None:
        """A try has ended.

        Raises:
            OutputError: the store takes nothing any more.
        """
        task = outcome.task
        if outcome.error is None:
            self._n_failures.pop(task, None)
            self.n_done += 1
        else:
            self._n_failures[task] += 1
            if self._n_failures[task] < self._n_tries:
                (self._at_once if outcome.is_store else self._again).append(task)
                return
            if outcome.is_store:
                raise OutputError(f"{outcome.error}; make room or mend the store, and run the map again: it goes on")
            failed = Failed(task.cell, task.input, outcome.error, self._n_failures.pop(task))
            self._store.set_aside(task.partition, failed)
            self.n_failed += 1
        if self._progress:
            self._progress(self.n_done, self.n_failed)

    def account(self, n_found: int) -> Account:
        """Of the run so far."""
        seconds = time.monotonic() - self._began
        return Account(n_found, self.n_done, self.n_failed, self.n_tried_again, round(seconds, 3))

    @property
    def partitions(self) -> list[str]:
        """In which something was done."""
        return sorted(self._partitions)
