"""Which ground does a grid show, as GeoJSON has it?

Longitude and latitude, anticlockwise, each side in so many pieces that it bends where the ground does; cut in two where
it crosses the antimeridian (RFC 7946).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rasterio._err import CPLE_BaseError
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform as transform_points

from ssr.errors import InputError
from ssr.raster.extent import LON_LAT
from ssr.raster.grid import Grid
from ssr.raster.gsd import FARTHEST, ground_distance_m

Point = tuple[float, float]

PIECES_PER_SIDE = 20
DECIMALS = 7
"""A hundredth of a metre."""
HALF_TURN, FULL_TURN = 180.0, 360.0


@dataclass(frozen=True)
class Footprint:
    """Rings in degrees, the westernmost ground first even where it lies beyond the antimeridian.

    bbox: west, south, east, north; east is below west where the antimeridian is crossed.
    """

    rings: tuple[tuple[Point, ...], ...]
    bbox: tuple[float, float, float, float]

    @property
    def geometry(self) -> dict[str, Any]:
        """A GeoJSON Polygon, or a MultiPolygon of both sides of the antimeridian."""
        polygons = [[[list(point) for point in ring]] for ring in self.rings]
        if len(polygons) == 1:
            return {"type": "Polygon", "coordinates": polygons[0]}
        return {"type": "MultiPolygon", "coordinates": polygons}


def footprint_of(grid: Grid) -> Footprint | None:
    """What a grid shows; None where it has no coordinate system, or one that says nothing of places on Earth."""
    outline = _outline(grid)
    if outline is None:
        return None
    ring = _unwrapped(outline)
    parts = [part for turns in (-1, 0, 1) if (part := _inside_one_turn(_turned(ring, turns)))]
    parts.sort(key=lambda part: max(x for x, _ in part) < HALF_TURN)
    xs, ys = zip(*(point for part in parts for point in part), strict=True)
    bbox = (min(xs), min(ys), max(xs), max(ys))
    if len(parts) == 2 and max(x for x, _ in ring) - min(x for x, _ in ring) < FULL_TURN:
        bbox = (min(x for x, _ in parts[0]), bbox[1], max(x for x, _ in parts[1]), bbox[3])
    return Footprint(tuple(_closed(part) for part in parts), bbox)


def pixel_on_ground_m(grid: Grid) -> float | None:
    """The side of a pixel on the ground; None where it is not known."""
    try:
        return math.sqrt(math.prod(ground_distance_m(grid)))
    except (InputError, CPLE_BaseError):
        return None


def _outline(grid: Grid) -> list[Point] | None:
    """Points around a grid in degrees, the first not repeated."""
    if grid.crs is None:
        return None
    height, width = grid.shape_hw
    corners = [(0, 0), (0, height), (width, height), (width, 0), (0, 0)]
    places = [
        grid.transform @ (x + (to_x - x) * k / PIECES_PER_SIDE, y + (to_y - y) * k / PIECES_PER_SIDE)
        for (x, y), (to_x, to_y) in pairwise(corners)
        for k in range(PIECES_PER_SIDE)
    ]
    if not all(abs(value) < FARTHEST for place in places for value in place):
        return None
    try:
        lons, lats = transform_points(grid.crs, LON_LAT, *zip(*places, strict=True))
    except (CRSError, RasterioError, CPLE_BaseError):
        return None
    found = list(zip(lons, lats, strict=True))
    return found if all(math.isfinite(value) for point in found for value in point) else None


def _unwrapped(ring: Sequence[Point]) -> list[Point]:
    """Without jumps of a whole turn; a ring around a pole gets the pole as its far side."""
    out = [ring[0]]
    for lon, lat in (*ring[1:], ring[0]):
        turn = (lon - out[-1][0] + HALF_TURN) % FULL_TURN - HALF_TURN
        out.append((out[-1][0] + turn, lat))
    gone_round = round((out[-1][0] - out[0][0]) / FULL_TURN)
    if not gone_round:
        return out[:-1]
    pole = math.copysign(90.0, sum(lat for _, lat in ring))
    return [*out, (out[-1][0], pole), (out[0][0], pole)]


def _turned(ring: Sequence[Point], turns: int) -> list[Point]:
    return [(lon + turns * FULL_TURN, lat) for lon, lat in ring]


def _inside_one_turn(ring: list[Point]) -> list[Point]:
    """What of a ring lies between the antimeridian and itself, rounded; nothing if that has no area."""
    east = _cut(ring, lambda lon: HALF_TURN - lon, HALF_TURN)
    whole = _cut(east, lambda lon: lon + HALF_TURN, -HALF_TURN)
    rounded = [(round(lon, DECIMALS) + 0.0, round(lat, DECIMALS) + 0.0) for lon, lat in whole]
    kept = [point for point, before in zip(rounded, rounded[-1:] + rounded[:-1], strict=True) if point != before]
    return kept if abs(_area(kept)) > 10.0 ** (-2 * DECIMALS) else []


def _cut(ring: list[Point], inwards: Callable[[float], float], meridian: float) -> list[Point]:
    """The side of a ring where `inwards` of a longitude is not negative."""
    out: list[Point] = []
    for here, there in zip(ring, ring[1:] + ring[:1], strict=True):
        if inwards(here[0]) >= 0:
            out.append(here)
        if inwards(here[0]) * inwards(there[0]) < 0:
            share = (meridian - here[0]) / (there[0] - here[0])
            out.append((meridian, here[1] + share * (there[1] - here[1])))
    return out


def _area(ring: Sequence[Point]) -> float:
    """In square degrees, positive where the ring runs anticlockwise."""
    following = [*ring[1:], *ring[:1]]
    return sum(x * to_y - to_x * y for (x, y), (to_x, to_y) in zip(ring, following, strict=True)) / 2


def _closed(ring: list[Point]) -> tuple[Point, ...]:
    ordered = ring if _area(ring) > 0 else ring[::-1]
    return (*ordered, ordered[0])
