"""Which cells of a map that `ssr map run` made, or is making, are finished?"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssr.errors import InputError
from ssr.raster.extent import union
from ssr.viewer.finding import Picture, place_of_pictures
from ssr.viewer.overlays import overlays_of
from ssr.viewer.pixels import Raster
from ssr.viewer.places import Place

MARKER = ".done.json"
DEPTHS = ("*", "*/*", "*/*/*")
IMAGE, TRUST = "image", "trust"


def places_of_map(folder: Path) -> list[Place] | None:
    """The finished cells, a place for each coordinate system; None where the folder is no store of a map.

    Raises:
        InputError: a marker cannot be read, or a file of a finished cell is gone.
    """
    markers = [path for depth in DEPTHS for path in sorted(folder.glob(f"{depth}{MARKER}"))]
    if not markers:
        return None
    newest: dict[tuple[Path, str], tuple[int, dict[str, Path]]] = {}
    for marker in markers:
        if marker.resolve().is_relative_to(folder):
            cell, files = _files_of(marker)
            known = newest.get((marker.parent, cell))
            written = marker.stat().st_mtime_ns
            if known is None or written > known[0]:
                newest[marker.parent, cell] = (written, files)
    cells = [files for _, files in newest.values() if IMAGE in files]
    return _places(folder.name, cells)


def _files_of(marker: Path) -> tuple[str, dict[str, Path]]:
    """The cell of a marker, and its files by role, which lie beside it."""
    try:
        told: dict[str, Any] = json.loads(marker.read_text(encoding="utf-8"))
        cell, listed = str(told["cell"]), {str(one["role"]): str(one["name"]) for one in told["files"]}
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{marker}: is no marker of a finished cell of a map ({error})") from error
    files = {role: marker.parent / Path(name).name for role, name in listed.items()}
    for path in files.values():
        if not path.is_file() or path.resolve().parent != marker.parent.resolve():
            raise InputError(f"{path}: belongs to a finished cell of the map and is not there")
    return cell, files


def _places(name: str, cells: Sequence[dict[str, Path]]) -> list[Place]:
    by_system: dict[Any, list[tuple[Raster, Path | None]]] = defaultdict(list)
    for files in cells:
        raster = Raster(files[IMAGE])
        raster.close()
        by_system[raster.grid.crs].append((raster, files.get(TRUST)))
    places = []
    for crs, found in by_system.items():
        grid = union([raster.grid for raster, _ in found])
        title = name if len(by_system) == 1 or crs is None else f"{name} ({crs.to_string()})"
        trust = [Raster(path) for _, path in found if path]
        for raster in trust:
            raster.close()
        picture = Picture(title, [raster for raster, _ in found], grid, "super_res")
        places.append(place_of_pictures(picture, overlays_of(trust[0]) if trust else (), trust))
    return places
