"""Is an area the one that a user names, in every form?"""

import json
import sqlite3
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssr.errors import InputError
from ssr.scenes.aoi import Area, parse_aoi


def extent(area: Area) -> tuple[float, float, float, float]:
    lons, lats = np.array(area.ring).T
    return lons.min(), lats.min(), lons.max(), lats.max()


def write_json(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def square(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_a_box_is_read_with_points_along_its_sides() -> None:
    area = parse_aoi("15.0,45,15.5,45.25")
    assert extent(area) == (15, 45, 15.5, 45.25)
    assert len(area.ring) > 40


def test_a_box_across_the_antimeridian_runs_on_eastwards() -> None:
    assert extent(parse_aoi("179.5,-17,-179.5,-16")) == (179.5, -17, 180.5, -16)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda g: g,
        lambda g: {"type": "Feature", "properties": {}, "geometry": g},
        lambda g: {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": g}, {"geometry": None}]},
        lambda g: {"type": "GeometryCollection", "geometries": [g, {"type": "Point", "coordinates": [15.1, 45.1, 9]}]},
    ],
)
def test_geojson_of_every_kind(tmp_path: Path, wrap: Any) -> None:
    path = write_json(tmp_path / "a.geojson", wrap(square(15, 45, 15.5, 45.25)))
    assert extent(parse_aoi(str(path))) == (15, 45, 15.5, 45.25)


def test_old_geojson_with_a_coordinate_system(tmp_path: Path) -> None:
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    path = write_json(tmp_path / "a.json", square(500_000, 5_000_000, 501_000, 5_001_000) | {"crs": named})
    west, south, east, north = extent(parse_aoi(str(path)))
    assert (west, south) == pytest.approx((15, 45.1535), abs=1e-3)
    assert east - west == pytest.approx(1000 / 78_600, rel=0.02)
    assert north - south == pytest.approx(1000 / 111_140, rel=0.02)


def write_geopackage(path: Path, *, envelope: bool, blob: bytes | None = None, code: int = 4326) -> Path:
    header = b"GP\x00" + (b"\x03" if envelope else b"\x01") + struct.pack("<i", code)
    corners = struct.pack("<4d", 15, 15.5, 45, 45.25) if envelope else b""
    with sqlite3.connect(path) as opened:
        opened.execute("CREATE TABLE gpkg_geometry_columns (table_name, column_name, srs_id)")
        opened.execute("CREATE TABLE gpkg_spatial_ref_sys (srs_id, organization, organization_coordsys_id)")
        opened.execute("CREATE TABLE gpkg_contents (table_name, min_x, min_y, max_x, max_y)")
        opened.execute('CREATE TABLE "my ""area" (geom BLOB)')
        opened.execute("INSERT INTO gpkg_geometry_columns VALUES ('my \"area', 'geom', 1)")
        opened.execute("INSERT INTO gpkg_spatial_ref_sys VALUES (1, 'EPSG', ?)", (code,))
        opened.execute("INSERT INTO gpkg_contents VALUES ('my \"area', 14, 44, 16, 46)")
        opened.execute('INSERT INTO "my ""area" VALUES (?)', (blob or header + corners + b"wkb",))
    opened.close()
    return path


@pytest.mark.parametrize(("envelope", "expected"), [(True, (15, 45, 15.5, 45.25)), (False, (14, 44, 16, 46))])
def test_geopackage_with_envelopes_or_only_the_extent_of_its_layer(
    tmp_path: Path, envelope: bool, expected: Any
) -> None:
    path = write_geopackage(tmp_path / "a.gpkg", envelope=envelope)
    assert extent(parse_aoi(str(path))) == expected


@pytest.mark.parametrize(
    "text", ["1,2,3", "a,b,c,d", "1,2,3,nan", "1,5,3,4", "1,2,1,4", "400,2,3,4", "1,-91,3,4", "nowhere.geojson", ""]
)
def test_what_is_no_area_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"^--aoi {text}: (expected|no such file)"):
        parse_aoi(text)


@pytest.mark.parametrize("content", ["", "{", "[" * 5000, '{"type": "Polygon", "coordinates": []}', "7"])
def test_damaged_or_empty_geojson_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"is not whole GeoJSON|holds no geometry"):
        parse_aoi(str(write_json(tmp_path / "a.geojson", content)))


def test_damaged_geopackages_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gpkg").write_bytes(b"SQLite format 3\x00 and no more")
    torn = write_geopackage(tmp_path / "b.gpkg", envelope=True, blob=b"GP\x00\x03\x00")
    other = write_geopackage(tmp_path / "c.gpkg", envelope=True, blob=b"no geometry")
    for path in (tmp_path / "a.gpkg", torn, other):
        with pytest.raises(InputError, match="is not a whole GeoPackage"):
            parse_aoi(str(path))


def test_an_unknown_coordinate_system_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="coordinate system 'EPSG:9' is not known"):
        parse_aoi(str(write_geopackage(tmp_path / "a.gpkg", envelope=True, code=9)))


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("12,45,13,46", [(12, 45, 13, 46)]),
        ("179.5,-17,-179.5,-16", [(179.5, -17, 180, -16), (-180, -17, -179.5, -16)]),
        ("-200,50,-170,60", [(160, 50, 180, 60), (-180, 50, -170, 60)]),
        ("170,0,180,1", [(170, 0, 180, 1)]),
        ("-180,-90,180,90", [(-180, -90, 180, 90)]),
    ],
)
def test_an_area_is_one_box_or_two_at_the_antimeridian(text: str, boxes: list[tuple[float, ...]]) -> None:
    assert parse_aoi(text).boxes() == [pytest.approx(box) for box in boxes]


def test_degrees_that_no_latitude_has_are_answered_with_the_order() -> None:
    with pytest.raises(InputError, match=r"found 139 and 140; the order is west,south,east,north"):
        parse_aoi("35,139,36,140")
