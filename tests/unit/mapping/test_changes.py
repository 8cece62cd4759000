"""What changed between two months is named, cell by cell, and measured where both results are there."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from ssr.errors import InputError
from ssr.inference.encoding import Encoding
from ssr.mapping.areas import Boxes
from ssr.mapping.cells import cell_named
from ssr.mapping.changes import find_changes
from ssr.mapping.encoding import cog_bytes
from ssr.mapping.plan import finish_plan, plan_cells, recipe_hash, write_plan
from ssr.mapping.sources import Sources
from tests.unit.mapping.test_plan import TOLD, source

WEST, EAST = (14.9, 46.9, 15.02, 47.2), (15.03, 46.9, 15.3, 47.2)
BOX = (14.99, 46.98, 15.06, 47.0)


def planned(folder, sources, *, box=BOX, grid="satlas"):
    told = TOLD | {"grid": grid, "store": str(folder.parent / "store"), "recipe_hash": recipe_hash(TOLD["recipe"])}
    cells = plan_cells(grid, Boxes((box,)), Sources(sources), margin_px=0)
    counts = write_plan(folder, told, cells, sources)
    return finish_plan(folder, told | {"counts": vars(counts)})


def keep(plan, task, value):
    pixels = np.full((3, 512, 512), value, np.uint8)
    layout = Encoding(("red", "green", "blue"), "uint8").layout
    content = cog_bytes(pixels, cell_named(task.cell).grid(), layout, {})
    plan.store().keep(task.partition, task.cell, task.input, {"image": content}, {})


@pytest.fixture
def plans(tmp_path):
    june = [source("june west", *WEST), source("june east", *EAST)]
    july = [*june, source("july west", *WEST)]
    return planned(tmp_path / "june", june), planned(tmp_path / "july", july)


def test_cells_with_another_date_are_changed_and_the_others_the_same(plans, tmp_path):
    before = {task.cell: task for task in plans[0].tasks()}
    now = {task.cell: task for task in plans[1].tasks()}
    expected = {name for name in now if now[name].input != before[name].input}
    assert 0 < len(expected) < len(now)
    found = find_changes(*plans, None, tmp_path / "c.parquet")
    assert (found.n_changed, found.n_same) == (len(expected), len(now) - len(expected))
    rows = pq.read_table(tmp_path / "c.parquet").to_pylist()
    assert {row["cell"] for row in rows} == expected
    assert all((row["kind"], row["n_dates_now"] - row["n_dates_before"]) == ("changed", 1) for row in rows)
    assert (found.n_compared, found.mean_of_255) == (0, None)


def test_results_are_compared_where_both_are_there(plans, tmp_path):
    before = {task.cell: task for task in plans[0].tasks()}
    changed = [task for task in plans[1].tasks() if task.input != before[task.cell].input]
    keep(plans[0], before[changed[0].cell], 100)
    keep(plans[1], changed[0], 112)
    keep(plans[0], before[changed[1].cell], 100)  # not yet done in July
    found = find_changes(*plans, tuple(plan.store() for plan in plans), tmp_path / "c.parquet")
    assert (found.n_compared, found.mean_of_255) == (1, 12.0)
    row = next(one for one in pq.read_table(tmp_path / "c.parquet").to_pylist() if one["cell"] == changed[0].cell)
    assert (row["mean_of_255"], row["share_seen"]) == (12.0, 1.0)


def test_cells_are_new_or_gone_where_the_area_is_another(tmp_path):
    dates = [source("all", 14.5, 46.5, 15.5, 47.5)]
    smaller = planned(tmp_path / "a", dates, box=(14.99, 46.98, 15.02, 47.0))
    larger = planned(tmp_path / "b", dates)
    n_more = len(list(larger.tasks())) - len(list(smaller.tasks()))
    assert n_more > 0
    assert find_changes(smaller, larger, None, None).n_new == n_more
    back = find_changes(larger, smaller, None, None)
    assert (back.n_gone, back.n_new, back.n_changed) == (n_more, 0, 0)


def test_plans_of_two_grids_are_not_compared(tmp_path):
    dates = [source("all", 14.5, 46.5, 15.5, 47.5)]
    one, other = (planned(tmp_path / grid, dates, grid=grid) for grid in ("satlas", "mgrs"))
    with pytest.raises(InputError, match="cannot be compared"):
        find_changes(one, other, None, None)
