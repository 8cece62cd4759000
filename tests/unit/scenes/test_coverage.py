"""Are dates whose tiles end inside an area left out where others show all of it?"""

import pytest
from affine import Affine
from rasterio.crs import CRS

from ssr.raster.grid import Grid
from ssr.scenes.acquisition import Acquisition
from ssr.scenes.aoi import Area, parse_aoi
from ssr.scenes.coverage import Tile, whole_dates

WEST, EAST = 500_000.0, 500_480.0
AREA = parse_aoi("15.001,45.150,15.009,45.153")
"""About 80 to 710 m east of 500 km, so it needs both tiles of 480 m."""


def tile(name: str, x: float, overflight: str | None, *, epsg: int = 32633) -> Tile:
    grid = Grid(CRS.from_epsg(epsg), Affine(10, 0, x, 0, -10, 5_000_040), (48, 48))
    return Tile(Acquisition(name, None, (), datatake=overflight), grid)


def names(tiles: list[Tile], area: Area = AREA) -> tuple[list[str], list[str]]:
    found, notes = whole_dates(tiles, area)
    return [one.name for one in found], [f"{note.label}: {note.text}, {note.detail}" for note in notes]


def test_an_overflight_of_which_a_tile_is_missing_is_left_out() -> None:
    tiles = [tile("a", WEST, "one"), tile("b", EAST, "one"), tile("c", WEST, "two"), tile("d", EAST, "three")]
    found, notes = names(tiles)
    assert found == ["a", "b"]
    assert notes == [f"{name}: left out, its overflight shows a part of the area only" for name in ("c", "d")]


def test_all_are_kept_where_all_show_the_area() -> None:
    inside = parse_aoi("15.001,45.150,15.004,45.153")
    assert names([tile("a", WEST, "one"), tile("c", WEST, "two")], inside) == (["a", "c"], [])


def test_all_are_kept_and_it_is_said_where_none_shows_all() -> None:
    found, notes = names([tile("c", WEST, "two"), tile("d", EAST, None)])
    assert found == ["c", "d"]
    assert notes == [
        ": --aoi 15.001,45.150,15.009,45.153: no date shows all of it; the result ends where the dates end, "
    ]


def test_a_tile_that_does_not_tell_its_place_may_show_all() -> None:
    unknown = Tile(Acquisition("x", None, ()), None)
    assert names([tile("c", WEST, "two"), unknown])[0] == ["x"]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_tile_that_ends_where_the_area_ends_shows_all(share: float) -> None:
    """The eastern side of the area, in whole pixels, 40 m inside or 40 m beyond the tile."""
    east = 15.0056 + share * 0.001
    area = parse_aoi(f"15.001,45.150,{east},45.153")
    found, _ = names([tile("c", WEST, "two"), tile("a", WEST, "one"), tile("b", EAST, "one")], area)
    assert found == (["c", "a", "b"] if share == 0 else ["a", "b"])
