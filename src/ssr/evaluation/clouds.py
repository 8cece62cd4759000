"""How much of a sample's dates is hidden by cloud, haze, shadow or no data, as far as the dates themselves can tell?"""

import numpy as np
from numpy.typing import NDArray

from ssr.scenes.clouds import HALF_VEILED, obstruction

MIN_DATES = 3
"""The usual of fewer is no more the ground than the cloud."""


def cloud_share(series: NDArray[np.floating]) -> float | None:
    """Share of all pixels of `t c h w` that are hidden, by the rule for scenes; None with fewer than three dates.

    What is under cloud on most dates is taken for ground, so this is a lower bound.
    """
    return None if len(series) < MIN_DATES else float((obstruction(series) > HALF_VEILED).mean())
