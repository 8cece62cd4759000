"""Which boxes of degrees meet on the round Earth, and which one holds several?"""

from collections.abc import Sequence

import numpy as np

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees; east may lie beyond 180."""

ALL_ROUND = 360.0
HALF_ROUND = 180.0
TURNS = (-ALL_ROUND, 0.0, ALL_ROUND)


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share ground, whichever way round the Earth they are counted."""
    if one[1] >= other[3] or one[3] <= other[1]:
        return False
    return any(one[0] + turn < other[2] and one[2] + turn > other[0] for turn in TURNS)


def eastwards(west: float, south: float, east: float, north: float) -> Box:
    """A box as GeoJSON has it, whose east is below west across the antimeridian, with an east that lies beyond 180."""
    return west, south, east + (ALL_ROUND if east < west else 0.0), north


def within_180(box: Box) -> Box:
    """The other way round: east below west across the antimeridian."""
    west, south, east, north = box
    return west, south, east - (ALL_ROUND if east > HALF_ROUND else 0.0), north


def around(boxes: Sequence[Box]) -> Box:
    """The narrowest box that holds all; west lies from -180 to 180.

    Between any two of them the Earth can be gone round both ways, so it begins behind the widest gap.
    """
    wests, souths, easts, norths = np.array(boxes, np.float64).T
    turns = np.floor((wests + HALF_ROUND) / ALL_ROUND) * ALL_ROUND
    order = np.argsort(wests - turns, kind="stable")
    wests, easts = (wests - turns)[order], (easts - turns)[order]
    n = len(wests)
    reached = np.maximum.accumulate(np.concatenate([easts, easts + ALL_ROUND]))[n - 1 : 2 * n - 1]
    gaps = wests + ALL_ROUND - reached
    first = int(gaps.argmax())
    south, north = float(souths.min()), float(norths.max())
    if gaps[first] <= 0:
        return -HALF_ROUND, south, HALF_ROUND, north
    return float(wests[first]), south, float(reached[first]), north
