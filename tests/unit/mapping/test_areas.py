"""Cells are planned where an area lies, and nowhere else."""

import json
import math

import numpy as np
import pytest
from shapely import box as rectangle
from shapely.geometry import Polygon, mapping

from ssr.errors import InputError
from ssr.mapping.areas import Polygons, parse_area
from ssr.mapping.land import Land


def test_polygons_touch_the_boxes_that_shapely_says():
    rng = np.random.default_rng(0)
    hole = Polygon([(4, 4), (6, 4), (6, 6), (4, 6)])
    shape = Polygon([(0, 0), (10, 1), (8, 9), (5, 6), (1, 8)]).difference(hole)
    rings = tuple(np.array(ring.coords) for ring in (shape.exterior, *shape.interiors))
    area = Polygons((rings,))
    for _ in range(300):
        west, south = rng.uniform(-2, 10, 2)
        east, north = west + rng.uniform(0.1, 3), south + rng.uniform(0.1, 3)
        expected = shape.intersection(rectangle(west, south, east, north)).area > 0
        assert area.touches((west, south, east, north)) == expected


def test_a_polygon_inside_of_a_box_touches_it():
    area = Polygons(((np.array([(1.0, 1.0), (1.1, 1.0), (1.1, 1.1), (1.0, 1.0)]),),))
    assert area.touches((0, 0, 3, 3))
    assert not area.touches((2, 2, 3, 3))


def test_polygons_of_a_geojson_file_count_not_their_rectangle(tmp_path):
    shape = Polygon([(10, 40), (11, 40), (10, 41)])
    path = tmp_path / "area.geojson"
    feature = {"type": "Feature", "properties": {}, "geometry": mapping(shape)}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    area = parse_area(str(path))
    assert area.touches((10.1, 40.1, 10.2, 40.2))
    assert not area.touches((10.9, 40.9, 11, 41))


@pytest.mark.parametrize("text", ["", "1,2,3", "nowhere.geojson", "5,60,6,50", "a,b,c,d"])
def test_what_is_no_area_is_refused_by_its_own_option(text):
    with pytest.raises(InputError, match="--area"):
        parse_area(text)


def test_a_damaged_geojson_is_refused(tmp_path):
    path = tmp_path / "area.geojson"
    path.write_text('{"type": "Polygon", "coordinates": [[[1')
    with pytest.raises(InputError, match="--area"):
        parse_area(str(path))


@pytest.mark.slow
def test_land_is_where_it_is():
    pytest.importorskip("global_land_mask")
    land = parse_area("land")
    assert land.touches((11, 46, 11.1, 46.1))  # Alps
    assert not land.touches((-30, 30, -29.9, 30.1))  # Atlantic
    assert not land.touches((0, -80, 1, -79))  # Antarctica is not mapped
    assert land.area_m2() == pytest.approx(149e12, rel=0.01)  # the customary figure, Antarctica and its ice included


def test_a_box_touches_the_land_that_lies_in_one_of_its_tenths_of_a_degree():
    rng = np.random.default_rng(0)
    share = (rng.random((1800, 3600)) < 0.002).astype(np.float32)
    land = Land(share)
    for _ in range(500):
        west, south = rng.uniform(-200, 190), rng.uniform(-60, 84)
        east, north = west + rng.choice([0.05, 1.0, 170.0, 360.0]), south + rng.uniform(0.01, 2)
        south_seen, north_seen = max(south, -56.0), min(north, 83.0)
        rows = range(math.floor((90 - north_seen) * 10), math.ceil((90 - south_seen) * 10))
        columns = np.arange(math.floor((west + 180) * 10), math.ceil((east + 180) * 10)) % 3600
        expected = south_seen < north_seen and any(share[row, columns].any() for row in rows)
        assert land.touches((west, south, east, north)) == expected
