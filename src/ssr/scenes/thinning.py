"""How is a scene looked at as a whole, with fewer pixels, and which of them shows a place?"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

PREVIEW_PX = 512
"""Rows and columns of a thinned view, at most."""

Kind = TypeVar("Kind", bound=np.generic)


def thinning_step(shape_hw: tuple[int, int]) -> int:
    """Every how-manieth row and column is looked at."""
    return max(1, -(-max(shape_hw) // PREVIEW_PX))


def at_pixels(view: NDArray[Kind], window: tuple[slice, slice], shape_hw: tuple[int, int]) -> NDArray[Kind]:
    """A window of a thinned map of a scene, each pixel from the nearest that was kept."""
    places = (
        np.minimum((np.arange(part.start, part.stop) + 0.5) * n // side, n - 1).astype(int)
        for part, n, side in zip(window, view.shape, shape_hw, strict=True)
    )
    return view[np.ix_(*places)]
