"""Into which cells is the Earth cut, and where do their pixels lie?

Two grids. `satlas`: Web-Mercator tiles of zoom 13, 512 × 512 px of 9.555 m at the equator, as the published models saw
the world. `mgrs`: UTM zones at 10 m, cut along the 100-km squares of the Military Grid Reference System into cells of
500 × 500 px. Cells of a zone are aligned with the pixels of Sentinel-2 products, so these are read as they are.

A partition holds the cells of one coarser square: at most 1024 of `satlas` (zoom 8), 400 of `mgrs` (100 km).
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ssr.errors import InputError
from ssr.mapping.boxes import Box, overlap
from ssr.mapping.squares import (
    N_ZONES,
    SQUARE_M,
    UTM_LATITUDES,
    ZONE_DEG,
    Square,
    square_named,
    squares_between,
    zone_degrees,
)
from ssr.raster.crs import parse_crs
from ssr.raster.extent import (
    EARTH_RADIUS_M,
    SATLAS_GSD_M,
    SATLAS_ORIGIN_XY,
    SATLAS_TILE_PX,
    SATLAS_ZOOM,
    WEB_MERCATOR,
    to_lon_lat,
)
from ssr.raster.grid import Grid

GridName = Literal["satlas", "mgrs"]

PARTITION_ZOOM = 8
CELLS_A_SIDE = 2 ** (SATLAS_ZOOM - PARTITION_ZOOM)
MERCATOR_LIMIT_DEG = 85.051128779806604

SATLAS_CELL_PX = SATLAS_TILE_PX
UTM_GSD_M = 10.0
UTM_CELL_PX = 500
SQUARE_CELLS = 20
FALSE_NORTHING_M = 10_000_000.0
"""Rows of UTM pixels are counted downwards from here, on both hemispheres."""
M_PER_DEGREE = 110_500.0
"""Of latitude, at least."""
KEPT_ROWS = 4096
"""Whose latitude need not be computed again for each of the cells in them."""
BENT_M = 20.0
"""The sides of a cell bend by no more against meridians and parallels."""
HALF_TURN_DEG = 180.0

_TILE = re.compile(r"^13-(\d{1,4})-(\d{1,4})$")
_SQUARE_CELL = re.compile(r"^(\w{5})-(\d\d)-(\d\d)$")


@dataclass(frozen=True)
class Cell:
    """One unit of work.

    Attributes:
        name: `13-x-y`, or `33TWK-row-column` with rows and columns of 5 km inside a square.
        partition: `8-x-y`, or `33TWK`.
        epsg: of its coordinate system.
        row, column: of its first pixel among all pixels of that system.
    """

    name: str
    partition: str
    epsg: int
    row: int
    column: int
    side_px: int

    @property
    def pixel_m(self) -> float:
        """The side of a pixel in units of the coordinate system."""
        return SATLAS_GSD_M if self.epsg == WEB_MERCATOR_EPSG else UTM_GSD_M

    def grid(self, margin_px: int = 0, *, step: int = 1) -> Grid:
        """The cell with so many pixels around it, or with pixels `step` times as coarse."""
        origin = SATLAS_ORIGIN_XY if self.epsg == WEB_MERCATOR_EPSG else (0.0, FALSE_NORTHING_M)
        pixel = self.pixel_m
        left = origin[0] + (self.column - margin_px) * pixel
        top = origin[1] - (self.row - margin_px) * pixel
        side = (self.side_px + 2 * margin_px) // step
        return Grid(
            parse_crs(f"EPSG:{self.epsg}", what=self.name),
            Affine(pixel * step, 0, left, 0, -pixel * step, top),
            (side, side),
        )

    def box(self, margin_px: int = 0) -> Box:
        """The upright rectangle in degrees around it; east may lie beyond 180."""
        if self.epsg == WEB_MERCATOR_EPSG:
            first, last = self.column - margin_px, self.column + self.side_px + margin_px
            top, bottom = self.row - margin_px, self.row + self.side_px + margin_px
            return (_longitude(first), _latitude(bottom), _longitude(last), _latitude(top))
        return _utm_box(self.epsg, self.row, self.column, self.side_px, margin_px)


WEB_MERCATOR_EPSG = int(WEB_MERCATOR.removeprefix("EPSG:"))
WHOLE_PX = SATLAS_TILE_PX * 2**SATLAS_ZOOM


def _longitude(column: float) -> float:
    return 360.0 * column / WHOLE_PX - 180.0


@lru_cache(maxsize=KEPT_ROWS)
def _latitude(row: float) -> float:
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / WHOLE_PX))))


def tile_row(latitude: float, zoom: int) -> float:
    """How many tiles of a zoom lie above a latitude."""
    clipped = math.radians(min(max(latitude, -MERCATOR_LIMIT_DEG), MERCATOR_LIMIT_DEG))
    return (1 - math.asinh(math.tan(clipped)) / math.pi) / 2 * 2**zoom


def satlas_cell(x: int, y: int) -> Cell:
    """The cell of a tile of zoom 13."""
    over = SATLAS_ZOOM - PARTITION_ZOOM
    partition = f"{PARTITION_ZOOM}-{x >> over}-{y >> over}"
    return Cell(
        f"{SATLAS_ZOOM}-{x}-{y}", partition, WEB_MERCATOR_EPSG, y * SATLAS_TILE_PX, x * SATLAS_TILE_PX, SATLAS_TILE_PX
    )


def cell_named(name: str) -> Cell:
    """The cell that a name means.

    Raises:
        InputError: it means none.
    """
    if (tile := _TILE.match(name)) and max(int(tile[1]), int(tile[2])) < 2**SATLAS_ZOOM:
        return satlas_cell(int(tile[1]), int(tile[2]))
    if (match := _SQUARE_CELL.match(name)) and (square := square_named(match[1])):
        i, j = int(match[2]), int(match[3])
        if max(i, j) < SQUARE_CELLS:
            return square_cell(square, i, j)
    raise InputError(f"{name}: is no cell; expected such as 13-4402-2686 (satlas) or 33TWK-03-17 (mgrs)")


def partition_of(name: str) -> str:
    """The partition of a cell's name."""
    return cell_named(name).partition if name.startswith(f"{SATLAS_ZOOM}-") else name.partition("-")[0]


