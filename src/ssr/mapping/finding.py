"""Which dates do folders, a catalogue on the web or an index have for an area?"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from ssr.errors import InputError, SeriesError
from ssr.mapping.areas import Area
from ssr.mapping.boxes import ALL_ROUND, HALF_ROUND, Box, around, eastwards
from ssr.mapping.cells import GridName
from ssr.mapping.plan import partitions_touched, read_sources, widened
from ssr.mapping.sources import Source, stamp_of
from ssr.raster.extent import lon_lat_bounds, to_lon_lat, window_of
from ssr.raster.grid import Grid
from ssr.scenes.acquisition import Acquisition
from ssr.scenes.aoi import Area as Ground
from ssr.scenes.inputs import find_acquisitions
from ssr.scenes.period import Period
from ssr.scenes.radiometry import Rules
from ssr.scenes.readable import prepare
from ssr.scenes.stac import StacQuery, find_stac_tiles


def in_folders(
    inputs: Sequence[str | Path], *, rules: Rules, period: Period | None, band_names: tuple[str, ...] | None
) -> list[Source]:
    """Products and images, in the order of their times.

    Raises:
        InputError: none is found, one has no place or (with a period) no date.
    """
    with ExitStack() as opened:
        found = find_acquisitions(inputs, rules=rules, opened=opened, period=period, band_names=band_names)
        sources = [
            Source(one, box_of(prepare(one, rules).seen.grids, one.name), stamp_of(one))
            for one in _within(found, period)
        ]
    return in_order(sources)


def in_index(path: Path, period: Period | None) -> list[Source]:
    """What an index holds: `sources.parquet` of an earlier plan.

    Raises:
        InputError: it cannot be read.
    """
    found = read_sources(path).sources
    kept = {id(one) for one in _within([one.acquisition for one in found], period)}
    return in_order(one for one in found if id(one.acquisition) in kept)


def in_catalogue(query: StacQuery, area: Area, grid: GridName, *, rules: Rules, period: Period | None) -> list[Source]:
    """What a catalogue has, asked partition by partition; partitions where it has nothing have no dates.

    Raises:
        InputError: no such catalogue or collection, or nothing found anywhere.
    """
    found: dict[str, Source] = {}
    nothing: InputError | None = None
    for partition in partitions_touched(grid, area):
        ground = Ground(tuple(_corners(widened(partition))), f"partition {partition.name}")
        try:
            tiles = find_stac_tiles(query, area=ground, rules=rules, period=period)[0]
        except InputError as error:
            nothing = error
            if "nothing found" not in str(error):
                raise
            continue
        for tile in tiles:
            grids = (tile.grid,) if tile.grid is not None else prepare(tile.acquisition, rules).seen.grids
            one = tile.acquisition
            found.setdefault(one.name, Source(one, box_of(grids, one.name), stamp_of(one)))
    if not found and nothing is not None:
        raise nothing
    return in_order(found.values())


def in_order(sources: Iterable[Source]) -> list[Source]:
    """By day, name and stamp, wherever they were found."""
    return sorted(sources, key=lambda one: (one.identity, one.acquisition.name, one.stamp))


def box_of(grids: Sequence[Grid], name: str) -> Box:
    """The rectangle in degrees around what some grids show.

    Raises:
        InputError: they have no place, or one that cells could not look up.
    """
    boxes = []
    for grid in grids:
        bounds = lon_lat_bounds(grid)
        if bounds is None:
            raise InputError(
                f"{name}: has no coordinate system, so it has no place on a map; give it one, or leave it out"
            )
        if not _is_found_again(grid, name):
            raise InputError(
                f"{name}: reaches across the antimeridian in a coordinate system that ends there, so cells beyond it "
                f"would find nothing; bring it to a UTM zone, or cut it in two at 180°"
            )
        boxes.append(eastwards(*bounds))
    return around(boxes)


def _is_found_again(grid: Grid, name: str) -> bool:
    """Whether places in degrees, from -180 to 180, are found where a grid shows them, from one corner to the other."""
    height, width = grid.shape_hw
    middles = [grid.transform @ (x, y) for x in (0.5, width - 0.5) for y in (0.5, height - 0.5)]
    assert grid.crs is not None
    places = to_lon_lat(middles, grid.crs.to_wkt(), what=name)
    ring = [((lon + HALF_ROUND) % ALL_ROUND - HALF_ROUND, lat) for lon, lat in places]
    try:
        return window_of(ring, grid, what=name).shape_hw == grid.shape_hw
    except SeriesError:
        return False


def _within(found: Sequence[Acquisition], period: Period | None) -> list[Acquisition]:
    if period is None:
        return list(found)
    undated = next((one for one in found if one.sensed is None), None)
    if undated is not None:
        raise InputError(
            f"{undated.name}: its date is not known, so --date cannot choose; put it into the name, such as "
            f"2021-06-01_{undated.name}"
        )
    kept = [one for one in found if one.sensed is not None and period.holds(one.sensed)]
    if not kept:
        raise InputError(f"of {len(found)} date(s) none lies within {period}; widen --date")
    return kept


def _corners(box: Box) -> Iterator[tuple[float, float]]:
    west, south, east, north = box
    yield from ((west, south), (east, south), (east, north), (west, north))
