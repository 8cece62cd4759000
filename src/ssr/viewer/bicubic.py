"""What would plain interpolation show of a part of a raster?"""

import numpy as np
from numpy.typing import NDArray

SHARPNESS = -0.75
"""Keys' a, as in `models.bicubic.enlarge`, which the result is compared with everywhere else."""
RADIUS_PX = 2

Floats = NDArray[np.float32]


def weights(centres_px: NDArray[np.float64], n: int) -> Floats:
    """How much each of n pixels counts at some places, `places n`; beyond the ends the last pixel is repeated.

    Args:
        centres_px: where, counted so that pixel k has its centre at k.
    """
    first = np.floor(centres_px).astype(int) - 1
    found = np.zeros((len(centres_px), n), np.float32)
    places = np.arange(len(centres_px))
    for step in range(2 * RADIUS_PX):
        pixel = first + step
        np.add.at(found, (places, pixel.clip(0, n - 1)), _kernel(np.abs(centres_px - pixel)))
    return found


def enlarge(pixels: Floats, rows: Floats, columns: Floats) -> Floats:
    """`c h w` at other places, by the weights of rows and of columns."""
    return np.asarray(rows @ pixels @ columns.T, np.float32)


def _kernel(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    a, d = SHARPNESS, distance
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < RADIUS_PX, far, 0.0))
