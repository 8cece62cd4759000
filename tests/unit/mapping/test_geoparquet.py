"""Places are written so that other programs read them, and read again a group of rows at a time."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from ssr.errors import InputError, OutputError
from ssr.mapping.geoparquet import ROWS_A_GROUP, bbox_of, read_rows, rectangle_wkb, writing

COLUMNS = {"name": pa.string(), "n": pa.int32()}


def test_a_box_becomes_the_rectangle_that_shapely_reads_anticlockwise():
    shape = shapely.from_wkb(rectangle_wkb((10.0, 40.0, 11.0, 41.5)))
    assert shape.bounds == (10.0, 40.0, 11.0, 41.5)
    assert shape.area == pytest.approx(1.5)
    assert shape.exterior.is_ccw


@pytest.mark.parametrize("box", [(179.0, -1.0, 181.0, 1.0), (-181.0, -1.0, -179.0, 1.0)])
def test_a_box_across_the_antimeridian_becomes_two_pieces_within_the_world(box):
    shape = shapely.from_wkb(rectangle_wkb(box))
    assert shape.geom_type == "MultiPolygon"
    assert sorted(piece.bounds for piece in shape.geoms) == [(-180, -1, -179, 1), (179, -1, 180, 1)]
    assert bbox_of(box) == {"xmin": 179, "ymin": -1, "xmax": -179, "ymax": 1}


def test_a_box_that_ends_at_the_antimeridian_is_not_turned_round():
    assert bbox_of((179.0, 0.0, 180.0, 1.0)) == {"xmin": 179, "ymin": 0, "xmax": 180, "ymax": 1}
    assert bbox_of((-180.0, 0.0, -179.0, 1.0)) == {"xmin": -180, "ymin": 0, "xmax": -179, "ymax": 1}


def test_rows_are_written_and_read_in_groups(tmp_path):
    path = tmp_path / "a.parquet"
    n = ROWS_A_GROUP + 5
    with writing(path, COLUMNS, told={"by": "a test"}) as rows:
        for k in range(n):
            rows.add((k / n, 0.0, k / n + 1, 1.0), name=f"c-{k}", n=k)
    opened = pq.ParquetFile(path)
    assert [opened.metadata.row_group(k).num_rows for k in range(opened.num_row_groups)] == [ROWS_A_GROUP, 5]
    assert [row["n"] for row in read_rows(path, ("n",))] == list(range(n))
    geo = json.loads(opened.schema_arrow.metadata[b"geo"])
    column = geo["columns"][geo["primary_column"]]
    assert (geo["version"], column["encoding"]) == ("1.1.0", "WKB")
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert opened.schema_arrow.metadata[b"by"] == b"a test"


def test_what_breaks_off_leaves_no_file(tmp_path):
    def broken_off():
        with writing(tmp_path / "a.parquet", COLUMNS) as rows:
            rows.add((0.0, 0.0, 1.0, 1.0), name="a", n=1)
            raise RuntimeError("broken off")

    with pytest.raises(RuntimeError):
        broken_off()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_nothing_is_an_error_that_says_so(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError), writing(tmp_path / "file" / "a.parquet", COLUMNS):
        pass


def test_what_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "a.parquet"
    with pytest.raises(InputError, match="cannot be read"):
        list(read_rows(path, ("n",)))
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match=r"a\.parquet"):
        list(read_rows(path, ("n",)))
    with writing(path, COLUMNS) as rows:
        rows.add((0.0, 0.0, 1.0, 1.0), name="a", n=1)
    with pytest.raises(InputError, match="no column date"):
        list(read_rows(path, ("n", "date")))
