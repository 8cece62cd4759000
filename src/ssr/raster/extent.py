"""Which grid holds several images, and which part of it is wanted?"""

import math
from collections.abc import Callable, Iterable, Sequence

from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform as transform_points
from rasterio.warp import transform_bounds

from ssr.atomic import one_line
from ssr.errors import InputError, SeriesError
from ssr.raster.crs import parse_crs
from ssr.raster.gdal import gdal_environment
from ssr.raster.grid import Grid

EARTH_RADIUS_M = 6378137.0
SATLAS_ZOOM = 13
SATLAS_TILE_PX = 512
SATLAS_GSD_M = 2 * math.pi * EARTH_RADIUS_M / 2**SATLAS_ZOOM / SATLAS_TILE_PX
"""9.554628535647032 m at the equator: the pixel of the original's training images."""

WEB_MERCATOR = "EPSG:3857"
SATLAS_ORIGIN_XY = (-math.pi * EARTH_RADIUS_M, math.pi * EARTH_RADIUS_M)
"""Where the global tiles begin: pixels of the grid are counted from here."""

LON_LAT = "EPSG:4326"
EDGE_POINTS = 21
LONGEST_SIDE_PX = 2_000_000
"""As many pixels of 10 m as from pole to pole."""

HALF_WAY_ROUND = 0.5
POLE_DEG = 90.0

Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top."""


def bounds_of(grid: Grid) -> Bounds:
    """The upright rectangle around a grid, in its own coordinate system."""
    height, width = grid.shape_hw
    corners = [grid.transform @ corner for corner in ((0, 0), (width, 0), (0, height), (width, height))]
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def lon_lat_bounds(grid: Grid) -> Bounds | None:
    """West, south, east, north in degrees; east is below west where the antimeridian is crossed. None without a CRS."""
    if grid.crs is None:
        return None
    west, south, east, north = transform_bounds(grid.crs, LON_LAT, *bounds_of(grid), densify_pts=EDGE_POINTS)
    return west, south, east, north


def intersection(grids: Sequence[Grid]) -> Grid | None:
    """What all of some grids with coinciding pixels show; None where nothing."""
    return _combined(grids, max, min)


def union(grids: Sequence[Grid]) -> Grid:
    """What any of some grids with coinciding pixels shows, as one rectangle."""
    found = _combined(grids, min, max)
    assert found is not None, "a union of grids is never empty"
    return found


def _combined(
    grids: Sequence[Grid], first: Callable[[Sequence[int]], int], last: Callable[[Sequence[int]], int]
) -> Grid | None:
    base = grids[0]
    spans = []
    for grid in grids:
        steps = base.steps_to(grid)
        if steps is None:
            raise ValueError("pixels of the grids do not coincide")
        spans.append((*steps, steps[0] + grid.shape_hw[0], steps[1] + grid.shape_hw[1]))
    tops, lefts, bottoms, rights = zip(*spans, strict=True)
    rows = slice(first(tops), last(bottoms))
    columns = slice(first(lefts), last(rights))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    return base.part(rows, columns)


def grid_over(bounds: Bounds, crs: CRS, pixel: float, origin_xy: tuple[float, float] = (0.0, 0.0)) -> Grid:
    """The smallest upright grid over some bounds whose pixels are counted from an origin."""
    left, bottom, right, top = bounds
    columns = [_snap((side - origin_xy[0]) / pixel, up) for side, up in ((left, False), (right, True))]
    rows = [_snap((origin_xy[1] - side) / pixel, up) for side, up in ((top, False), (bottom, True))]
    corner = Affine(pixel, 0, origin_xy[0], 0, -pixel, origin_xy[1]) @ Affine.translation(columns[0], rows[0])
    return Grid(crs, corner, (rows[1] - rows[0], columns[1] - columns[0]))


def _snap(pixels: float, up: bool) -> int:
    """A whole number of pixels; a hair beyond a whole one is that whole one."""
    nearest = round(pixels)
    if abs(pixels - nearest) < 1e-6 * max(1.0, abs(pixels)) and abs(pixels - nearest) < 1e-3:
        return nearest
    return math.ceil(pixels) if up else math.floor(pixels)


def named_grid(text: str, over: Sequence[Grid]) -> Grid:
    """The grid that a user names, over the ground of some grids.

    Args:
        text: `satlas`, or a coordinate system with an optional pixel size such as `EPSG:32633` or `EPSG:3857@5`.
        over: whose ground it covers.

    Raises:
        InputError: no such coordinate system, no positive pixel size, a grid without a place.
    """
    if any(grid.crs is None for grid in over):
        raise InputError(f"--grid {text}: the images have no coordinate system, so they cannot be brought to another")
    if text.lower() == "satlas":
        crs = CRS.from_string(WEB_MERCATOR)
        return grid_over(_projected(over, crs, text), crs, SATLAS_GSD_M, SATLAS_ORIGIN_XY)
    expected = "expected native, satlas, or a map or degree system with an optional pixel size such as EPSG:32633@10"
    name, _, size = text.partition("@")
    try:
        with gdal_environment():
            crs = CRS.from_user_input(name)
        pixel = float(size) if size else None
    except (CRSError, ValueError) as error:
        raise InputError(f"--grid {text}: {expected} ({one_line(error)})") from error
    if not (crs.is_projected or crs.is_geographic):
        raise InputError(f"--grid {text}: is neither a map nor a degree system; {expected}")
    bounds = _projected(over, crs, text)
    if pixel is None:
        pixel = natural_pixel(over[0], crs)
    if not 0 < pixel < math.inf:
        raise InputError(f"--grid {text}: the pixel size is {pixel}, expected a number above 0")
    if max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / pixel > LONGEST_SIDE_PX:
        raise InputError(f"--grid {text}: gives more than {LONGEST_SIDE_PX} pixels a side; choose larger pixels")
    return grid_over(bounds, crs, pixel)


def natural_pixel(grid: Grid, crs: CRS) -> float:
    """The side of a square in another coordinate system that has the area of the pixel in the middle of a grid."""
    if grid.crs == crs:
        return grid.pixel_size
    height, width = grid.shape_hw
    corners = [grid.transform @ (width / 2 + x, height / 2 + y) for x, y in ((0, 0), (1, 0), (0, 1))]
    xs, ys = transform_points(grid.crs, crs, *zip(*corners, strict=True))
    across, down = (xs[1] - xs[0], ys[1] - ys[0]), (xs[2] - xs[0], ys[2] - ys[0])
    return math.sqrt(abs(across[0] * down[1] - across[1] * down[0]))


def _projected(grids: Iterable[Grid], crs: CRS, text: str) -> Bounds:
    """The rectangle around some grids in another coordinate system."""
    try:
        found = [transform_bounds(grid.crs, crs, *bounds_of(grid), densify_pts=EDGE_POINTS) for grid in grids]
    except RasterioError as error:
        raise InputError(f"--grid {text}: the images do not lie where it is defined ({one_line(error)})") from error
    lefts, bottoms, rights, tops = zip(*found, strict=True)
    bounds = min(lefts), min(bottoms), max(rights), max(tops)
    around = 2 * math.pi * EARTH_RADIUS_M if not crs.is_geographic else 360.0
    if not all(map(math.isfinite, bounds)):
        raise InputError(f"--grid {text}: the images do not lie where it is defined")
    wraps = any(left > right for left, right in zip(lefts, rights, strict=True))
    if wraps or bounds[2] - bounds[0] > HALF_WAY_ROUND * around:
        raise InputError(
            f"--grid {text}: the images lie across the antimeridian there; use --grid native or a UTM zone"
        )
    return bounds


def window_of(ring_lon_lat: Sequence[tuple[float, float]], grid: Grid, *, what: str) -> Grid:
    """The part of a grid around some points in degrees, whole pixels.

    Raises:
        SeriesError: they lie elsewhere.
        InputError: the grid has no place.
    """
    if grid.crs is None:
        raise InputError(f"{what}: the images have no coordinate system, so no area of interest can be cut out")
    part = _part_around(ring_lon_lat, grid)
    if part is not None:
        return part
    seen = lon_lat_bounds(grid)
    shown = ", ".join(f"{degrees:.5f}" for degrees in seen) if seen else "nowhere"
    swapped = [(lat, lon) for lon, lat in ring_lon_lat if abs(lon) <= POLE_DEG]
    hint = "; longitude and latitude seem to be swapped, give longitude first" if _part_around(swapped, grid) else ""
    raise SeriesError(f"{what}: lies outside of the images, which show {shown} (west, south, east, north){hint}")


def _part_around(ring_lon_lat: Sequence[tuple[float, float]], grid: Grid) -> Grid | None:
    if not ring_lon_lat:
        return None
    lons, lats = zip(*ring_lon_lat, strict=True)
    xs, ys = transform_points(LON_LAT, grid.crs, lons, lats)
    pixels = [~grid.transform @ point for point in zip(xs, ys, strict=True) if all(map(math.isfinite, point))]
    if not pixels:
        return None
    columns, rows = zip(*pixels, strict=True)
    height, width = grid.shape_hw
    top, bottom = max(0, _snap(min(rows), False)), min(height, _snap(max(rows), True))
    left, right = max(0, _snap(min(columns), False)), min(width, _snap(max(columns), True))
    if top >= bottom or left >= right:
        return None
    return grid.part(slice(top, bottom), slice(left, right))


def to_lon_lat(points: Sequence[tuple[float, float]], crs: str, *, what: str) -> list[tuple[float, float]]:
    """Points of some coordinate system in degrees.

    Raises:
        InputError: no such coordinate system.
    """
    if not points:
        return []
    xs, ys = zip(*points, strict=True)
    lons, lats = transform_points(parse_crs(crs, what=what), LON_LAT, xs, ys)
    return list(zip(lons, lats, strict=True))


def footprint_on(base: Grid, other: Grid) -> Grid:
    """The rectangle of a grid's pixels, which may lie outside of it, around what another shows."""
    steps = base.steps_to(other)
    if steps is not None:
        rows, columns = (slice(first, first + side) for first, side in zip(steps, other.shape_hw, strict=True))
        return base.part(rows, columns)
    left, bottom, right, top = transform_bounds(other.crs, base.crs, *bounds_of(other), densify_pts=EDGE_POINTS)
    points = [~base.transform @ (x, y) for x in (left, right) for y in (bottom, top)]
    xs, ys = zip(*points, strict=True)
    return base.part(
        slice(_snap(min(ys), False), _snap(max(ys), True)), slice(_snap(min(xs), False), _snap(max(xs), True))
    )
