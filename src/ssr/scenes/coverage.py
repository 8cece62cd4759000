"""Which overflights show the whole of an area, as far as their tiles reach?

A series shows what all of its dates show. A date of which one tile is missing (too cloudy, say) would make the whole
series end where its tiles end, so it is left out where others show all.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ssr.errors import SeriesError
from ssr.raster.extent import footprint_on, intersection, union, window_of
from ssr.raster.grid import Grid
from ssr.scenes.acquisition import Acquisition
from ssr.scenes.aoi import Area
from ssr.scenes.notes import Note

AROUND_PX = 200_000
"""So far around a tile an area may reach: 2000 km."""


class Tile(NamedTuple):
    """A tile as a date, and where its pixels lie if that is known."""

    acquisition: Acquisition
    grid: Grid | None


def whole_dates(tiles: Sequence[Tile], area: Area) -> tuple[list[Acquisition], list[Note]]:
    """The tiles of overflights that show all of an area, or all tiles if none does; and what is to be said of it."""
    groups: dict[str, list[Tile]] = {}
    for number, tile in enumerate(tiles):
        groups.setdefault(tile.acquisition.datatake or f"alone {number}", []).append(tile)
    reaches = {name: _reach([tile.grid for tile in group], area) for name, group in groups.items()}
    if all(reaches.values()):
        return [tile.acquisition for tile in tiles], []
    if not any(reaches.values()):
        note = Note("", f"{area.what}: no date shows all of it; the result ends where the dates end")
        return [tile.acquisition for tile in tiles], [note]
    kept = [tile.acquisition for name, group in groups.items() if reaches[name] for tile in group]
    left_out = [tile.acquisition.name for name, group in groups.items() if not reaches[name] for tile in group]
    return kept, [Note(name, "left out", "its overflight shows a part of the area only") for name in left_out]


def _reach(grids: Sequence[Grid | None], area: Area) -> bool:
    """Whether the rectangle around some tiles holds an area; so it is said where a tile does not tell its place."""
    known = [grid for grid in grids if grid is not None]
    if len(known) < len(grids):
        return True
    base = known[0]
    ground = union([footprint_on(base, grid) for grid in known])
    height, width = base.shape_hw
    everything = base.part(slice(-AROUND_PX, height + AROUND_PX), slice(-AROUND_PX, width + AROUND_PX))
    try:
        wanted = window_of(area.ring, everything, what=area.what)
    except SeriesError:
        return False
    shown = intersection([ground, wanted])
    return shown is not None and shown.shape_hw == wanted.shape_hw
