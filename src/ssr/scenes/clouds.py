"""Where does a date of a series show something else than its ground: nothing, cloud, haze or shadow?

From red, green and blue alone, by what all dates of the place show: cloud and haze lift the darkest channel above what
it is on the series' clearer dates and are white, shadow pulls all channels below. What is always bright (salt, snow,
roofs) is ground.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ssr.sentinel2.radiometry import is_no_data

CLEAR_QUANTILE = 0.35
"""Of the dates' darkest channels: clear even where cloud covers half of the dates."""
HAZE_UNIT, CLOUD_UNIT = 0.04, 0.16
"""Lift of the darkest channel where obstruction begins, and where nothing is seen any more."""
SUN = 0.15
"""Share by which sun and season brighten ground."""
EARTHEN, WHITE = 0.6, 0.8
"""Blue as a share of red: bare soil, which is bright too once the harvest is in, and cloud."""
SHADOW_FROM, SHADOW_FULL = 0.65, 0.35
"""Brightness as a share of the series' at which shadow begins and is complete."""
HALF_VEILED = 0.5
OPAQUE_FROM, OPAQUE_FULL = 0.75, 0.95
"""Darkest channel of what is cloud or snow by itself, where no other date tells."""
FEW_DATES = 3
SPREAD_PX = 2
"""Clouds are wider than what is bright of them."""


def obstruction(series: NDArray[np.floating]) -> NDArray[np.float32]:
    """`t c h w` in unit range, red, green and blue first, to `t h w`: 0 where ground is seen, 1 where none is."""
    missing = is_no_data(series, 1)
    colours = series[:, :3]
    darkest = np.where(missing, np.nan, colours.min(1))
    brightness = np.where(missing, np.nan, colours.mean(1))
    with np.errstate(all="ignore"):
        clear = _quantile(darkest, CLEAR_QUANTILE)
        veil = _ramp(darkest - (1 + SUN) * clear, HAZE_UNIT, CLOUD_UNIT) * _whiteness(colours)
        typical = _quantile(np.where(veil < HALF_VEILED, brightness, np.nan), 0.5)
        shadow = _ramp(-brightness / np.maximum(typical, 1e-3), -SHADOW_FROM, -SHADOW_FULL)
    hidden = np.maximum(np.nan_to_num(veil), np.nan_to_num(shadow))
    if len(series) < FEW_DATES:
        hidden = np.maximum(hidden, np.nan_to_num(_ramp(darkest, OPAQUE_FROM, OPAQUE_FULL) * _whiteness(colours)))
    return np.where(missing, 1.0, _spread(hidden)).astype(np.float32)


def _whiteness(colours: NDArray) -> NDArray:
    return _ramp(colours[:, 2] / np.maximum(colours[:, 0], 1 / 255), EARTHEN, WHITE)


def _ramp(values: NDArray, start: float, full: float) -> NDArray:
    return np.clip((values - start) / (full - start), 0, 1)


def _quantile(dates: NDArray, share: float) -> NDArray:
    """Over the dates that have data, interpolated; 0 where none has. (NumPy's own goes pixel by pixel.)"""
    ordered = np.sort(dates, axis=0)  # what is missing comes last
    place = share * np.maximum((~np.isnan(dates)).sum(0) - 1, 0)
    below = np.floor(place).astype(int)
    low, high = (np.take_along_axis(ordered, k[None], 0)[0] for k in (below, np.ceil(place).astype(int)))
    return np.nan_to_num(low + (high - low) * (place - below))


def _spread(hidden: NDArray) -> NDArray:
    """The largest value around, of a mean that single bright pixels do not lift."""
    maps = torch.from_numpy(hidden.astype(np.float32))[:, None]
    side = 2 * SPREAD_PX + 1
    mean = F.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)
    return F.max_pool2d(mean, side, stride=1, padding=SPREAD_PX)[:, 0].numpy()
