"""Where does a date of a series show something else than its ground: nothing, cloud, haze or shadow?

From red, green and blue alone, by what all dates of the place show: cloud and haze lift the darkest channel above what
it is on the series' clearer dates and are white, shadow pulls all channels below. What is always bright (salt, snow,
roofs) is ground.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ssr.scenes.quantiles import quantile_of_dates
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


class Obstacles(NamedTuple):
    """What stands before the ground, `t h w`: cloud and haze, and shadow, from 0 to 1; and where there is no data."""

    veil: NDArray[np.floating]
    shadow: NDArray[np.floating]
    missing: NDArray[np.bool_]

    def hidden(self) -> NDArray[np.float32]:
        """0 where ground is seen, 1 where none is."""
        return np.where(self.missing, 1.0, spread(np.maximum(self.veil, self.shadow))).astype(np.float32)


def obstruction(series: NDArray[np.floating]) -> NDArray[np.float32]:
    """`t c h w` in unit range, red, green and blue first, to `t h w`: 0 where ground is seen, 1 where none is."""
    return find_obstacles(series).hidden()


def find_obstacles(series: NDArray[np.floating]) -> Obstacles:
    """Of `t c h w` in unit range, red, green and blue first."""
    missing = is_no_data(series, 1)
    colours = series[:, :3]
    darkest = np.where(missing, np.nan, colours.min(1))
    brightness = np.where(missing, np.nan, colours.mean(1))
    with np.errstate(all="ignore"):
        clear = quantile_of_dates(darkest, CLEAR_QUANTILE)
        veil = ramp(darkest - (1 + SUN) * clear, HAZE_UNIT, CLOUD_UNIT) * _whiteness(colours)
        typical = quantile_of_dates(np.where(veil < HALF_VEILED, brightness, np.nan), 0.5)
        shadow = ramp(-brightness / np.maximum(typical, 1e-3), -SHADOW_FROM, -SHADOW_FULL)
    veil = np.nan_to_num(veil)
    if len(series) < FEW_DATES:
        veil = np.maximum(veil, np.nan_to_num(ramp(darkest, OPAQUE_FROM, OPAQUE_FULL) * _whiteness(colours)))
    return Obstacles(veil, np.nan_to_num(shadow), missing)


def _whiteness(colours: NDArray) -> NDArray:
    return ramp(colours[:, 2] / np.maximum(colours[:, 0], 1 / 255), EARTHEN, WHITE)


def ramp(values: NDArray, start: float, full: float) -> NDArray:
    """0 up to where it starts, 1 from where it is full, straight between."""
    return np.clip((values - start) / (full - start), 0, 1)


def spread(hidden: NDArray) -> NDArray:
    """The largest value around, of a mean that single bright pixels do not lift."""
    maps = torch.from_numpy(hidden.astype(np.float32))[:, None]
    side = 2 * SPREAD_PX + 1
    mean = F.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)
    return F.max_pool2d(mean, side, stride=1, padding=SPREAD_PX)[:, 0].numpy()
