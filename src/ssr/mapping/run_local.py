"""How are cells done by processes of this machine?

Each process holds a network of its own and does one cell after the other. One that dies (killed, out of memory) is
replaced, and its cell is tried again.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import NamedTuple

from ssr.errors import SSRError
from ssr.mapping.ledger import Ledger
from ssr.mapping.work import Job, Outcome, Task, do_cell, told

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
MOST_DEATHS_IN_A_ROW = 8
"""Of workers that die before they have done anything; more will not help."""


class _Worker(NamedTuple):
    process: SpawnProcess
    pipe: Connection


def run_locally(ledger: Ledger, job: Job, *, n_workers: int, n_threads: int = 1) -> None:
    """Do all cells of a ledger.

    Raises:
        SSRError: a worker cannot be made (no such model, say), or the store takes nothing any more.
    """
    pool = _Pool(job, n_threads)
    n_deaths = 0
    try:
        while pool.fill(ledger, n_workers):
            for outcome in pool.outcomes():
                n_deaths = n_deaths + 1 if outcome.error == _Pool.DIED else 0
                if n_deaths > MOST_DEATHS_IN_A_ROW:
                    raise SSRError(
                        f"{n_deaths} workers died one after the other; is there enough memory for {n_workers}?"
                    )
                ledger.record(outcome)
    finally:
        pool.close()


class _Pool:
    DIED = "the worker died (killed, or out of memory)"

    def __init__(self, job: Job, n_threads: int) -> None:
        self._job, self._n_threads = job, n_threads
        self._busy: dict[Connection, tuple[_Worker, Task]] = {}
        self._idle: list[_Worker] = []

    def fill(self, ledger: Ledger, n_workers: int) -> bool:
        """Give every worker that is free a cell; whether any has one."""
        while len(self._busy) < n_workers and (task := ledger.take()) is not None:
            worker = self._idle.pop() if self._idle else self._started()
            self._busy[worker.pipe] = worker, task
            with suppress(OSError):  # it has died; its pipe tells
                worker.pipe.send(task)
        return bool(self._busy)

    def outcomes(self) -> list[Outcome]:
        """Of those that have ended, at least one."""
        ended = []
        for pipe in wait(list(self._busy)):
            assert isinstance(pipe, Connection)
            worker, task = self._busy.pop(pipe)
            try:
                answer = pipe.recv()
            except (EOFError, OSError):
                pipe.close()
                worker.process.join()
                ended.append(Outcome(task, self.DIED))
                continue
            if isinstance(answer, SSRError):
                self._busy[pipe] = worker, task
                raise answer
            self._idle.append(worker)
            ended.append(answer)
        return ended

    def close(self) -> None:
        """End all workers, whatever they do."""
        workers = [*self._idle, *(worker for worker, _ in self._busy.values())]
        for worker in workers:
            worker.pipe.close()
        for worker, _ in self._busy.values():
            worker.process.terminate()
        for worker in workers:
            worker.process.join()
            worker.process.close()

    def _started(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._job), daemon=True)
        before = {name: os.environ.get(name) for name in THREADS}
        os.environ.update(dict.fromkeys(THREADS, str(self._n_threads)))
        try:
            process.start()
        finally:
            _restore(before)
        theirs.close()
        return _Worker(process, ours)


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _work(pipe: Connection, job: Job) -> None:
    """In the process of a worker: cells come through the pipe until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run ends its workers itself
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    stages = None
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        if stages is None:
            try:
                stages = job.prepare("all", job.settings)
            except SSRError as error:
                pipe.send(error)
                return
            except Exception as error:  # noqa: BLE001  # said by the run, in one line
                pipe.send(SSRError(f"a worker cannot be made: {told(error)}"))
                return
        answer = do_cell(stages, job.store, task)
        try:
            pipe.send(answer)
        except OSError:
            sys.exit(1)  # the run has ended; the work is kept all the same
