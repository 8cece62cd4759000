"""How are places written as GeoParquet, a bounded number of rows at a time?

By GeoParquet 1.1: geometry as well-known binary in degrees, and a box of each row that readers can skip by.
"""

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssr.atomic import one_line, whole_file
from ssr.errors import InputError, MissingExtraError
from ssr.mapping.boxes import Box

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_A_GROUP = 4096
GEOMETRY, BBOX = "geometry", "bbox"
_POLYGON, _MULTI_POLYGON = 3, 6


def rectangle_wkb(box: Box) -> bytes:
    """A rectangle, anticlockwise; in two pieces where it crosses the antimeridian."""
    west, south, east, north = box
    if west < -180:
        west, east = west + 360, east + 360
    if east <= 180:
        return _polygon(west, south, east, north)
    pieces = (_polygon(west, south, 180.0, north), _polygon(-180.0, south, east - 360, north))
    return struct.pack("<BII", 1, _MULTI_POLYGON, len(pieces)) + b"".join(pieces)


def _polygon(west: float, south: float, east: float, north: float) -> bytes:
    ring = (west, south, east, south, east, north, west, north, west, south)
    return struct.pack("<BIII10d", 1, _POLYGON, 1, 5, *ring)


def bbox_of(box: Box) -> dict[str, float]:
    """As the covering column has it: from -180 to 180, `xmin` above `xmax` across the antimeridian."""
    west, south, east, north = box
    return {"xmin": _turned(west), "ymin": south, "xmax": _turned(east, is_east=True), "ymax": north}


def _turned(degrees: float, *, is_east: bool = False) -> float:
    within = -180 < degrees <= 180 if is_east else -180 <= degrees < 180
    return degrees if within else degrees - math.copysign(360, degrees)


@contextmanager
def writing(path: Path, columns: Mapping[str, Any], *, told: Mapping[str, str] | None = None) -> Iterator["Rows"]:
    """A file that takes rows and appears when the block ends well.

    Args:
        columns: names to pyarrow types, besides the geometry and its box.
        told: further metadata of the file.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OutputError: the file cannot be written.
    """
    arrow, parquet = pyarrow_for(path)
    box = arrow.struct([(name, arrow.float64()) for name in ("xmin", "ymin", "xmax", "ymax")])
    geo = {
        "version": "1.1.0",
        "primary_column": GEOMETRY,
        "columns": {
            GEOMETRY: {
                "encoding": "WKB",
                "geometry_types": ["Polygon", "MultiPolygon"],
                "orientation": "counterclockwise",
                "covering": {BBOX: {name: [BBOX, name] for name in ("xmin", "ymin", "xmax", "ymax")}},
            }
        },
    }
    schema = arrow.schema(
        [*columns.items(), (GEOMETRY, arrow.binary()), (BBOX, box)],
        metadata={"geo": json.dumps(geo), **(told or {})},
    )
    with whole_file(path, arrow.ArrowException) as part, parquet.ParquetWriter(part, schema, compression="zstd") as out:
        rows = Rows(out, schema, arrow)
        yield rows
        rows.flush()


class Rows:
    """Rows on their way into a file; no more than a row group is held."""

    def __init__(self, out: Any, schema: "pa.Schema", arrow: Any) -> None:
        self._out, self._schema, self._arrow = out, schema, arrow
        self._held: list[dict[str, Any]] = []
        self.n = 0

    def add(self, box: Box, **values: Any) -> None:
        """One row."""
        self._held.append({**values, GEOMETRY: rectangle_wkb(box), BBOX: bbox_of(box)})
        self.n += 1
        if len(self._held) == ROWS_A_GROUP:
            self.flush()

    def flush(self) -> None:
        """What is held becomes a row group."""
        if self._held:
            self._out.write_table(self._arrow.Table.from_pylist(self._held, schema=self._schema))
            self._held = []


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Rows of a file, one row group in memory at a time.

    Raises:
        InputError: it is not there, not whole, or lacks a column.
        MissingExtraError: pyarrow is not installed.
    """
    arrow, parquet = pyarrow_for(path)
    try:
        with parquet.ParquetFile(path) as opened:
            absent = set(columns) - set(opened.schema_arrow.names)
            if absent:
                raise InputError(f"{path}: has no column {', '.join(sorted(absent))}; was it written by ssr map plan?")
            for group in range(opened.num_row_groups):
                yield from opened.read_row_group(group, columns=list(columns)).to_pylist()
    except (OSError, arrow.ArrowException) as error:
        raise InputError(f"{path}: cannot be read ({one_line(error)})") from error


def pyarrow_for(path: Path) -> tuple[Any, Any]:
    """The packages `pyarrow` and `pyarrow.parquet`, which a file needs.

    Raises:
        MissingExtraError: they are not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError("pyarrow", "map", f"{path}") from error
    return pyarrow, pyarrow.parquet
