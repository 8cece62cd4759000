"""What are the 100-km squares of the Military Grid Reference System called, and where do they lie?

A square belongs to one of 60 UTM zones. Its name is that of the zone, the letter of the latitude band of its middle,
and a letter each for its column and row, which begin anew in other zones and every 2,000 km.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

SQUARE_M = 100_000.0
N_ZONES, ZONE_DEG = 60, 6.0
UTM_LATITUDES = (-80.0, 84.0)
BANDS = "CDEFGHJKLMNPQRSTUVWX"
BAND_DEG = 8.0
COLUMN_LETTERS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
ROW_LETTERS = "ABCDEFGHJKLMNPQRSTUV"
EVEN_ZONES_START = 5
CENTRAL_SCALE = 0.9996
N_COLUMNS = 8
ROWS = range(-90, 95)
"""From one of the limits to the other, and a row more on each side."""
WGS84_A, WGS84_F = 6378137.0, 1 / 298.257223563

_NAME = re.compile(r"^(\d\d)([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])$")


@dataclass(frozen=True)
class Square:
    """A 100-km square: its zone, its column from 1, and its row from the equator, negative in the south."""

    zone: int
    column: int
    row: int

    @property
    def is_south(self) -> bool:
        return self.row < 0

    @property
    def epsg(self) -> int:
        return (32700 if self.is_south else 32600) + self.zone

    @property
    def band(self) -> str:
        """The latitude band of its middle, from the length of the meridian."""
        latitude = meridian_latitude((self.row + 0.5) * SQUARE_M / CENTRAL_SCALE)
        return BANDS[min(max(int((latitude - UTM_LATITUDES[0]) // BAND_DEG), 0), len(BANDS) - 1)]

    @property
    def name(self) -> str:
        row_letter = ROW_LETTERS[(self.row + _first_letter(self.zone)) % len(ROW_LETTERS)]
        return f"{self.zone:02d}{self.band}{_column_letters(self.zone)[self.column - 1]}{row_letter}"


def square_named(name: str) -> Square | None:
    """The square that a name such as `33TWK` means; None if it means none."""
    match = _NAME.match(name)
    if not match:
        return None
    zone, band, column_letter, row_letter = int(match[1]), *match.groups()[1:]
    if not 1 <= zone <= N_ZONES or column_letter not in _column_letters(zone):
        return None
    column = _column_letters(zone).index(column_letter) + 1
    wanted = ROW_LETTERS.index(row_letter) - _first_letter(zone)
    alike = (Square(zone, column, row) for row in ROWS if (row - wanted) % len(ROW_LETTERS) == 0)
    return next((square for square in alike if square.band == band), None)


def squares_between(zone: int, south: float, north: float) -> Iterator[Square]:
    """Those of a zone that may lie between two parallels, row by row; where the zone is narrow some are not needed."""
    # Away from the central meridian a parallel lies further from the equator than on it, so one row more on each side.
    first = math.floor(meridian_m(south) * CENTRAL_SCALE / SQUARE_M) - 1
    last = math.ceil(meridian_m(north) * CENTRAL_SCALE / SQUARE_M) + 1
    for row in range(first, last):
        for column in range(1, N_COLUMNS + 1):
            yield Square(zone, column, row)


def zone_degrees(zone: int) -> tuple[float, float]:
    """West and east of a UTM zone."""
    west = -180.0 + (zone - 1) * ZONE_DEG
    return west, west + ZONE_DEG


def _column_letters(zone: int) -> str:
    return COLUMN_LETTERS[(zone - 1) % len(COLUMN_LETTERS)]


def _first_letter(zone: int) -> int:
    """Of the row north of the equator, by number."""
    return 0 if zone % 2 else EVEN_ZONES_START


def meridian_latitude(distance_m: float) -> float:
    """The latitude so far from the equator along a meridian (Snyder 1987, eq. 3-26)."""
    e2 = WGS84_F * (2 - WGS84_F)
    e1 = (1 - math.sqrt(1 - e2)) / (1 + math.sqrt(1 - e2))
    mu = distance_m / (WGS84_A * (1 - e2 / 4 - 3 * e2**2 / 64 - 5 * e2**3 / 256))
    latitude = mu + (3 * e1 / 2 - 27 * e1**3 / 32) * math.sin(2 * mu)
    latitude += (21 * e1**2 / 16 - 55 * e1**4 / 32) * math.sin(4 * mu) + 151 * e1**3 / 96 * math.sin(6 * mu)
    return math.degrees(latitude)


def meridian_m(latitude: float) -> float:
    """How far a latitude lies from the equator along a meridian (Snyder 1987, eq. 3-21)."""
    e2, phi = WGS84_F * (2 - WGS84_F), math.radians(latitude)
    return WGS84_A * (
        (1 - e2 / 4 - 3 * e2**2 / 64 - 5 * e2**3 / 256) * phi
        - (3 * e2 / 8 + 3 * e2**2 / 32 + 45 * e2**3 / 1024) * math.sin(2 * phi)
        + (15 * e2**2 / 256 + 45 * e2**3 / 1024) * math.sin(4 * phi)
        - 35 * e2**3 / 3072 * math.sin(6 * phi)
    )
