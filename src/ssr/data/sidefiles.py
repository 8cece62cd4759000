"""What is known of the tiles of S2-NAIP beside their images: weights and objects?"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssr.data.catalogue import Catalogue
from ssr.data.pairs import Box
from ssr.errors import InputError

DEFAULT_WEIGHT = 1.0
"""Of a tile that the file does not name."""

Objects = dict[str, tuple[Box, ...]]


def read_weights(path: Path, catalogue: Catalogue) -> NDArray[np.float64]:
    """How often each sample is drawn, relative to the others: a JSON object of `X_Y` to weight.

    Raises:
        InputError: unreadable, a weight is no finite number from 0, or not one tile is among the samples.
    """
    weights = _read_tiles(path, "weights")
    for tile, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < np.inf:
            raise InputError(f"{path}: tile {tile} weighs {weight!r}, expected a finite number from 0")
    if weights and not any(tile in weights for tile in catalogue.tiles()):
        raise InputError(f"{path}: of its {len(weights)} tiles none is among the {len(catalogue)} samples")
    return np.fromiter((weights.get(tile, DEFAULT_WEIGHT) for tile in catalogue.tiles()), np.float64, len(catalogue))


def read_objects(path: Path, catalogue: Catalogue, *, side_px: int) -> Objects:
    """Boxes by tile, of all categories and cut to the chip: a JSON object of `X_Y` to category to boxes.

    Raises:
        InputError: unreadable, or a box is not four numbers.
    """
    objects = _read_tiles(path, "objects")
    wanted = set(catalogue.tiles())
    return {tile: _boxes(path, tile, objects[tile], side_px) for tile in objects if tile in wanted}


def _boxes(path: Path, tile: str, categories: Any, side_px: int) -> tuple[Box, ...]:
    try:
        boxes = [[int(edge) for edge in box] for found in categories.values() for box in found]
        cut = [(max(x1, 0), max(y1, 0), min(x2, side_px), min(y2, side_px)) for x1, y1, x2, y2 in boxes]
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{path}: tile {tile}: expected an object of category to boxes [left, top, right, bottom] ({error})"
        ) from error
    return tuple(box for box in cut if box[0] < box[2] and box[1] < box[3])


def _read_tiles(path: Path, what: str) -> dict[str, Any]:
    try:
        tiles = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as {what} of tiles in JSON ({error})") from error
    if not isinstance(tiles, dict):
        raise InputError(f"{path}: expected an object of X_Y to {what}, found {type(tiles).__name__}")
    return tiles
