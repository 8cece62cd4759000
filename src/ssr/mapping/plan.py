"""What is a map to be: which cells, from which dates, by which model?

A folder of three files: `plan.json` (what is the same for all cells), `cells.parquet` and `sources.parquet`
(GeoParquet; cells in the order of their partitions). Cells name their dates by number.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ssr.atomic import refuse_existing, whole_file
from ssr.errors import InputError
from ssr.mapping.areas import Area
from ssr.mapping.boxes import Box, eastwards
from ssr.mapping.cells import (
    WEB_MERCATOR_EPSG,
    Cell,
    GridName,
    Partition,
    area_m2_of,
    partitions_in,
    serves_its_zone,
)
from ssr.mapping.geoparquet import pyarrow_for, read_rows, writing
from ssr.mapping.sources import Source, Sources, from_json, to_json
from ssr.mapping.store import SHORT, Store
from ssr.mapping.work import Task

PLAN, CELLS, SOURCES = "plan.json", "cells.parquet", "sources.parquet"
FORMAT = 1
WIDENED_DEG = 0.5
"""Dates so far from a partition may show what is around its cells."""
STORE = "store"
"""Beside the plan, if no other is named."""


@dataclass(frozen=True)
class Plan:
    """A plan that was written.

    told: `grid`, `area`, `period`, `model`, `recipe` (hash and parts), `store`, counts, `estimate`.
    """

    folder: Path
    told: Mapping[str, Any]

    @property
    def recipe(self) -> Mapping[str, Any]:
        """All that is the same for every cell and decides pixels."""
        return dict(self.told["recipe"])

    @property
    def margin_px(self) -> int:
        return int(self.told["margin_px"])

    @cached_property
    def sources(self) -> Sources:
        """The dates, by number."""
        return read_sources(self.folder / SOURCES)

    def store(self, options: Mapping[str, Any] | None = None) -> Store:
        """Where the work lies."""
        url = self.told["store"] or str((self.folder / STORE).resolve())
        return Store(url, recipe_hash(self.recipe), options or {})

    def tasks(self) -> Iterator[Task]:
        """Cells that have dates, by partition."""
        for row in read_rows(self.folder / CELLS, ("cell", "partition", "input", "sources")):
            if row["sources"]:
                yield Task(row["cell"], row["partition"], row["input"], tuple(row["sources"]))

    def by_partition(self) -> Iterator[tuple[str, list[Task]]]:
        """The same, a partition at a time."""
        for partition, tasks in groupby(self.tasks(), lambda task: task.partition):
            yield partition, list(tasks)


def open_plan(folder: Path) -> Plan:
    """A plan on disk.

    Raises:
        InputError: there is none, or of another version.
    """
    path = folder / PLAN
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{folder}: holds no plan; make one with ssr map plan ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{path}: is not whole ({error}); make the plan again") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise InputError(f"{path}: is of another version of this program; make the plan again")
    return Plan(folder, told)


def recipe_hash(recipe: Mapping[str, Any]) -> str:
    """Short, and another one wherever pixels could differ."""
    text = json.dumps(recipe, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Counts:
    """Of a plan.

    n_reads: dates over all cells.
    """

    n_partitions: int
    n_cells: int
    n_with_dates: int
    n_reads: int
    ground_m2: float


def write_plan(
    folder: Path,
    told: Mapping[str, Any],
    cells: Iterable["PlannedCell"],
    sources: Sequence[Source],
    *,
    overwrite: bool = False,
) -> Counts:
    """Write cells and sources; `plan.json` follows when all is known (`finish_plan`).

    Raises:
        OutputError: a plan is there already, or the folder cannot be written.
    """
    pa, _ = pyarrow_for(folder / PLAN)
    refuse_existing(folder / PLAN, overwrite=overwrite)
    with writing(
        folder / SOURCES,
        {"number": pa.int32(), "name": pa.string(), "sensed": pa.string(), "stamp": pa.string(), "date": pa.string()},
    ) as rows:
        for number, source in enumerate(sources):
            sensed = source.acquisition.sensed
            rows.add(
                source.box,
                number=number,
                name=source.acquisition.name,
                sensed=sensed.isoformat() if sensed else None,
                stamp=source.stamp,
                date=to_json(source.acquisition),
            )
    columns = {
        "cell": pa.string(),
        "partition": pa.string(),
        "epsg": pa.int32(),
        "n_dates": pa.int16(),
        "input": pa.string(),
        "sources": pa.list_(pa.int32()),
    }
    partitions, n_with_dates, n_reads, ground = 0, 0, 0, 0.0
    last = None
    with writing(folder / CELLS, columns) as rows:
        for one in cells:
            cell = one.cell
            partitions += cell.partition != last
            last = cell.partition
            n_with_dates += bool(one.sources)
            n_reads += len(one.sources)
            ground += one.ground_m2
            rows.add(
                cell.box(),
                cell=cell.name,
                partition=cell.partition,
                epsg=cell.epsg,
                n_dates=len(one.sources),
                input=one.input,
                sources=list(one.sources),
            )
        if not rows.n:
            raise InputError(f"--area {told['area']}: no cell of the grid {told['grid']} shows any of it")
        return Counts(partitions, rows.n, n_with_dates, n_reads, ground)


def finish_plan(folder: Path, told: Mapping[str, Any]) -> Plan:
    """Write `plan.json`, with which the plan counts."""
    with whole_file(folder / PLAN) as part:
        part.write_text(json.dumps({"format": FORMAT, **told}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return open_plan(folder)


@dataclass(frozen=True)
class PlannedCell:
    """A cell, the numbers of its dates, and a hash of these."""

    cell: Cell
    sources: tuple[int, ...]
    input: str
    ground_m2: float


def plan_cells(grid: GridName, area: Area, sources: Sources, *, margin_px: int) -> Iterator[PlannedCell]:
    """The cells of an area with the dates of each, by partition."""
    for partition in partitions_touched(grid, area):
        near = sources.in_box(widened(partition)) if len(sources) else np.zeros(0, int)
        for cell in partition.cells():
            box = cell.box()
            if not (area.touches(box) and serves_its_zone(cell)):
                continue
            numbers = tuple(map(int, sources.in_box(cell.box(margin_px), near))) if len(near) else ()
            yield PlannedCell(cell, numbers, sources.input_of(numbers)[:SHORT], ground_of(cell))


def partitions_touched(grid: GridName, area: Area) -> Iterator[Partition]:
    """Each once, with all cells that may touch the area."""
    boxes = area.boxes
    if len(boxes) == 1:
        for partition in partitions_in(grid, boxes[0]):
            if area.touches(partition.box):
                yield partition
        return
    merged: dict[str, Partition] = {}
    for box in boxes:
        for partition in partitions_in(grid, box):
            if not area.touches(partition.box):
                continue
            known = merged.get(partition.name)
            if known is None:
                merged[partition.name] = partition
            else:
                spans = [
                    (min(a[0], b[0]), max(a[1], b[1]))
                    for a, b in ((known.rows, partition.rows), (known.columns, partition.columns))
                ]
                merged[partition.name] = Partition(known.name, known.box, spans[0], spans[1], known.square)
    yield from merged.values()


def widened(partition: Partition) -> Box:
    """The box of a partition with what may be seen around its cells."""
    west, south, east, north = partition.box
    south, north = max(-90.0, south - WIDENED_DEG), min(90.0, north + WIDENED_DEG)
    return west - WIDENED_DEG, south, east + WIDENED_DEG, north


def ground_of(cell: Cell) -> float:
    """Square metres that a cell shows."""
    if cell.epsg == WEB_MERCATOR_EPSG:
        return area_m2_of(cell.row, cell.side_px)
    return (cell.side_px * cell.pixel_m) ** 2


def read_sources(path: Path) -> Sources:
    """What `sources.parquet` of a plan or an index of one's own holds.

    Raises:
        InputError: it cannot be read, or describes no dates.
    """
    found = []
    for row in read_rows(path, ("number", "stamp", "date", "bbox")):
        box = row["bbox"]
        place = eastwards(box["xmin"], box["ymin"], box["xmax"], box["ymax"])
        found.append(Source(from_json(row["date"]), place, row["stamp"]))
    return Sources(found)
