"""A plan names every cell of an area once, with the dates of each, and is read again as it was written."""

import json

import numpy as np
import pytest
from shapely.geometry import box as rectangle

from ssr.errors import InputError, OutputError
from ssr.mapping.areas import Boxes, Polygons
from ssr.mapping.cells import Cell, satlas_cell
from ssr.mapping.plan import (
    finish_plan,
    ground_of,
    open_plan,
    partitions_touched,
    plan_cells,
    recipe_hash,
    write_plan,
)
from ssr.mapping.sources import Source, Sources
from tests.unit.mapping.test_sources import picture

BOX = (14.95, 46.95, 15.25, 47.1)
TOLD = {"grid": "satlas", "area": "here", "recipe": {"a": 1}, "margin_px": 512, "store": None}


def source(name: str, *box: float) -> Source:
    return Source(picture(name), box, name)


def write(folder, cells, sources, **how):
    counts = write_plan(folder, TOLD, cells, sources, **how)
    return counts, finish_plan(folder, TOLD | {"recipe_hash": recipe_hash(TOLD["recipe"])})


def test_a_plan_is_read_again_as_it_was_written(tmp_path):
    sources = [source("west", 14.9, 46.9, 15.05, 47.2), source("east", 15.15, 46.9, 15.3, 47.2)]
    counts, plan = write(tmp_path, plan_cells("satlas", Boxes((BOX,)), Sources(sources), margin_px=100), sources)
    tasks = list(plan.tasks())
    assert counts.n_with_dates == len(tasks) < counts.n_cells
    assert counts.n_reads == sum(len(task.sources) for task in tasks)
    assert [one.acquisition for one in plan.sources.sources] == [one.acquisition for one in sources]
    again = open_plan(tmp_path)
    assert list(again.tasks()) == tasks
    by_partition = list(again.by_partition())
    assert len({partition for partition, _ in by_partition}) == len(by_partition) == counts.n_partitions
    assert [task for _, some in by_partition for task in some] == tasks


@pytest.mark.parametrize("grid", ["satlas", "mgrs"])
def test_every_cell_that_shows_an_area_is_planned_once_and_no_other(grid):
    planned = [one.cell for one in plan_cells(grid, Boxes((BOX,)), Sources([]), margin_px=0)]
    assert len({cell.name for cell in planned}) == len(planned)
    covered = rectangle(*planned[0].box())
    for cell in planned:
        assert rectangle(*cell.box()).intersection(rectangle(*BOX)).area > 0
        covered = covered.union(rectangle(*cell.box()))
    assert covered.buffer(1e-9).contains(rectangle(*BOX))


def test_dates_that_show_only_what_is_around_a_cell_belong_to_its_input():
    cell = satlas_cell(4437, 2880)
    west, south, east, north = cell.box()
    width = (east - west) / 512
    beside = source("beside", east + 10 * width, south, east + 20 * width, north)
    area = Boxes((((west + 1e-6), south + 1e-6, east - 1e-6, north - 1e-6),))
    near, far = (next(iter(plan_cells("satlas", area, Sources([beside]), margin_px=margin))) for margin in (11, 9))
    assert (near.sources, far.sources) == ((0,), ())
    assert near.input != far.input


def test_areas_of_several_polygons_name_a_shared_partition_once():
    squares = tuple(
        (np.array([(x, 46.95), (x + 0.05, 46.95), (x + 0.05, 47.0), (x, 47.0), (x, 46.95)]),) for x in (14.8, 15.0)
    )
    names = [partition.name for partition in partitions_touched("satlas", Polygons(squares))]
    assert len(names) == len(set(names))
    planned = {one.cell.name for one in plan_cells("satlas", Polygons(squares), Sources([]), margin_px=0)}
    alone = [
        {one.cell.name for one in plan_cells("satlas", Polygons((square,)), Sources([]), margin_px=0)}
        for square in squares
    ]
    assert planned == alone[0] | alone[1]


def test_the_ground_of_a_utm_cell_is_its_square():
    assert ground_of(Cell("33TWK-00-00", "33TWK", 32633, 0, 0, 500)) == 5000.0**2


def test_equal_recipes_have_equal_hashes_whatever_their_order():
    assert recipe_hash({"a": 1, "b": [2]}) == recipe_hash({"b": [2], "a": 1})
    assert recipe_hash({"a": 1, "b": [2]}) != recipe_hash({"a": 1, "b": [3]})


def test_a_plan_that_is_there_is_not_overwritten_unless_asked(tmp_path):
    cells = list(plan_cells("satlas", Boxes((BOX,)), Sources([]), margin_px=0))
    write(tmp_path, cells, [])
    with pytest.raises(OutputError, match="overwrite"):
        write(tmp_path, cells, [])
    assert write(tmp_path, cells[:1], [], overwrite=True)[0].n_cells == 1


def test_an_area_without_cells_is_refused(tmp_path):
    with pytest.raises(InputError, match="--area here: no cell"):
        write(tmp_path, [], [])


@pytest.mark.parametrize("content", [None, "{", "[]", json.dumps({"format": 99})])
def test_what_is_no_plan_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "plan.json").write_text(content)
    with pytest.raises(InputError, match="plan"):
        open_plan(tmp_path)


def test_the_store_lies_beside_the_plan_or_where_it_was_put(tmp_path):
    cells = list(plan_cells("satlas", Boxes((BOX,)), Sources([]), margin_px=0))[:1]
    _, plan = write(tmp_path, cells, [])
    assert plan.store().url == str(tmp_path / "store")
    finish_plan(tmp_path, {**plan.told, "store": "s3://maps/one"})
    assert open_plan(tmp_path).store({"endpoint_url": "http://x"}).url == "s3://maps/one"
