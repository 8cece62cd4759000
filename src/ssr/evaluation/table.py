"""How is the table of single results kept, read by people, spreadsheets and programs alike?"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ssr.atomic import whole_file
from ssr.errors import InputError, MissingExtraError

Row = Mapping[str, Any]

TEXT = ("sample", "dataset", "model")
COUNTS = ("number", "n_dates")
SHARES = ("cloud_share",)
ALWAYS = (*TEXT, *COUNTS, *SHARES)
"""`number` is that of the sample in its data set, from 0; `cloud_share` see `clouds`."""


@dataclass(frozen=True)
class Table:
    """One row for each sample, model and number of dates.

    groups, measures: names of the columns beside those that are always there.
    """

    rows: tuple[Row, ...]
    groups: tuple[str, ...]
    measures: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (*ALWAYS, *self.groups, *self.measures)

    def where(self, **wanted: Any) -> "Table":
        """The rows with these values."""
        rows = tuple(row for row in self.rows if all(row[key] == value for key, value in wanted.items()))
        return Table(rows, self.groups, self.measures)

    def only(self, samples: Iterable[str]) -> "Table":
        """The rows of these samples."""
        wanted = frozenset(samples)
        return Table(tuple(row for row in self.rows if row["sample"] in wanted), self.groups, self.measures)

    def with_most_dates(self) -> "Table":
        """Of every sample, the rows with the largest number of dates."""
        most: dict[tuple[str, str], int] = {}
        for row in self.rows:
            key = (row["dataset"], row["sample"])
            most[key] = max(most.get(key, 0), row["n_dates"])
        rows = tuple(row for row in self.rows if row["n_dates"] == most[row["dataset"], row["sample"]])
        return Table(rows, self.groups, self.measures)

    def values(self, column: str) -> NDArray[np.float64]:
        """A column of numbers, not-a-number where there is none."""
        return np.array([math.nan if row[column] is None else row[column] for row in self.rows], np.float64)

    def distinct(self, column: str) -> list[Any]:
        """Values in the order in which they first stand."""
        return list(dict.fromkeys(row[column] for row in self.rows))


def joined(tables: Sequence[Table]) -> Table:
    """One below the other; a column that one of them lacks is empty there."""
    groups = tuple(dict.fromkeys(name for table in tables for name in table.groups))
    measures = tuple(dict.fromkeys(name for table in tables for name in table.measures))
    blank = dict.fromkeys((*groups, *measures))
    return Table(tuple({**blank, **row} for table in tables for row in table.rows), groups, measures)


def require_parquet() -> None:
    """Raise MissingExtraError now rather than when there is something to write."""
    _pyarrow()


def write_parquet(path: Path, table: Table) -> None:
    """Typed columns; which of them are groups and measures stands in the schema."""
    arrow, parquet = _pyarrow()
    kinds = {name: arrow.float64() for name in (*SHARES, *table.measures)}
    kinds |= {name: arrow.int32() for name in COUNTS} | {name: arrow.string() for name in (*TEXT, *table.groups)}
    schema = arrow.schema(
        [(name, kinds[name]) for name in table.columns],
        metadata={"groups": "\n".join(table.groups), "measures": "\n".join(table.measures)},
    )
    content = {name: [row[name] for row in table.rows] for name in table.columns}
    with whole_file(path, arrow.ArrowException) as part:
        parquet.write_table(arrow.table(content, schema), part)


def read_parquet(path: Path) -> Table:
    """What `write_parquet` wrote.

    Raises:
        InputError: unreadable, or another table.
    """
    arrow, parquet = _pyarrow()
    try:
        found = parquet.read_table(path)
    except (OSError, arrow.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as a table of results ({error})") from error
    said = {key.decode(): value.decode() for key, value in (found.schema.metadata or {}).items()}
    lacking = [name for name in ALWAYS if name not in found.column_names]
    if lacking or not {"groups", "measures"} <= said.keys():
        raise InputError(f"{path}: is no table of results of `ssr test`")
    groups, measures = (tuple(filter(None, said[name].split("\n"))) for name in ("groups", "measures"))
    return Table(tuple(found.to_pylist()), groups, measures)


def write_csv(path: Path, table: Table) -> None:
    """Full precision, empty where there is no value."""
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, table.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table.rows)


def read_groups(path: Path) -> dict[str, dict[str, str]]:
    """Columns by sample from a CSV or Parquet file with a column `sample`.

    Raises:
        InputError: unreadable, no such column, a sample twice, or a column that results have themselves.
    """
    rows = _parquet_rows(path) if path.suffix == ".parquet" else _csv_rows(path)
    if not rows:
        raise InputError(f"{path}: holds no rows")
    taken = sorted((set(rows[0]) - {"sample"}) & set(ALWAYS))
    if "sample" not in rows[0] or taken:
        problem = f"a column {taken[0]!r}, which results have themselves" if taken else "no column 'sample'"
        raise InputError(f"{path}: has {problem}; expected 'sample' and columns to break results down by")
    groups: dict[str, dict[str, str]] = {}
    for row in rows:
        name = str(row["sample"])
        if name in groups:
            raise InputError(f"{path}: names sample {name!r} twice")
        groups[name] = {key: _stated(value) for key, value in row.items() if key != "sample"}
    return groups


def _stated(value: Any) -> str:
    """A cell as text; empty where nothing is stated: null, not a number."""
    text = "" if value is None else str(value).strip()
    return "" if text.lower() == "nan" else text


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a CSV table ({error})") from error
    odd = next((k for k, row in enumerate(rows) if None in row or None in row.values()), None)
    if odd is not None:
        raise InputError(f"{path}: row {odd + 2} has another number of fields than the first")
    return rows


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    arrow, parquet = _pyarrow()
    try:
        return cast(list[dict[str, Any]], parquet.read_table(path).to_pylist())
    except (OSError, arrow.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as a Parquet table ({error})") from error


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "metrics", "keeping results as Parquet") from error
    return pyarrow, pyarrow.parquet
