"""How do finished cells become a map that others can use, and only what changed of it anew?

Sheets (COGs of 8 × 8 cells of `satlas`, of a 100-km square of `mgrs`) with overviews, their STAC items and index, one
pyramid of pictures. A sheet whose cells are as they were is left alone, and so are its pictures.
"""

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ssr.errors import InputError
from ssr.mapping.catalogue import (
    INDEX,
    Sheet,
    box_of,
    read_items,
    write_collection,
    write_index,
    write_item,
)
from ssr.mapping.cells import Cell, cell_named
from ssr.mapping.mosaic import CellFile, write_mosaic
from ssr.mapping.plan import Plan
from ssr.mapping.pyramid import PictureFormat, Pyramid, as_picture, as_shades, pyramid
from ssr.mapping.store import Done, KeptFile, Store
from ssr.raster.described import describe_raster
from ssr.raster.extent import SATLAS_ZOOM
from ssr.raster.stored import read_stored

SHEET_ZOOM = 10
IMAGE, TRUST = "image", "trust"
COGS, PICTURES, DATABASE = "cogs", "map.pmtiles", "pictures.sqlite"
TRUST_PICTURES, TRUST_DATABASE = "trust.pmtiles", "trust.sqlite"
NO_TRUST = 255
FULL_TRUST = 100
MEDIA = {"pmtiles": "application/vnd.pmtiles", "parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True)
class Published:
    """What was written.

    n_sheets_new: of the sheets, those that were written; the others were as they had been.
    n_pictures: of the pyramid; None where none was made.
    """

    folder: Path
    n_cells: int
    n_sheets: int
    n_sheets_new: int
    n_pictures: int | None
    notes: tuple[str, ...]


class _Finished(NamedTuple):
    cell: Cell
    partition: str
    done: Done


def publish_map(
    plan: Plan,
    store: Store,
    out: Path,
    *,
    pictures: PictureFormat | None = "webp",
    license_name: str = "other",
    progress: Callable[[int, int], None] | None = None,
) -> Published:
    """Write a map into a folder, or bring the one that is there up to date.

    Args:
        pictures: how the pyramid is compressed; None: no pyramid.
        license_name: of the map, as STAC has it.

    Raises:
        InputError: no cell is done, or a file of the store is not what was written.
        OutputError: the folder cannot be written.
    """
    before = read_items(out)
    is_web = plan.told["grid"] == "satlas"
    kind = pictures if is_web else None
    told = _told(plan, license_name)
    sensed = {source.acquisition.name: source.acquisition.sensed for source in plan.sources.sources}
    items: list[dict[str, Any]] = []
    n_cells = n_new = 0
    with _pyramids(out, plan, kind) as pyramids:
        for name, cells in _sheets(plan, store):
            n_cells += len(cells)
            content = _content(cells)
            paths = _paths(out, name, cells)
            is_new = before.get(name) != content or not all(path.exists() for path in paths.values())
            n_new += is_new
            with tempfile.TemporaryDirectory(prefix="ssr-sheet-") as folder:
                if is_new:
                    _write_sheet(cells, store, Path(folder), paths, plan)
                _paint(cells, store, Path(folder), pyramids)
            grid = describe_raster(paths[IMAGE]).grid
            sheet = Sheet(name, content, len(cells), grid, *_period(cells, sensed), paths)
            items.append(write_item(out, sheet, told))
            if progress:
                progress(n_cells, plan.told["counts"]["n_with_dates"])
        if not items:
            raise InputError(f"{plan.folder}: no cell is done; run ssr map run {plan.folder} first")
        n_pictures = _write_pyramids(out, pyramids, told, items)
        write_index(out, items)
        write_collection(out, items, told, _whole_files(out, pyramids))
    notes = [] if is_web or pictures is None else ["the grid is mgrs: a pyramid is made of satlas maps only"]
    gone = set(before) - {item["id"] for item in items}
    if gone:
        notes.append(f"{len(gone)} sheet(s) of an earlier map are no longer in the index; their files stay")
    return Published(out, n_cells, len(items), n_new, n_pictures, tuple(notes))


def _told(plan: Plan, license_name: str) -> dict[str, Any]:
    model, recipe = plan.told["model"]["name"], plan.told["recipe_hash"]
    return {
        "id": f"ssr-{recipe}",
        "title": f"Super-resolved Sentinel-2, {model}",
        "description": f"Sentinel-2 dates of {plan.told['period'] or 'any time'} super-resolved with {model}",
        "license": license_name,
        "model": model,
        "recipe": recipe,
        "program": plan.recipe["program"],
    }


def sheet_of(cell: Cell) -> str:
    """The sheet that a cell is published in."""
    if not cell.name.startswith(f"{SATLAS_ZOOM}-"):
        return cell.partition
    over = SATLAS_ZOOM - SHEET_ZOOM
    side = cell.side_px << over
    return f"{SHEET_ZOOM}-{cell.column // side}-{cell.row // side}"


def _sheets(plan: Plan, store: Store) -> Iterator[tuple[str, list[_Finished]]]:
    """Finished cells by sheet; a partition holds whole sheets."""
    for partition, tasks in plan.by_partition():
        known = store.list(partition)
        sheets: dict[str, list[_Finished]] = defaultdict(list)
        for task in tasks:
            if (task.cell, task.input) in known.done:
                cell = cell_named(task.cell)
                sheets[sheet_of(cell)].append(_Finished(cell, partition, store.done(partition, task.cell, task.input)))
        yield from sorted(sheets.items())


def _content(cells: list[_Finished]) -> str:
    parts = sorted((one.cell.name, file.role, file.sha256) for one in cells for file in one.done.files)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _paths(out: Path, name: str, cells: list[_Finished]) -> dict[str, Path]:
    roles = [file.role for file in cells[0].done.files]
    return {role: out / COGS / (f"{name}.tif" if role == IMAGE else f"{name}.{role}.tif") for role in roles}


def _write_sheet(cells: list[_Finished], store: Store, folder: Path, paths: Mapping[str, Path], plan: Plan) -> None:
    tags = {"SSR_MODEL": plan.told["model"]["name"], "SSR_MAP": plan.told["recipe_hash"]}
    for role, target in paths.items():
        files = [CellFile(one.cell, _fetched(one, role, store, folder)) for one in cells]
        target.parent.mkdir(parents=True, exist_ok=True)
        write_mosaic(files, plan.recipe["scale"], target, tags=tags, is_picture=role == IMAGE)


def _file(one: _Finished, role: str) -> KeptFile:
    found = next((file for file in one.done.files if file.role == role), None)
    if found is None:
        raise InputError(f"{one.cell.name}: has no {role}, other cells of its sheet have; run the map again")
    return found


def _fetched(one: _Finished, role: str, store: Store, folder: Path) -> Path:
    """A file of a cell on this disk, compared with its hash."""
    file = _file(one, role)
    path = folder / file.name
    if not path.exists():
        path.write_bytes(store.read(one.partition, file))
    return path


# ---- pictures


@contextmanager
def _pyramids(out: Path, plan: Plan, kind: PictureFormat | None) -> Iterator[dict[str, Pyramid]]:
    """By role; none where no pyramid is wanted."""
    if kind is None:
        yield {}
        return
    scale = int(plan.recipe["scale"])
    with ExitStack() as opened:
        found = {IMAGE: opened.enter_context(pyramid(out / DATABASE, scale, kind))}
        if plan.recipe["options"]["with_trust"]:
            found[TRUST] = opened.enter_context(pyramid(out / TRUST_DATABASE, scale, kind))
        yield found


def _paint(cells: list[_Finished], store: Store, folder: Path, pyramids: Mapping[str, Pyramid]) -> None:
    """Pictures of the cells that changed."""
    for role, pictures in pyramids.items():
        for one in cells:
            content = _file(one, role).sha256
            if pictures.holds(one.cell, content):
                continue
            pixels = read_stored(_fetched(one, role, store, folder))
            is_trust = role == TRUST
            painted = as_shades(pixels[0], no_data=NO_TRUST, full=FULL_TRUST) if is_trust else as_picture(pixels)
            pictures.put(one.cell, content, painted)


def _write_pyramids(
    out: Path, pyramids: Mapping[str, Pyramid], told: Mapping[str, Any], items: list[dict[str, Any]]
) -> int | None:
    n_pictures = None
    for role, pictures in pyramids.items():
        is_image = role == IMAGE
        path = out / (PICTURES if is_image else TRUST_PICTURES)
        if pictures.build() or not path.exists():
            n = pictures.write(path, {"name": told["title"], "description": told["description"]}, box_of(items))
        else:
            n = pictures.n_pictures()
        n_pictures = n if is_image else n_pictures
    return n_pictures


def _whole_files(out: Path, pyramids: Mapping[str, Pyramid]) -> list[tuple[str, Path, str]]:
    files = [("index", out / INDEX, MEDIA["parquet"])]
    if IMAGE in pyramids:
        files.append(("overview", out / PICTURES, MEDIA["pmtiles"]))
    if TRUST in pyramids:
        files.append(("trust", out / TRUST_PICTURES, MEDIA["pmtiles"]))
    return files


def _period(cells: list[_Finished], sensed: Mapping[str, datetime | None]) -> tuple[datetime | None, datetime | None]:
    """The first and the last date that was used."""
    names = {name for one in cells for name in one.done.notes.get("dates", ())}
    moments = [_in_utc(moment) for name in names if (moment := sensed.get(name)) is not None]
    return min(moments, default=None), max(moments, default=None)


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
