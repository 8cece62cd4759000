import csv
import math
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from ssr.errors import InputError
from ssr.evaluation.table import Table, joined, read_groups, read_parquet, write_csv, write_parquet
from tests.support.scenes import truncate
from tests.unit.evaluation.results import table_of

TABLE = table_of(
    {"a": [1 / 3, math.inf, None], "b": [2.0, 3.0, 4.0]}, clouds=[0.5, None, 0.0], groups={"land": ["x", "", "ü"]}
)


def test_a_table_comes_back_from_parquet_as_it_was(tmp_path: Path) -> None:
    write_parquet(tmp_path / "t.parquet", TABLE)
    assert read_parquet(tmp_path / "t.parquet") == TABLE


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    empty = Table((), ("land",), ("mae",))
    write_parquet(tmp_path / "t.parquet", empty)
    assert read_parquet(tmp_path / "t.parquet") == empty


def test_csv_holds_full_precision_and_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", TABLE)
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["mae"] for row in rows[:3]] == [repr(1 / 3), "inf", ""]
    assert [row["land"] for row in rows[:3]] == ["x", "", "ü"]


def test_a_column_of_numbers_has_a_place_for_what_is_missing() -> None:
    np.testing.assert_array_equal(TABLE.where(model="a").values("mae"), [1 / 3, math.inf, math.nan])


def test_the_most_dates_are_those_of_each_sample() -> None:
    table = joined([table_of({"a": {1: [1.0, 2.0], 4: [3.0, 4.0]}}), table_of({"b": {1: [5.0, 6.0]}})])
    rows = [(row["model"], row["n_dates"], row["mae"]) for row in table.with_most_dates().rows]
    assert rows == [("a", 4, 3.0), ("a", 4, 4.0)]


def test_joined_tables_have_the_columns_of_all() -> None:
    both = joined([table_of({"a": [1.0]}), table_of({"b": [2.0]}, measure="psnr")])
    assert both.measures == ("mae", "psnr")
    assert [(row["mae"], row["psnr"]) for row in both.rows] == [(1.0, None), (None, 2.0)]


@pytest.mark.parametrize("name", ["g.csv", "g.parquet"])
def test_groups_are_read_by_sample(tmp_path: Path, name: str) -> None:
    columns = {"sample": ["s0", "s1"], "land": ["field", None], "slope": [3, 4]}
    if name.endswith("csv"):
        (tmp_path / name).write_text("\ufeffsample,land,slope\ns0,field,3\ns1,,4\n", encoding="utf-8")
    else:
        pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / name)
    assert read_groups(tmp_path / name) == {"s0": {"land": "field", "slope": "3"}, "s1": {"land": "", "slope": "4"}}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "holds no rows"),
        ("sample,land\n", "holds no rows"),
        ("name,land\na,b\n", "no column 'sample'"),
        ("sample,model\na,b\n", "a column 'model', which results have themselves"),
        ("sample,land\na,b\na,c\n", "names sample 'a' twice"),
        ("sample,land\na,b,c\n", "row 2 has another number of fields"),
        ("sample,land\na\n", "row 2 has another number of fields"),
    ],
)
def test_files_of_groups_that_cannot_be_understood(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "g.csv").write_text(content)
    with pytest.raises(InputError, match=told):
        read_groups(tmp_path / "g.csv")


def test_files_that_are_no_tables_are_named(tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_bytes(b"\xff\xfe\x00sample")
    with pytest.raises(InputError, match=r"g\.csv: cannot be read as a CSV table"):
        read_groups(tmp_path / "g.csv")
    with pytest.raises(InputError, match=r"absent\.csv: no such file"):
        read_groups(tmp_path / "absent.csv")
    write_parquet(tmp_path / "t.parquet", TABLE)
    truncate(tmp_path / "t.parquet")
    for read in (read_parquet, read_groups):
        with pytest.raises(InputError, match=r"t\.parquet: cannot be read"):
            read(tmp_path / "t.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="is no table of results"):
        read_parquet(tmp_path / "other.parquet")
