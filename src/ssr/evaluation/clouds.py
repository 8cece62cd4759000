"""How much of a sample's dates is cloud, haze or no data, as far as the dates themselves can tell?"""

import numpy as np
from numpy.typing import NDArray

from ssr.sentinel2.radiometry import is_no_data

CLOUDY_ABOVE = 0.1
"""How much brighter than the series the darkest channel is under what counts as cloud (cloud lifts every channel)."""
MIN_DATES = 3
"""The median of fewer is no more the ground than the cloud."""


def cloud_share(series: NDArray[np.floating]) -> float | None:
    """Share of all pixels of `t c h w` without data or with their darkest channel well above the dates' median.

    None with fewer than three dates. What is under cloud on most dates is taken for ground, so this is a lower bound.
    """
    if len(series) < MIN_DATES:
        return None
    missing = is_no_data(series, 1)
    darkest = np.ma.masked_array(series.min(1), missing)
    typical = np.ma.median(darkest, axis=0).filled(0.0)
    veiled = (darkest.filled(0.0) - typical > CLOUDY_ABOVE) & ~missing
    return float((veiled | missing).mean())
