"""How far is each date displaced and brightened against the series, around every pixel?

Closed-form, no parameters, float32. Statistics are taken in a sliding box of fixed size, never over the whole
window, so the answer at a pixel does not depend on how a scene is cut.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ssr.tensors import LowResSeries

BOX_PX = 25
RADIUS_PX = BOX_PX // 2
"""Context that a sliding-box statistic reads on each side."""

OUTLIER_UNIT = 0.10
"""Difference to the reference (unit range) at which a sample's weight has fallen to exp(-1)."""

MAX_SHIFT_PX = 1.5
FLATNESS = 1e-5
"""Added to the structure tensor: where there is no texture, the estimated shift goes to zero."""


class Registration(NamedTuple):
    """Per date and pixel: where it lies and how it looks against the reference.

    reference: `b c h w` median over the valid dates.
    harmonised: `b t c h w` dates with gain and bias of the reference's surroundings.
    shift_px: `b t 2 h w`, (x, y): date(p) ≈ reference(p + shift).
    weight: `b t 1 h w` in [0, 1]: 0 where there is no data, low where a date disagrees (cloud, shadow, change).
    """

    reference: Tensor
    harmonised: Tensor
    shift_px: Tensor
    weight: Tensor


def register(low_res: LowResSeries, valid: Tensor) -> Registration:
    """Estimate displacement, gain and bias of each date (Lucas & Kanade 1981, weighted least squares).

    Args:
        low_res: `b t c h w` in [0, 1], float32.
        valid: `b t 1 h w`, 1 where there is data.
    """
    reference = masked_median(low_res, valid)
    target = reference.unsqueeze(1)
    first_guess = _match_brightness(low_res, target, valid)
    weight = valid * _agreement(first_guess, target)
    harmonised = _match_brightness(low_res, target, weight)
    weight = valid * _agreement(harmonised, target)
    return Registration(reference, harmonised, _lucas_kanade(harmonised, target, weight), weight)


def masked_median(low_res: LowResSeries, valid: Tensor) -> Tensor:
    """Median over the dates that have data, zero where none has: `b c h w`.

    Of an even number the lower of the two middle values: of two dates the clear one, where the other is hazy.
    """
    median = low_res.masked_fill(valid == 0, torch.nan).nanmedian(1).values
    return torch.nan_to_num(median, nan=0.0)


def _agreement(dates: Tensor, target: Tensor) -> Tensor:
    difference = (dates - target).abs().amax(2, keepdim=True)
    return torch.exp(-((difference / OUTLIER_UNIT) ** 2))


def _match_brightness(low_res: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Give each date the gain (all channels) and bias (per channel) that bring it nearest to the target."""
    total = _box_mean(weight) + FLATNESS
    mean_date = _box_mean(weight * low_res) / total
    mean_target = _box_mean(weight * target) / total
    squares = _box_mean(weight * low_res.square().mean(2, keepdim=True)) / total
    products = _box_mean(weight * (low_res * target).mean(2, keepdim=True)) / total
    variance = squares - mean_date.square().mean(2, keepdim=True)
    covariance = products - (mean_date * mean_target).mean(2, keepdim=True)
    gain = ((covariance + FLATNESS) / (variance.clamp_min(0) + FLATNESS)).clamp(0.25, 4.0)
    return mean_target + gain * (low_res - mean_date)


def _lucas_kanade(dates: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Shift (x, y) in pixels that makes the target look like each date: `b t 2 h w`."""
    slope_x, slope_y = _central_differences(target)
    difference = dates - target
    xx = _box_mean(weight * slope_x.square().mean(2, keepdim=True)) + FLATNESS
    yy = _box_mean(weight * slope_y.square().mean(2, keepdim=True)) + FLATNESS
    xy = _box_mean(weight * (slope_x * slope_y).mean(2, keepdim=True))
    xd = _box_mean(weight * (slope_x * difference).mean(2, keepdim=True))
    yd = _box_mean(weight * (slope_y * difference).mean(2, keepdim=True))
    determinant = xx * yy - xy * xy  # at least FLATNESS², so the division is safe
    shift = torch.cat([yy * xd - xy * yd, xx * yd - xy * xd], 2) / determinant
    return shift.clamp(-MAX_SHIFT_PX, MAX_SHIFT_PX)


def _central_differences(image: Tensor) -> tuple[Tensor, Tensor]:
    padded = F.pad(image.flatten(0, 1), (1, 1, 1, 1), mode="replicate").unflatten(0, image.shape[:2])
    slope_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    slope_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    return slope_x, slope_y


def _box_mean(maps: Tensor) -> Tensor:
    """Mean over BOX_PX × BOX_PX, zeros outside: callers divide by the box mean of their weights."""
    flat = maps.flatten(0, 1)
    rows = F.avg_pool2d(flat, (BOX_PX, 1), stride=1, padding=(RADIUS_PX, 0))
    both = F.avg_pool2d(rows, (1, BOX_PX), stride=1, padding=(0, RADIUS_PX))
    return both.unflatten(0, maps.shape[:2])
