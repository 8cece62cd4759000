"""Granules across the antimeridian serve the cells on both of its sides, and no others.

The oracle is pyproj: points of a cell, brought into the coordinate system of a granule.
"""

import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer

from ssr.mapping.areas import Boxes
from ssr.mapping.cells import Cell, satlas_cell, tile_row
from ssr.mapping.finding import box_of, in_folders
from ssr.mapping.plan import finish_plan, plan_cells, read_sources, write_plan
from ssr.mapping.reading import Reading, read_cell
from ssr.mapping.sources import Source, Sources
from ssr.raster.crs import parse_crs
from ssr.raster.grid import Grid
from ssr.scenes.radiometry import Rules
from tests.support.map_scenes import Granule, Light, write_overflights
from tests.unit.mapping.test_plan import TOLD
from tests.unit.mapping.test_sources import picture

SIDE_PX, PIXEL_M = 1200, 10.0
FAR_M = 8000.0
"""Cells have sides of at most 5 km, and boxes of granules in degrees reach a little further than these."""
PLACES = {
    "Fiji": (32760, 179.95, -16.95),
    "Fiji, zone 1": (32701, -180.05, -16.95),
    "Chukotka": (32660, 179.9, 68.0),
    "Chukotka, zone 1": (32601, -180.1, 68.0),
    "east of the Chathams": (32760, 179.95, -44.0),
}


def granule(epsg: int, west: float, north: float) -> Grid:
    (x,), (y,) = Transformer.from_crs(4326, epsg, always_xy=True).transform([west], [north])
    place = Affine(PIXEL_M, 0, round(x, -1), 0, -PIXEL_M, round(y, -1))
    return Grid(parse_crs(f"EPSG:{epsg}", what="a test"), place, (SIDE_PX, SIDE_PX))


def distance_m(cell: Cell, to: Grid) -> float:
    """From the nearest of some points of a cell to a granule: 0 where it shows one."""
    grid, share = cell.grid(), np.linspace(0.02, 0.98, 9) * cell.side_px
    xs, ys = np.meshgrid(grid.transform.c + share * grid.transform.a, grid.transform.f + share * grid.transform.e)
    x, y = Transformer.from_crs(cell.epsg, to.crs.to_epsg(), always_xy=True).transform(xs.ravel(), ys.ravel())
    left, top, side = to.transform.c, to.transform.f, SIDE_PX * PIXEL_M
    across = np.maximum(np.maximum(left - x, x - left - side), 0)
    down = np.maximum(np.maximum(top - side - y, y - top), 0)
    return float(np.hypot(across, down).min())


@pytest.mark.parametrize("grid", ["satlas", "mgrs"])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_granule_serves_the_cells_that_it_shows_on_both_sides(place, grid, tmp_path):
    shown = granule(*place)
    source = Source(picture("a"), box_of([shown], "a"), "a")
    _, south, _, north = source.box
    area = Boxes(((179.5, south - 0.1, 180.0, north + 0.1), (-180.0, south - 0.1, -179.5, north + 0.1)))
    planned = list(plan_cells(grid, area, Sources([source]), margin_px=0))
    assert len({one.cell.name for one in planned}) == len(planned)
    distances = {one.cell.name: distance_m(one.cell, shown) for one in planned}
    served = {one.cell.name for one in planned if one.sources}
    assert {name for name, metres in distances.items() if metres == 0} <= served
    assert {name for name, metres in distances.items() if metres > FAR_M}.isdisjoint(served)
    east = {one.cell.name for one in planned if overlaps_east(one.cell)}
    assert east & served
    assert served - east
    write_plan(tmp_path, TOLD, planned, [source])
    finish_plan(tmp_path, TOLD)
    again = read_sources(tmp_path / "sources.parquet")
    assert {one.cell.name for one in plan_cells(grid, area, again, margin_px=0) if one.sources} == served


def overlaps_east(cell: Cell) -> bool:
    """Whether the middle of a cell lies east of the antimeridian."""
    west, _, east, _ = cell.box()
    return ((west + east) / 2 + 180) % 360 < 180


def test_cells_on_both_sides_read_the_same_pixels_around_the_antimeridian(tmp_path):
    row = int(tile_row(-17.0, 13))
    shown = granule(32760, 179.96, -16.95)
    pieces = [Granule(32760, shown.transform.c, shown.transform.f, SIDE_PX)]
    write_overflights(tmp_path / "dates", [pieces], [Light()])
    sources = in_folders([tmp_path / "dates"], rules=Rules(), period=None, band_names=None)
    inner = 16
    reading = Reading(
        rules=Rules(), inner_px=inner, n_slots=1, repeats=False, keeps_empty=False, with_classes=False,
        tolerated_px=None,
    )  # fmt: skip
    west, east = (read_cell(satlas_cell(x, row), sources, reading).pixels[0] for x in (8191, 0))
    shared = west[:, :, -2 * inner :], east[:, :, : 2 * inner]
    assert all((strip != 0).any(0).mean() > 0.5 for strip in shared)
    assert np.abs(shared[0] - shared[1]).max() <= 1.01 / 255
    assert min((side != 0).any(0).mean() for side in (west, east)) > 0.4
