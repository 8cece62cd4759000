"""Which area does a user want of a series?"""

import json
import math
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from ssr.atomic import one_line
from ssr.errors import InputError
from ssr.raster.extent import to_lon_lat

POINTS_A_SIDE = 21
LARGEST_BYTES = 64 * 2**20
LON_LAT_ID = 4326
VECTOR_SUFFIXES = (".geojson", ".json", ".gpkg")

ALL_AROUND_DEG, HALF_AROUND_DEG = 360, 180

LonLat = tuple[float, float]
Box = tuple[float, float, float, float]


class Area(NamedTuple):
    """Points, in degrees, around an area; what messages call it."""

    ring: tuple[LonLat, ...]
    what: str

    def boxes(self) -> list[Box]:
        """West, south, east, north within ±180°; two boxes where the area crosses the antimeridian."""
        lons, lats = zip(*self.ring, strict=True)
        south, north = min(lats), max(lats)
        if max(lons) - min(lons) >= ALL_AROUND_DEG:
            return [(-180.0, south, 180.0, north)]
        west = (min(lons) + 180) % 360 - 180
        east = west + max(lons) - min(lons)
        if east <= HALF_AROUND_DEG:
            return [(west, south, east, north)]
        return [(west, south, 180.0, north), (-180.0, south, east - 360, north)]


def parse_aoi(text: str) -> Area:
    """Read `west,south,east,north` in degrees, or the extent of what a GeoJSON or GeoPackage file holds.

    Where east is below west the area crosses the antimeridian.

    Raises:
        InputError: neither of them, degrees out of range, an empty or damaged file.
    """
    what = f"--aoi {text}"
    if Path(text).suffix.lower() in VECTOR_SUFFIXES:
        west, south, east, north = _extent_of_file(Path(text), what)
    else:
        try:
            west, south, east, north = (float(part) for part in text.split(","))
        except ValueError as error:
            raise InputError(
                f"{what}: expected west,south,east,north in degrees, or a .geojson or .gpkg file"
            ) from error
    if not (all(map(math.isfinite, (west, south, east, north))) and -90 <= south < north <= 90):
        raise InputError(
            f"{what}: expected a south below north, both within ±90°; found {south:g} and {north:g}; the order is "
            f"west,south,east,north"
        )
    if not (-360 <= west <= 360 and -360 <= east <= 360) or west == east:
        raise InputError(f"{what}: expected a west and an east within ±180°; found {west:g} and {east:g}")
    return Area(tuple(_ring(west, south, east if east > west else east + 360, north)), what)


def _ring(west: float, south: float, east: float, north: float) -> Iterator[LonLat]:
    for step in range(POINTS_A_SIDE):
        share = step / (POINTS_A_SIDE - 1)
        lon, lat = west + share * (east - west), south + share * (north - south)
        yield from ((lon, south), (lon, north), (west, lat), (east, lat))


def _extent_of_file(path: Path, what: str) -> tuple[float, float, float, float]:
    if not path.is_file():
        raise InputError(f"{what}: no such file")
    if path.suffix.lower() == ".gpkg":
        points = list(_points_of_geopackage(path, what))
    else:
        points = list(_points_of_geojson(path, what))
    if not points:
        raise InputError(f"{what}: holds no geometry")
    lons, lats = zip(*points, strict=True)
    return min(lons), min(lats), max(lons), max(lats)


def _points_of_geojson(path: Path, what: str) -> Iterator[LonLat]:
    if path.stat().st_size > LARGEST_BYTES:
        raise InputError(f"{what}: is larger than {LARGEST_BYTES} bytes; draw the area more simply")
    try:
        content = json.loads(path.read_bytes())
        points = list(_positions(content))
        named = content.get("crs") if isinstance(content, dict) else None
        crs = str(named["properties"]["name"]) if named else None  # of before 2016; since then always degrees
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{what}: is not whole GeoJSON ({one_line(error)})") from error
    yield from points if crs is None else to_lon_lat(points, crs, what=what)


def _positions(node: Any) -> Iterator[LonLat]:
    """Every coordinate pair below a GeoJSON object."""
    if isinstance(node, dict):
        for key in ("coordinates", "geometry", "geometries", "features"):
            yield from _positions(node.get(key))
    elif isinstance(node, list) and len(node) >= 2 and all(isinstance(part, int | float) for part in node):
        yield float(node[0]), float(node[1])
    elif isinstance(node, list):
        for part in node:
            yield from _positions(part)


def _points_of_geopackage(path: Path, what: str) -> Iterator[LonLat]:
    """Corners of the envelope of every geometry; of the layer's extent where a geometry has no envelope."""
    try:
        with closing(sqlite3.connect(f"file:{path.resolve()}?mode=ro", uri=True)) as opened:
            layers = opened.execute(
                "SELECT g.table_name, g.column_name, s.organization, s.organization_coordsys_id, "
                "c.min_x, c.min_y, c.max_x, c.max_y FROM gpkg_geometry_columns g "
                "JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id JOIN gpkg_contents c ON c.table_name = g.table_name"
            ).fetchall()
            for table, column, organisation, code, *extent in layers:
                quoted = [name.replace('"', '""') for name in (column, table)]
                rows = opened.execute('SELECT "{}" FROM "{}"'.format(*quoted)).fetchall()
                envelopes = [_envelope(blob) for (blob,) in rows if blob]
                boxes = envelopes if None not in envelopes else [tuple(extent)]
                corners = [
                    (float(x), float(y))
                    for box in boxes
                    if box and None not in box
                    for x in box[::2]
                    for y in box[1::2]
                ]
                yield from to_lon_lat(corners, f"{organisation}:{code}", what=what)
    except (sqlite3.Error, struct.error, ValueError, TypeError) as error:
        raise InputError(f"{what}: is not a whole GeoPackage ({one_line(error)})") from error


def _envelope(blob: bytes) -> tuple[float, float, float, float] | None:
    """Left, bottom, right, top from the header of a geometry (GeoPackage 1.3, clause 2.1.3); None where it has none."""
    if blob[:2] != b"GP":
        raise ValueError("a geometry does not start with GP")
    flags = blob[3]
    if not (flags >> 1) & 7:
        return None
    left, right, bottom, top = struct.unpack_from("<4d" if flags & 1 else ">4d", blob, 8)
    return left, bottom, right, top
