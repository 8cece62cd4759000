"""Sheets hold whole cells, partitions whole sheets, and what is damaged is not published."""

import pytest

from ssr.errors import InputError
from ssr.mapping.cells import cell_named, satlas_cell
from ssr.mapping.plan import finish_plan
from ssr.mapping.publish import publish_map, sheet_of
from tests.unit.mapping.test_changes import keep, planned
from tests.unit.mapping.test_plan import source


def test_a_sheet_is_the_tile_of_zoom_10_or_the_square_around_its_cells():
    assert sheet_of(satlas_cell(4400, 2880)) == "10-550-360"
    assert sheet_of(satlas_cell(4407, 2887)) == "10-550-360"
    assert sheet_of(satlas_cell(4408, 2880)) == "10-551-360"
    assert sheet_of(cell_named("33TWK-19-03")) == "33TWK"


def test_cells_of_a_sheet_lie_in_one_partition():
    for x, y in ((4400, 2880), (0, 0), (8191, 31)):
        first = satlas_cell(x // 8 * 8, y // 8 * 8)
        last = satlas_cell(x // 8 * 8 + 7, y // 8 * 8 + 7)
        assert sheet_of(first) == sheet_of(last)
        assert first.partition == last.partition


@pytest.fixture
def plan(tmp_path):
    """Cells of two sheets: they meet at 15.117 degrees east."""
    told = planned(tmp_path / "p", [source("all", 14.5, 46.5, 15.5, 47.5)], box=(15.03, 46.98, 15.15, 47.0)).told
    recipe = {"scale": 1, "program": "0", "options": {"with_trust": False}}
    more = {"model": {"name": "a model"}, "period": None, "recipe": recipe}
    return finish_plan(tmp_path / "p", dict(told) | more)


def test_a_map_of_which_nothing_is_done_is_not_published(plan, tmp_path):
    with pytest.raises(InputError, match="no cell is done"):
        publish_map(plan, plan.store(), tmp_path / "map", pictures=None)
    assert not (tmp_path / "map" / "collection.json").exists()


def test_a_cell_whose_file_is_not_what_was_written_is_not_published(plan, tmp_path):
    task = next(plan.tasks())
    keep(plan, task, 100)
    image = next((tmp_path / "store").rglob("*.image.*.tif"))
    image.write_bytes(image.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="not what was written"):
        publish_map(plan, plan.store(), tmp_path / "map", pictures=None)
    assert not (tmp_path / "map" / "items.parquet").exists()


def test_only_sheets_with_a_changed_cell_are_written_anew(plan, tmp_path):
    tasks = list(plan.tasks())
    keep(plan, tasks[0], 100)
    first = publish_map(plan, plan.store(), tmp_path / "map", pictures=None)
    assert (first.n_cells, first.n_sheets, first.n_sheets_new, first.n_pictures) == (1, 1, 1, None)
    assert publish_map(plan, plan.store(), tmp_path / "map", pictures=None).n_sheets_new == 0
    beside = next(task for task in tasks[1:] if sheet_of(cell_named(task.cell)) == sheet_of(cell_named(tasks[0].cell)))
    keep(plan, beside, 50)
    again = publish_map(plan, plan.store(), tmp_path / "map", pictures=None)
    assert (again.n_cells, again.n_sheets_new) == (2, 1)
    elsewhere = next(task for task in tasks if sheet_of(cell_named(task.cell)) != sheet_of(cell_named(tasks[0].cell)))
    keep(plan, elsewhere, 50)
    last = publish_map(plan, plan.store(), tmp_path / "map", pictures=None)
    assert (last.n_sheets, last.n_sheets_new) == (2, 1)
