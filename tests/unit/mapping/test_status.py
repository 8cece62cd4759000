"""How far a map is follows from its plan and the names in its store."""

import os

import pytest

from ssr.mapping.areas import Boxes
from ssr.mapping.plan import finish_plan, plan_cells, recipe_hash, write_plan
from ssr.mapping.sources import Sources
from ssr.mapping.status import status_of
from ssr.mapping.store import Failed
from tests.unit.mapping.test_plan import BOX, TOLD, source

NOON = 1_623_000_000


@pytest.fixture
def plan(tmp_path):
    sources = [source("west", 14.9, 46.9, 15.1, 47.2)]
    counts = write_plan(tmp_path, TOLD, plan_cells("satlas", Boxes((BOX,)), Sources(sources), margin_px=0), sources)
    hashed = recipe_hash(TOLD["recipe"])
    return finish_plan(tmp_path, TOLD | {"recipe_hash": hashed, "counts": vars(counts)})


def keep(plan, task, at=None):
    store = plan.store()
    store.keep(task.partition, task.cell, task.input, {"image": b"x" * 1000}, {})
    if at is not None:
        marker = next((plan.folder / "store").rglob(f"{task.cell}.*.done.json"))
        os.utime(marker, (at, at))


def test_a_map_that_has_not_begun(plan):
    status = status_of(plan, plan.store())
    n_tasks = len(list(plan.tasks()))
    assert (status.n_done, status.n_failed, status.n_remaining) == (0, 0, n_tasks)
    assert status.n_without_dates == status.n_cells - n_tasks > 0
    assert (status.cells_per_hour, status.remaining_hours, status.last_done) == (None, None, None)


def test_rate_and_what_remains_follow_from_when_markers_were_written(plan):
    tasks = list(plan.tasks())
    for k, task in enumerate(tasks[:5]):
        keep(plan, task, NOON + 36 * k)
    status = status_of(plan, plan.store())
    # Five cells in the 145 seconds from the first to the last, both counted.
    assert status.cells_per_hour == pytest.approx(5 / 145 * 3600, abs=0.1)
    assert status.remaining_hours == pytest.approx((len(tasks) - 5) / (5 / 145 * 3600), abs=0.01)
    assert status.last_done == "2021-06-06T17:22:24+00:00"


def test_a_pause_of_hours_does_not_count(plan):
    for k, task in enumerate(list(plan.tasks())[:6]):
        keep(plan, task, NOON + 10 * k + (50_000 if k > 2 else 0))
    assert status_of(plan, plan.store()).cells_per_hour == pytest.approx(3 / 21 * 3600, abs=0.1)


def test_cells_set_aside_are_named_with_their_errors_until_they_are_done(plan):
    tasks = list(plan.tasks())
    store = plan.store()
    store.set_aside(tasks[0].partition, Failed(tasks[0].cell, tasks[0].input, "bad pixels", 3))
    status = status_of(plan, store)
    assert (status.n_failed, status.n_remaining) == (1, len(tasks) - 1)
    assert [(one.cell, one.error, one.n_tries) for one in status.failures] == [(tasks[0].cell, "bad pixels", 3)]
    keep(plan, tasks[0])
    status = status_of(plan, store)
    assert (status.n_failed, status.n_done, status.failures) == (0, 1, ())


def test_work_on_other_dates_is_not_this_map(plan):
    task = next(plan.tasks())
    plan.store().keep(task.partition, task.cell, "f" * 12, {"image": b"x"}, {})
    assert status_of(plan, plan.store()).n_done == 0


def test_a_marker_of_failure_that_is_not_whole_is_told_as_it_is(plan):
    task = next(plan.tasks())
    store = plan.store()
    store.set_aside(task.partition, Failed(task.cell, task.input, "bad", 3))
    next((plan.folder / "store").rglob("*.failed.json")).write_text("{")
    (failure,) = status_of(plan, store).failures
    assert "not whole" in failure.error
