"""How is a published map described so that catalogues find it: a STAC collection, its items, and an index of them?"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ssr.atomic import whole_file
from ssr.mapping.boxes import Box, around, eastwards, within_180
from ssr.mapping.geoparquet import pyarrow_for, read_rows, writing
from ssr.raster.described import describe_raster, sha256_multihash
from ssr.raster.extent import bounds_of
from ssr.raster.footprint import footprint_of
from ssr.raster.grid import Grid

COLLECTION, INDEX, ITEMS = "collection.json", "items.parquet", "items"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
PROCESSING = "https://stac-extensions.github.io/processing/v1.1.0/schema.json"
LAUNCH = datetime(2015, 6, 23, tzinfo=UTC)
COG = "image/tiff; application=geotiff; profile=cloud-optimized"


@dataclass(frozen=True)
class Sheet:
    """A published raster and what it was made of.

    Attributes:
        content: hash of its cells; equal content need not be written again.
        first, last: of the dates that were used; None where none tells.
        files: by role.
    """

    name: str
    content: str
    n_cells: int
    grid: Grid
    first: datetime | None
    last: datetime | None
    files: Mapping[str, Path]


def write_item(out: Path, sheet: Sheet, told: Mapping[str, Any]) -> dict[str, Any]:
    """The STAC item of a sheet, beside the others.

    Raises:
        OutputError: it cannot be written.
    """
    shown = footprint_of(sheet.grid)
    assert shown is not None
    assert sheet.grid.crs is not None
    authority = sheet.grid.crs.to_authority()
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [PROJECTION, FILE, PROCESSING],
        "id": sheet.name,
        "collection": told["id"],
        "bbox": list(shown.bbox),
        "geometry": shown.geometry,
        "properties": {
            **_times(sheet),
            "proj:code": ":".join(authority) if authority else None,
            "proj:shape": list(sheet.grid.shape_hw),
            "proj:transform": list(sheet.grid.transform)[:6],
            "proj:bbox": list(bounds_of(sheet.grid)),
            "processing:level": "L4",
            "processing:software": {"ssr": told["program"]},
            "processing:lineage": f"{sheet.n_cells} cells super-resolved with {told['model']}",
            "ssr:content": sheet.content,
            "ssr:n_cells": sheet.n_cells,
        },
        "links": [
            {"rel": "collection", "href": f"../{COLLECTION}", "type": "application/json"},
            {"rel": "parent", "href": f"../{COLLECTION}", "type": "application/json"},
            {"rel": "root", "href": f"../{COLLECTION}", "type": "application/json"},
        ],
        "assets": {role: _asset(out, role, path) for role, path in sheet.files.items()},
    }
    _write_json(out / ITEMS / f"{sheet.name}.json", item)
    return item


def _times(sheet: Sheet) -> dict[str, Any]:
    """From the first date that was used to the last; where none tells, from the launch of Sentinel-2A on."""
    return {
        "datetime": None,
        "start_datetime": _text(sheet.first or LAUNCH),
        "end_datetime": _text(sheet.last or datetime.now(UTC)),
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _asset(out: Path, role: str, path: Path) -> dict[str, Any]:
    bands = [
        {"name": band.name, "data_type": band.dtype, "nodata": band.no_data} for band in describe_raster(path).bands
    ]
    return {
        "href": f"../{path.relative_to(out).as_posix()}",
        "type": COG,
        "roles": ["data", "visual"] if role == "image" else ["data", "metadata"],
        "title": "Super-resolved image" if role == "image" else "How far each pixel can be trusted",
        "bands": bands,
        "file:size": path.stat().st_size,
        "file:checksum": sha256_multihash(path),
    }


def read_items(out: Path) -> dict[str, str]:
    """What was published before: the content of each sheet by its name."""
    path = out / INDEX
    if not path.exists():
        return {}
    return {row["id"]: row["content"] for row in read_rows(path, ("id", "content"))}


def write_index(out: Path, items: Sequence[Mapping[str, Any]]) -> None:
    """`items.parquet`: one row for each item, with its geometry and the addresses of its files.

    Raises:
        OutputError: it cannot be written.
    """
    pa, _ = pyarrow_for(out)
    columns = {
        name: pa.string() for name in ("id", "collection", "start_datetime", "end_datetime", "content", "assets")
    }
    with writing(out / INDEX, {**columns, "n_cells": pa.int32()}) as rows:
        for item in items:
            properties = item["properties"]
            rows.add(
                eastwards(*item["bbox"]),
                id=item["id"],
                collection=item["collection"],
                start_datetime=properties["start_datetime"],
                end_datetime=properties["end_datetime"],
                content=properties["ssr:content"],
                assets=json.dumps(item["assets"], separators=(",", ":")),
                n_cells=properties["ssr:n_cells"],
            )


def write_collection(
    out: Path, items: Sequence[Mapping[str, Any]], told: Mapping[str, Any], assets: Iterable[tuple[str, Path, str]]
) -> None:
    """`collection.json`, which names all items and the files of the map as a whole.

    Args:
        told: `id`, `description`, `license`.
        assets: role, file and media type.

    Raises:
        OutputError: it cannot be written.
    """
    whole = list(within_180(box_of(items)))
    starts = [item["properties"]["start_datetime"] for item in items]
    ends = [item["properties"]["end_datetime"] for item in items]
    collection = {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": told["id"],
        "title": told["title"],
        "description": told["description"],
        "license": told["license"],
        "extent": {"spatial": {"bbox": [whole]}, "temporal": {"interval": [[min(starts), max(ends)]]}},
        "summaries": {"ssr:model": [told["model"]], "ssr:map": [told["recipe"]]},
        "links": [
            {"rel": "root", "href": f"./{COLLECTION}", "type": "application/json"},
            {"rel": "self", "href": f"./{COLLECTION}", "type": "application/json"},
            *(
                {"rel": "item", "href": f"./{ITEMS}/{item['id']}.json", "type": "application/geo+json"}
                for item in items
            ),
        ],
        "assets": {
            role: {"href": f"./{path.relative_to(out).as_posix()}", "type": kind, "roles": [role]}
            for role, path, kind in assets
        },
    }
    _write_json(out / COLLECTION, collection)


def _write_json(path: Path, told: Mapping[str, Any]) -> None:
    with whole_file(path) as part:
        part.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def box_of(items: Sequence[Mapping[str, Any]]) -> Box:
    """Around all items; east may lie beyond 180."""
    return around([eastwards(*item["bbox"]) for item in items])
