"""Every cell is done once, whatever befalls workers; what cannot be done is set aside and the run goes on."""

import pytest

from ssr.errors import ImageReadError, OutputError
from ssr.mapping.ledger import Ledger
from ssr.mapping.run_local import run_locally
from ssr.mapping.store import Store
from ssr.mapping.work import Job, Outcome, Task
from tests.support.map_stages import hashes_in, prepare_none, prepare_toy, tasks_of


def run(store: Store, n: int, *, n_workers: int = 1, n_tries: int = 3, **settings) -> Ledger:
    ledger = Ledger(tasks_of(n), store, n_tries=n_tries)
    run_locally(ledger, Job(prepare_toy, settings, store), n_workers=n_workers)
    return ledger


def test_one_worker_and_two_give_the_same_bytes(tmp_path):
    for n_workers in (1, 2):
        ledger = run(Store(str(tmp_path / str(n_workers)), "r"), 20, n_workers=n_workers)
        assert (ledger.n_done, ledger.n_failed) == (20, 0)
    assert hashes_in(tmp_path / "1") == hashes_in(tmp_path / "2")
    assert len(hashes_in(tmp_path / "1")) == 60


def test_a_poisoned_and_a_truncated_cell_are_set_aside_and_the_others_done(tmp_path):
    store = Store(str(tmp_path), "r")
    ledger = run(store, 6, poisoned=["cell-000002"], truncated=["cell-000004"], n_tries=2)
    assert (ledger.n_done, ledger.n_failed, ledger.n_tried_again) == (4, 2, 2)
    tasks = {task.cell: task for task in tasks_of(6)}
    listed = store.list("part-0000")
    assert {cell for cell, _ in listed.failed} == {"cell-000002", "cell-000004"}
    told = store.failed("part-0000", "cell-000002", tasks["cell-000002"].input)
    assert told.n_tries == 2
    assert "ValueError: this cell cannot be computed" in told.error
    assert "truncated" in store.failed("part-0000", "cell-000004", tasks["cell-000004"].input).error


def test_a_cell_that_kills_its_worker_is_set_aside(tmp_path):
    store = Store(str(tmp_path), "r")
    ledger = run(store, 4, deadly=["cell-000001"], n_tries=2)
    assert (ledger.n_done, ledger.n_failed) == (3, 1)
    task = list(tasks_of(4))[1]
    assert "died" in store.failed("part-0000", task.cell, task.input).error


def test_a_worker_that_cannot_be_made_ends_the_run_with_its_reason(tmp_path):
    store = Store(str(tmp_path), "r")
    with pytest.raises(ImageReadError, match="no such file"):
        run_locally(Ledger(tasks_of(3), store), Job(prepare_none, {}, store), n_workers=1)
    assert store.list("part-0000").failed == {}


def refuse_all(ledger: Ledger) -> None:
    while (task := ledger.take()) is not None:
        ledger.record(Outcome(task, "disk full", is_store=True))


def test_a_store_that_takes_nothing_ends_the_run_soon_and_blames_no_cell(tmp_path):
    store = Store(str(tmp_path), "r")
    ledger = Ledger(tasks_of(1000), store, n_tries=3)
    with pytest.raises(OutputError, match="it goes on"):
        refuse_all(ledger)
    assert store.list("part-0000").failed == {}
    assert next(ledger._tasks).cell == "cell-000001"  # only the first was tried


def test_failed_cells_wait_until_the_others_are_done(tmp_path):
    ledger = Ledger(iter([Task("a", "p", "1"), Task("b", "p", "2")]), Store(str(tmp_path), "r"))
    first = ledger.take()
    ledger.record(Outcome(first, "bad"))
    assert [ledger.take().cell, ledger.take().cell, ledger.take()] == ["b", "a", None]
