"""Two cells far enough apart that no date of one has a say in the other, and made-up dates of each."""

import json
from collections.abc import Sequence
from pathlib import Path

from rasterio.warp import transform

from ssr.mapping.cells import Cell, satlas_cell, tile_row
from tests.support.map_scenes import MERCATOR, Granule, Light, write_overflights

_X, _Y = int((12.6 + 180) / 360 * 8192) // 8 * 8 + 7, int(tile_row(47.0, 13))
NEAR, FAR = satlas_cell(_X, _Y), satlas_cell(_X + 3, _Y)
"""In different sheets: the last column of one, the third of the next."""
SIDE_PX = 330
"""Of a granule in pixels of 10 m: about the middle half of a cell, which is 3.3 km wide here."""


def granule_of(cell: Cell, side_px: int = SIDE_PX) -> Granule:
    """A granule of UTM zone 33 in the middle of a cell."""
    half = cell.side_px / 2
    x, y = cell.grid().transform @ (half, half)
    xs, ys = transform(MERCATOR, "EPSG:32633", [x], [y])
    return Granule(32633, round(xs[0] / 10) * 10 - 5 * side_px, round(ys[0] / 10) * 10 + 5 * side_px, side_px)


def write_dates(folder: Path, cells: Sequence[Cell], lights: Sequence[Light], *, seed: int = 0) -> list[Path]:
    """One granule of each cell for each date, `2021-06-<date>_32633_<cell>.tif`."""
    granules = [[granule_of(cell) for cell in cells]] * len(lights)
    return write_overflights(folder, granules, lights, seed=seed)


def write_area(path: Path, cells: Sequence[Cell]) -> Path:
    """The middles of cells as polygons of a GeoJSON file."""
    features = []
    for cell in cells:
        west, south, east, north = cell.box()
        dx, dy = (east - west) / 4, (north - south) / 4
        w, s, e, n = west + dx, south + dy, east - dx, north - dy
        ring = [[w, s], [e, s], [e, n], [w, n], [w, s]]
        features.append({"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def cloud_over(cell: Cell, radius_m: float = 600.0) -> tuple[float, float, float]:
    """A cloud left of the middle of a cell, in Mercator metres."""
    x, y = cell.grid().transform @ (cell.side_px * 0.4, cell.side_px * 0.5)
    return x, y, radius_m
