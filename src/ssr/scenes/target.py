"""On which grid is a series read?

1. *Pixels*: those of the coordinate system that most dates have (of equally many, the first date's), of its finest
   images (of equally fine ones, the first). Dates whose pixels coincide are read as they are, others bilinearly.
2. *Ground*: what all dates show (`intersection`), so that every pixel is seen by every date. With `union`, what any
   date shows; the rest of a date has no data. Granules of one overflight are joined before.
3. *Another grid* (`satlas`, `EPSG:…@res`) covers that ground.
4. *An area* is cut out last, in whole pixels.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from ssr.errors import SeriesError
from ssr.raster.extent import footprint_on, intersection, lon_lat_bounds, named_grid, union, window_of
from ssr.raster.grid import Grid
from ssr.scenes.aoi import Area

Extent = Literal["intersection", "union"]
NATIVE = "native"


class Seen(NamedTuple):
    """What a date is called, and the grids of its pieces."""

    name: str
    grids: tuple[Grid, ...]


def choose_grid(
    dates: Sequence[Seen], *, grid: str = NATIVE, extent: Extent = "intersection", area: Area | None = None
) -> Grid:
    """Apply the rule above.

    Raises:
        SeriesError: the dates have no ground in common, or the area lies elsewhere.
        InputError: a grid that is not known.
    """
    base = _base(dates)
    if base.crs is None:
        _check_same_place(dates)
        ground = base
    else:
        ground = _ground(dates, base, extent)
    if grid != NATIVE:
        ground = named_grid(grid, [ground])
    return ground if area is None else window_of(area.ring, ground, what=area.what)


def _base(dates: Sequence[Seen]) -> Grid:
    systems = [date.grids[0].crs for date in dates]
    counts = Counter(None if crs is None else crs.to_wkt() for crs in systems)
    usual = max(systems, key=lambda crs: counts[None if crs is None else crs.to_wkt()])
    candidates = [grid for date in dates for grid in date.grids if grid.crs == usual]
    return min(candidates, key=lambda grid: round(grid.pixel_size, 6))


def _check_same_place(dates: Sequence[Seen]) -> None:
    """Without a coordinate system nothing can be moved."""
    first = dates[0]
    for date in dates:
        for grid in date.grids:
            if not first.grids[0].same_place(grid):
                raise SeriesError(
                    f"{date.name}: shows other ground than {first.name}: {grid}; expected {first.grids[0]}. "
                    f"Crop or warp the dates to one grid first"
                )


def _ground(dates: Sequence[Seen], base: Grid, extent: Extent) -> Grid:
    for date in dates:
        if any(grid.crs is None for grid in date.grids):
            raise SeriesError(
                f"{date.name}: has no coordinate system, other images of the series have {base.crs}; "
                f"give it one, or leave it out"
            )
    footprints = [union([footprint_on(base, grid) for grid in date.grids]) for date in dates]
    if extent == "union":
        return union(footprints)
    common = intersection(footprints)
    if common is None:
        raise SeriesError(_apart(dates, footprints))
    return common


def _apart(dates: Sequence[Seen], footprints: Sequence[Grid]) -> str:
    """Name two dates without common ground, or else the first and the last."""
    pairs = (
        (a, b) for a in range(len(dates)) for b in range(a) if intersection([footprints[a], footprints[b]]) is None
    )
    first, other = next(pairs, (0, len(dates) - 1))
    places = (f"{dates[k].name} shows {_place(footprints[k])}" for k in sorted((first, other)))
    return (
        f"the dates have no ground in common: {', '.join(places)} (west, south, east, north); leave one out, or use "
        f"--extent union"
    )


def _place(grid: Grid) -> str:
    bounds = lon_lat_bounds(grid)
    return "nowhere" if bounds is None else ", ".join(f"{degrees:.4f}" for degrees in bounds)
