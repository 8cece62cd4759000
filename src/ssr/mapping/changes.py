"""Which cells of a map are new, changed or gone since another, and by how much do they look different?"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ssr.errors import InputError
from ssr.mapping.cells import cell_named
from ssr.mapping.geoparquet import pyarrow_for, writing
from ssr.mapping.plan import Plan
from ssr.mapping.store import Store
from ssr.mapping.work import Task
from ssr.raster.stored import read_stored

Kind = Literal["new", "changed", "gone"]
IMAGE = "image"
SEEN_STEPS = 10
"""Of 255: what differs by more can be seen."""


class Change(NamedTuple):
    """A cell: what became of its input and, where both results are there, the mean difference and the share seen."""

    cell: str
    kind: Kind
    n_dates_before: int
    n_dates_now: int
    mean_of_255: float | None
    share_seen: float | None


@dataclass(frozen=True)
class Changes:
    """Of two plans. n_same: cells whose input is as it was; their results are the same files."""

    n_same: int
    n_new: int
    n_changed: int
    n_gone: int
    n_compared: int
    mean_of_255: float | None
    file: Path | None


def find_changes(before: Plan, now: Plan, stores: tuple[Store, Store] | None, out: Path | None) -> Changes:
    """Compare two plans, cell by cell.

    Args:
        stores: of both, to compare results; None compares plans only.
        out: a GeoParquet file with one row for each cell that is not the same.

    Raises:
        InputError: the plans are not of one grid.
    """
    if before.told["grid"] != now.told["grid"]:
        raise InputError(
            f"{before.folder} has the grid {before.told['grid']}, {now.folder} has {now.told['grid']}; their cells "
            f"cannot be compared"
        )
    counts: Counter[str] = Counter()
    differences: list[float] = []

    def counted() -> Iterator[Change]:
        for change in _changes(before, now, stores, counts):
            counts[change.kind] += 1
            if change.mean_of_255 is not None:
                differences.append(change.mean_of_255)
            yield change

    if out is None:
        for _ in counted():
            pass
    else:
        _write(out, counted())
    return Changes(
        n_same=counts["same"],
        n_new=counts["new"],
        n_changed=counts["changed"],
        n_gone=counts["gone"],
        n_compared=len(differences),
        mean_of_255=round(float(np.mean(differences)), 4) if differences else None,
        file=out,
    )


def _changes(before: Plan, now: Plan, stores: tuple[Store, Store] | None, counts: Counter[str]) -> Iterator[Change]:
    is_same_recipe = before.told["recipe_hash"] == now.told["recipe_hash"]
    old = {task.cell: (task.input, len(task.sources), task.partition) for task in before.tasks()}
    for task in now.tasks():
        given, n_dates, _ = old.pop(task.cell, (None, 0, ""))
        if given is None:
            yield Change(task.cell, "new", 0, len(task.sources), None, None)
        elif given == task.input and is_same_recipe:
            counts["same"] += 1
        else:
            difference = _difference(task, given, stores) if stores else None
            yield Change(task.cell, "changed", n_dates, len(task.sources), *(difference or (None, None)))
    for cell, (_, n_dates, _) in old.items():
        yield Change(cell, "gone", n_dates, 0, None, None)


def _difference(task: Task, given: str, stores: tuple[Store, Store]) -> tuple[float, float] | None:
    """Mean difference in steps of 255 and the share of pixels where it can be seen; None where one is not done."""
    pixels = []
    for store, key in zip(stores, (given, task.input), strict=True):
        if (task.cell, key) not in store.list(task.partition).done:
            return None
        file = next(one for one in store.done(task.partition, task.cell, key).files if one.role == IMAGE)
        with tempfile.TemporaryDirectory(prefix="ssr-change-") as folder:
            path = Path(folder) / file.name
            path.write_bytes(store.read(task.partition, file))
            pixels.append(read_stored(path))
    steps = 1 if pixels[0].dtype == np.uint8 else 255 / 10_000
    both = (pixels[0] != 0).any(0) & (pixels[1] != 0).any(0)
    if not both.any():
        return None
    difference = np.abs(pixels[0].astype(np.float32) - pixels[1].astype(np.float32)) * steps
    largest = difference.max(0)
    return float(difference.mean(0)[both].mean()), float((largest > SEEN_STEPS)[both].mean())


def _write(out: Path, changes: Iterator[Change]) -> None:
    pa, _ = pyarrow_for(out)
    columns = {
        "cell": pa.string(),
        "kind": pa.string(),
        "n_dates_before": pa.int16(),
        "n_dates_now": pa.int16(),
        "mean_of_255": pa.float32(),
        "share_seen": pa.float32(),
    }
    with writing(out, columns) as rows:
        for change in changes:
            rows.add(cell_named(change.cell).box(), **change._asdict())
