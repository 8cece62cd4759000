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
from fnmatch import fnmatchcase
from os.path import commonprefix
from pathlib import PurePath
from typing import Literal, NamedTuple

from ssr.errors import SeriesError
from ssr.raster.extent import footprint_on, intersection, lon_lat_bounds, named_grid, union, window_of
from ssr.raster.grid import Grid
from ssr.scenes.aoi import Area

Extent = Literal["intersection", "union"]
NATIVE = "native"
MOST_NAMED = 3


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
    model = max(dates, key=lambda one: sum(other.grids[0].same_place(one.grids[0]) for other in dates))
    usual = model.grids[0]
    fitting = [date for date in dates if all(usual.same_place(grid) for grid in date.grids)]
    others = [date for date in dates if date not in fitting]
    if not others:
        return
    other = next(grid for grid in others[0].grids if not usual.same_place(grid))
    names = ", ".join(date.name for date in others[:MOST_NAMED]) + (", …" if len(others) > MOST_NAMED else "")
    pattern = _pattern([date.name for date in fitting], [date.name for date in others])
    raise SeriesError(
        f"{names}: shows other ground than {model.name}: {other}; expected {usual}, as {len(fitting)} of "
        f"{len(dates)} dates show. If it is no date, name the others alone{pattern}; if it is one, crop or warp the "
        f"dates to one grid first"
    )


def _pattern(wanted: Sequence[str], others: Sequence[str]) -> str:
    """How a shell calls some files and not others, if their names begin alike."""
    start, end = commonprefix(list(wanted)), PurePath(wanted[0]).suffix  # noqa: RUF071  # by letters is meant
    found = f"{start}*{end}"
    fits = all(fnmatchcase(name, found) for name in wanted) and not any(fnmatchcase(name, found) for name in others)
    return f", such as {found}" if len(wanted) > 1 and fits else ""


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
