"""Squares have the names of the reference system, and lie where pyproj says."""

import math

import pytest
from pyproj import Geod

from ssr.mapping.squares import UTM_LATITUDES, Square, meridian_latitude, meridian_m, square_named, squares_between


@pytest.mark.parametrize(
    ("zone", "column", "row", "name"),
    [
        (33, 5, 49, "33TWK"),
        (31, 4, 54, "31UDQ"),
        (18, 5, 45, "18TWL"),
        (56, 3, -38, "56HLH"),
        (33, 5, 0, "33NWA"),
        (33, 5, 86, "33XWG"),
    ],
)
def test_squares_have_the_names_of_the_reference_system(zone, column, row, name):
    # Names of Sentinel-2's own tiles: 31UDQ of Paris, 18TWL New York, 56HLH Sydney, 33XWG Longyearbyen.
    assert Square(zone, column, row).name == name
    assert square_named(name) == Square(zone, column, row)


@pytest.mark.parametrize("name", ["", "33TIK", "61TWK", "00TWK", "33TAK", "33TWK-00-00", "33twk", "33TWA"])
def test_what_names_no_square_is_none(name):
    assert square_named(name) is None


@pytest.mark.parametrize("zone", [1, 32, 60])
def test_every_square_between_the_limits_has_a_name_of_its_own(zone):
    squares = list(squares_between(zone, *UTM_LATITUDES))
    assert len({square.name for square in squares}) == len(squares)
    assert [square_named(square.name) for square in squares] == squares


@pytest.mark.parametrize("latitude", [0.0, 12.5, 47.0, 83.9, -61.2])
def test_the_length_of_the_meridian_is_that_of_geodesics(latitude):
    geod = Geod(ellps="WGS84")
    expected = geod.line_length([0, 0], [0, latitude]) * math.copysign(1, latitude)
    assert meridian_m(latitude) == pytest.approx(expected, abs=0.1)
    assert meridian_latitude(meridian_m(latitude)) == pytest.approx(latitude, abs=1e-6)
