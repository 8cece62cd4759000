"""A published map says where it lies, from when it is and what its files are."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from ssr.mapping.catalogue import Sheet, box_of, read_items, write_collection, write_index, write_item
from ssr.mapping.cells import Cell, satlas_cell
from ssr.mapping.mosaic import CellFile, write_mosaic
from tests.unit.mapping.test_mosaic import write_cell

TOLD = {
    "id": "ssr-1", "title": "a map", "description": "of a test", "license": "other", "model": "m", "recipe": "1",
    "program": "0",
}  # fmt: skip


def publish(out, cell: Cell, sensed: datetime | None = None) -> dict:
    path = out / "cogs" / f"{cell.name}.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [CellFile(cell, write_cell(out / "store", cell, np.full((3, 512, 512), 7, np.uint8)))]
    grid = write_mosaic(files, 1, path, tags={}, is_picture=True)
    return write_item(out, Sheet(cell.name, f"content {cell.name}", 1, grid, sensed, sensed, {"image": path}), TOLD)


def test_an_item_has_the_box_of_its_cell_and_its_dates(tmp_path):
    cell = satlas_cell(4400, 2880)
    item = publish(tmp_path, cell, datetime(2021, 6, 1, 10, 4, 5, tzinfo=UTC))
    assert item["bbox"] == pytest.approx(cell.box(), abs=1e-6)
    assert item["properties"]["start_datetime"] == item["properties"]["end_datetime"] == "2021-06-01T10:04:05Z"
    assert item["properties"]["proj:code"] == "EPSG:3857"
    assert [band["name"] for band in item["assets"]["image"]["bands"]] == ["red", "green", "blue"]
    assert json.loads((tmp_path / "items" / f"{cell.name}.json").read_text()) == item


def test_the_index_gives_back_what_was_published(tmp_path):
    assert read_items(tmp_path) == {}
    items = [publish(tmp_path, satlas_cell(x, 2880)) for x in (4400, 4401)]
    write_index(tmp_path, items)
    assert read_items(tmp_path) == {"13-4400-2880": "content 13-4400-2880", "13-4401-2880": "content 13-4401-2880"}


def test_the_collection_spans_its_items_in_place_and_time(tmp_path):
    days = (datetime(2021, 6, 1, tzinfo=UTC), datetime(2021, 6, 20, tzinfo=UTC))
    items = [publish(tmp_path, satlas_cell(x, 2880), day) for x, day in zip((4400, 4402), days, strict=True)]
    write_collection(tmp_path, items, TOLD, [])
    told = json.loads((tmp_path / "collection.json").read_text())
    west, east = satlas_cell(4400, 2880).box(), satlas_cell(4402, 2880).box()
    assert told["extent"]["spatial"]["bbox"] == [pytest.approx([west[0], west[1], east[2], east[3]], abs=1e-6)]
    assert told["extent"]["temporal"]["interval"] == [["2021-06-01T00:00:00Z", "2021-06-20T00:00:00Z"]]
    assert [link["href"] for link in told["links"] if link["rel"] == "item"] == [
        "./items/13-4400-2880.json",
        "./items/13-4402-2880.json",
    ]
    assert box_of(items) == pytest.approx((west[0], west[1], east[2], east[3]), abs=1e-6)


@pytest.mark.parametrize(
    "boxes",
    [((178.0, 180.0), (-180.0, -179.0)), ((178.0, -179.5), (-179.6, -179.0)), ((178.0, -179.0), (179.0, 179.5))],
)
def test_a_collection_across_the_antimeridian_is_as_narrow_as_its_items(tmp_path, boxes):
    """As RFC 7946 has it: east below west. The first pair are sheets of `satlas`, the others squares of zones 60, 1."""
    times = {"start_datetime": "2021-06-01T00:00:00Z", "end_datetime": "2021-06-02T00:00:00Z"}
    items = [{"id": f"{w}", "bbox": [w, -18.0, e, -17.0], "properties": times} for w, e in boxes]
    write_collection(tmp_path, items, TOLD, [])
    told = json.loads((tmp_path / "collection.json").read_text())
    assert told["extent"]["spatial"]["bbox"] == [[178.0, -18.0, -179.0, -17.0]]
