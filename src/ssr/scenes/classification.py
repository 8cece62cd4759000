"""What does a product's own scene classification (SCL of L2A) say is hidden?

It knows cloud from bright ground better than colours do, and misses haze; so both have a say. Where it sees cloud or a
cloud's shadow, ground is hidden, whatever colours say. Where it sees ground (vegetation, soil, water), colours count a
little less. Under thin cirrus ground is seen nearly as well as elsewhere: a little is always hidden, never all. Of the
rest (dark, unclassified, saturated, snow) the classification does not know, or what matters is whether other dates show
the same: colours decide.
"""

import numpy as np
from numpy.typing import NDArray

from ssr.errors import ImageReadError
from ssr.raster.classes import NO_CLASS, read_classes
from ssr.raster.grid import Grid
from ssr.scenes.acquisition import Acquisition, Bands
from ssr.scenes.clouds import spread

CLASSIFICATION = "scl"
"""Under this name products, cubes and catalogues list it among their bands."""

SHADOW, CIRRUS = 3, 10
CLOUDS, GROUND = (8, 9), (4, 5, 6)
HIDDEN_IN_SHADOW = 0.6
HIDDEN_UNDER_CIRRUS = (0.1, 0.4)
COLOURS_ON_GROUND = 0.8
"""What colours say is hidden is multiplied by this where the classification sees ground."""


def has_classification(acquisition: Acquisition) -> bool:
    """Whether every piece of a date comes with one."""
    return bool(acquisition.pieces) and all(
        isinstance(piece, Bands) and CLASSIFICATION in piece.sources for piece in acquisition.pieces
    )


def classes_of(acquisition: Acquisition, on: Grid) -> NDArray[np.uint8] | None:
    """The classes of a date on a grid, `h w`, of the first piece that has one at a pixel; None where it has none.

    Raises:
        ImageReadError: it cannot be decoded.
    """
    if not has_classification(acquisition):
        return None
    found = np.full(on.shape_hw, NO_CLASS, np.uint8)
    for piece in acquisition.pieces:
        if not isinstance(piece, Bands):
            raise ImageReadError(f"{piece.label}: has no scene classification")
        source = piece.sources[CLASSIFICATION]
        seen = read_classes(source.name, on, band=source.indexes[0], label=f"{piece.label} SCL")
        found = np.where(found == NO_CLASS, seen, found)
        if (found != NO_CLASS).all():
            break
    return found


def with_classes(hidden: NDArray[np.float32], classes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What colours say is hidden (`h w`, from 0 to 1), corrected by the classes of the same pixels."""
    said = np.where(np.isin(classes, GROUND), COLOURS_ON_GROUND * hidden, hidden)
    said = np.where(classes == CIRRUS, hidden.clip(*HIDDEN_UNDER_CIRRUS), said)
    thick = np.isin(classes, CLOUDS) + HIDDEN_IN_SHADOW * (classes == SHADOW)
    return np.maximum(said, spread(thick[None].astype(np.float32))[0]).astype(np.float32)
