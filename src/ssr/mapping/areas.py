"""Which ground is to be mapped: a box, the polygons of a file, or all land?"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ssr.errors import InputError
from ssr.mapping.boxes import TURNS, Box, overlap
from ssr.scenes.aoi import parse_aoi

LAND = "land"
GEOJSON_SUFFIXES = (".geojson", ".json")


class Area(Protocol):
    """Some ground.

    boxes: rectangles that hold all of it; east may lie beyond 180.
    """

    @property
    def boxes(self) -> Sequence[Box]: ...
    def touches(self, box: Box) -> bool:
        """Whether any of it lies in a box."""
        ...


@dataclass(frozen=True)
class Boxes:
    """Rectangles in degrees."""

    boxes: tuple[Box, ...]

    def touches(self, box: Box) -> bool:
        return any(overlap(box, own) for own in self.boxes)


@dataclass(frozen=True)
class Polygons:
    """Polygons in degrees: of each its rings, `n 2`; holes are rings like any other (even-odd rule)."""

    polygons: tuple[tuple[NDArray[np.float64], ...], ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        return tuple(_box_of(rings) for rings in self.polygons)

    def touches(self, box: Box) -> bool:
        for rings, around in zip(self.polygons, self.boxes, strict=True):
            for turn in TURNS:
                moved = (box[0] + turn, box[1], box[2] + turn, box[3])
                if _boxes_meet(moved, around) and (_crosses(rings, moved) or _holds(rings, moved)):
                    return True
        return False


def _box_of(rings: Sequence[NDArray[np.float64]]) -> Box:
    points = np.concatenate(rings)
    west, south = points.min(0)
    east, north = points.max(0)
    return (float(west), float(south), float(east), float(north))


def _boxes_meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and one[2] > other[0] and one[1] < other[3] and one[3] > other[1]


def _crosses(rings: Sequence[NDArray[np.float64]], box: Box) -> bool:
    """Whether any edge has a point inside of a box: what is left of it after clipping at its four sides."""
    starts = np.concatenate([ring[:-1] for ring in rings])
    steps = np.concatenate([np.diff(ring, axis=0) for ring in rings])
    first, last = np.zeros(len(starts)), np.ones(len(starts))
    for axis, (low, high) in enumerate(((box[0], box[2]), (box[1], box[3]))):
        start, step = starts[:, axis], steps[:, axis]
        with np.errstate(divide="ignore", invalid="ignore"):
            to_low, to_high = (low - start) / step, (high - start) / step
        still = step == 0
        enters = np.where(still, np.where((start > low) & (start < high), 0.0, 2.0), np.minimum(to_low, to_high))
        leaves = np.where(still, 1.0, np.maximum(to_low, to_high))
        first, last = np.maximum(first, enters), np.minimum(last, leaves)
    return bool((first < last).any())


def _holds(rings: Sequence[NDArray[np.float64]], box: Box) -> bool:
    """Whether the middle of a box lies inside, by the even-odd rule."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    n_crossings = 0
    for ring in rings:
        (x0, y0), (x1, y1) = ring[:-1].T, ring[1:].T
        between = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
        n_crossings += int((between & (at > x)).sum())
    return n_crossings % 2 == 1


def parse_area(text: str) -> Area:
    """Read `west,south,east,north`, a GeoJSON or GeoPackage file, or `land`.

    Of a GeoJSON file the polygons count, of a GeoPackage the rectangle around its content.

    Raises:
        InputError: none of them.
    """
    if text == LAND:
        from ssr.mapping.land import Land

        return Land.opened()
    if Path(text).suffix.lower() in GEOJSON_SUFFIXES and Path(text).is_file():
        polygons = tuple(_polygons_of_file(Path(text)))
        if polygons:
            return Polygons(polygons)
    try:
        return Boxes(tuple(parse_aoi(text).boxes()))
    except InputError as error:
        raise InputError(str(error).replace("--aoi", "--area", 1)) from error


def _polygons_of_file(path: Path) -> Iterator[tuple[NDArray[np.float64], ...]]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # `parse_aoi` says what is wrong with it
    if isinstance(told, dict) and "crs" in told:
        return  # not in degrees: its rectangle is transformed there
    yield from _polygons(told)


def _polygons(node: Any) -> Iterator[tuple[NDArray[np.float64], ...]]:
    if not isinstance(node, dict):
        return
    for inner in (*(node.get("features") or ()), *(node.get("geometries") or ()), node.get("geometry")):
        yield from _polygons(inner)
    coordinates = node.get("coordinates")
    several: Any = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(str(node.get("type"))) or ()
    for rings in several:
        try:
            yield tuple(np.array([point[:2] for point in ring], np.float64) for ring in rings)
        except (TypeError, ValueError, IndexError):
            return