@lru_cache(maxsize=64)
def _nodes(epsg: int, square_row: int, square_column: int) -> NDArray[np.float64]:
    """Longitude and latitude of the corners of all cells of a 100-km square: `21 21 2`."""
    places = np.arange(SQUARE_CELLS + 1) * UTM_CELL_PX * UTM_GSD_M
    xs = square_column * SQUARE_M + places
    ys = FALSE_NORTHING_M - (square_row * SQUARE_M + places)
    points = [(float(x), float(y)) for y in ys for x in xs]
    found = to_lon_lat(points, f"EPSG:{epsg}", what="a square of the grid mgrs")
    return np.array(found).reshape(SQUARE_CELLS + 1, SQUARE_CELLS + 1, 2)


def _utm_box(epsg: int, row: int, column: int, side_px: int, margin_px: int) -> Box:
    """The rectangle around a cell or square, widened by what is around it and by how far its sides bend."""
    per_square = round(SQUARE_M / UTM_GSD_M)
    nodes = _nodes(epsg, row // per_square, column // per_square)
    i, j = row % per_square // UTM_CELL_PX, column % per_square // UTM_CELL_PX
    n = side_px // UTM_CELL_PX
    around = nodes[i : i + n + 1, j : j + n + 1].reshape(-1, 2)
    lons = around[:, 0]
    if np.ptp(lons) > HALF_TURN_DEG:
        lons = np.where(lons < 0, lons + 2 * HALF_TURN_DEG, lons)
    south, north = float(around[:, 1].min()), float(around[:, 1].max())
    widest = min(89.0, max(abs(south), abs(north)))
    pad = (margin_px * UTM_GSD_M + BENT_M) / M_PER_DEGREE
    wide = pad / math.cos(math.radians(widest))
    return float(lons.min()) - wide, south - pad, float(lons.max()) + wide, north + pad


def square_cell(square: Square, i: int, j: int) -> Cell:
    """The cell of a 100-km square in row `i` from the top and column `j` from the left."""
    row, column = _first_px(square)
    name = f"{square.name}-{i:02d}-{j:02d}"
    return Cell(name, square.name, square.epsg, row + i * UTM_CELL_PX, column + j * UTM_CELL_PX, UTM_CELL_PX)


def square_box(square: Square) -> Box:
    """The upright rectangle in degrees around a 100-km square; east may lie beyond 180."""
    return _utm_box(square.epsg, *_first_px(square), SQUARE_CELLS * UTM_CELL_PX, 0)


def _first_px(square: Square) -> tuple[int, int]:
    """Row and column of its first pixel among all of its zone."""
    top = (square.row + 1) * SQUARE_M + (FALSE_NORTHING_M if square.is_south else 0)
    return round((FALSE_NORTHING_M - top) / UTM_GSD_M), round(square.column * SQUARE_M / UTM_GSD_M)


@dataclass(frozen=True)
class Partition:
    """Cells that are kept and listed together: rows and columns of a coarser square."""

    name: str
    box: Box
    rows: tuple[int, int]
    columns: tuple[int, int]
    square: Square | None = None

    def cells(self) -> Iterator[Cell]:
        """Row by row."""
        for i in range(*self.rows):
            for j in range(*self.columns):
                yield satlas_cell(j, i) if self.square is None else square_cell(self.square, i, j)


def partitions_in(grid: GridName, box: Box) -> Iterator[Partition]:
    """The partitions that a box touches; of `satlas`, with rows and columns of cells that do."""
    return _tiles_in(box) if grid == "satlas" else _squares_in(box)


def _tiles_in(box: Box) -> Iterator[Partition]:
    west, south, east, north = box
    n = 2**SATLAS_ZOOM
    top = max(0, math.floor(tile_row(north, SATLAS_ZOOM)))
    bottom = min(n, math.ceil(tile_row(south, SATLAS_ZOOM)))
    left, right = math.floor((west + 180) / 360 * n), math.ceil((east + 180) / 360 * n)
    over = CELLS_A_SIDE
    for py in range(top // over, -(-bottom // over)):
        for px in range(left // over, -(-right // over)):
            rows = (max(top, py * over), min(bottom, (py + 1) * over))
            turn = px * over // n * n  # east of the antimeridian tiles count anew
            columns = (max(left, px * over) - turn, min(right, (px + 1) * over) - turn)
            own = px % (n // over)
            corner, far = satlas_cell(own * over, py * over), satlas_cell((own + 1) * over - 1, (py + 1) * over - 1)
            around = (corner.box()[0], far.box()[1], far.box()[2], corner.box()[3])
            yield Partition(f"{PARTITION_ZOOM}-{own}-{py}", around, rows, columns)


def _squares_in(box: Box) -> Iterator[Partition]:
    west, south, east, north = box
    south, north = max(south, UTM_LATITUDES[0]), min(north, UTM_LATITUDES[1])
    if south >= north:
        return
    for turned in range(math.floor((west + 180) / ZONE_DEG), math.ceil((east + 180) / ZONE_DEG)):
        zone = turned % N_ZONES + 1
        for square in squares_between(zone, south, north):
            around = square_box(square)
            if _serves(around, zone):
                yield Partition(square.name, around, (0, SQUARE_CELLS), (0, SQUARE_CELLS), square)


def _serves(box: Box, zone: int) -> bool:
    """Whether some ground of a box lies in a zone; beyond, the neighbouring zone serves."""
    west, east = zone_degrees(zone)
    return overlap(box, (west, -90.0, east, 90.0))


def serves_its_zone(cell: Cell) -> bool:
    """Whether some ground of a cell lies in its UTM zone; those of Web Mercator always serve."""
    return cell.epsg == WEB_MERCATOR_EPSG or _serves(cell.box(), cell.epsg % 100)


def land_px(area_m2: float, gsd_m: float = SATLAS_GSD_M) -> float:
    """Pixels of so many metres on the ground that cover an area."""
    return area_m2 / gsd_m**2


@lru_cache(maxsize=KEPT_ROWS)
def area_m2_of(row: int, side_px: int) -> float:
    """The ground that a cell of the Web-Mercator grid shows, on a sphere of the equator's radius."""
    south, north = (math.radians(_latitude(place)) for place in (row + side_px, row))
    return EARTH_RADIUS_M**2 * (math.sin(north) - math.sin(south)) * (2 * math.pi * side_px / WHOLE_PX)
