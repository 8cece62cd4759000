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
    """Estimate displacement, gain and bias of each date against the median of all.

    Args:
        low_res: `b t c h w` in [0, 1], float32.
        valid: `b t 1 h w`, 1 where there is data.
    """
    return register_on(masked_median(low_res, valid), low_res, valid)


def register_on(reference: Tensor, low_res: LowResSeries, valid: Tensor) -> Registration:
    """The same against a reference `b c h w` (Lucas & Kanade 1981, weighted least squares).

    No date sees another, so some at a time give what all give at once.
    """
    target = reference.unsqueeze(1)
    first_guess = match_brightness(low_res, target, valid)
    weight = valid * agreement(first_guess, target, OUTLIER_UNIT)
    harmonised = match_brightness(low_res, target, weight)
    weight = valid * agreement(harmonised, target, OUTLIER_UNIT)
    shift_px, _ = displacement(harmonised, target, weight)
    return Registration(reference, harmonised, shift_px, weight)


def masked_median(low_res: LowResSeries, valid: Tensor) -> Tensor:
    """Median over the dates that have data, zero where none has: `b c h w`.

    Of an even number the lower of the two middle values: of two dates the clear one, where the other is hazy.
    """
    median = low_res.masked_fill(valid == 0, torch.nan).nanmedian(1).values
    return torch.nan_to_num(median, nan=0.0)


def agreement(dates: Tensor, target: Tensor, outlier_unit: float) -> Tensor:
    """1 where a date is like the target, exp(-1) where it differs by `outlier_unit` of the range: `b t 1 h w`."""
    difference = (dates - target).abs().amax(2, keepdim=True)
    return torch.exp(-((difference / outlier_unit) ** 2))


def match_brightness(low_res: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Give each date the gain (all channels) and bias (per channel) that bring it nearest to the target."""
    total = box_mean(weight) + FLATNESS
    mean_date = box_mean(weight * low_res) / total
    mean_target = box_mean(weight * target) / total
    squares = box_mean(weight * low_res.square().mean(2, keepdim=True)) / total
    products = box_mean(weight * (low_res * target).mean(2, keepdim=True)) / total
    variance = squares - mean_date.square().mean(2, keepdim=True)
    covariance = products - (mean_date * mean_target).mean(2, keepdim=True)
    gain = ((covariance + FLATNESS) / (variance.clamp_min(0) + FLATNESS)).clamp(0.25, 4.0)
    return mean_target + gain * (low_res - mean_date)


def displacement(dates: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Shift (x, y) in pixels that makes the target look like each date, and how much structure speaks for it.

    Returns:
        `b t 2 h w` and `b t 1 h w`: the squared slope along the direction that has less of it.
    """
    slope_x, slope_y = _central_differences(target)
    difference = dates - target
    xx = box_mean(weight * slope_x.square().mean(2, keepdim=True)) + FLATNESS
    yy = box_mean(weight * slope_y.square().mean(2, keepdim=True)) + FLATNESS
    xy = box_mean(weight * (slope_x * slope_y).mean(2, keepdim=True))
    xd = box_mean(weight * (slope_x * difference).mean(2, keepdim=True))
    yd = box_mean(weight * (slope_y * difference).mean(2, keepdim=True))
    determinant = xx * yy - xy * xy  # at least FLATNESS², so the division is safe
    shift = torch.cat([yy * xd - xy * yd, xx * yd - xy * xd], 2) / determinant
    return shift.clamp(-MAX_SHIFT_PX, MAX_SHIFT_PX), determinant / (xx + yy)


def _central_differences(image: Tensor) -> tuple[Tensor, Tensor]:
    padded = F.pad(image.flatten(0, 1), (1, 1, 1, 1), mode="replicate").unflatten(0, image.shape[:2])
    slope_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    slope_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    return slope_x, slope_y


def box_mean(maps: Tensor) -> Tensor:
    """Mean over BOX_PX × BOX_PX, zeros outside: callers divide by the box mean of their weights."""
    rows = _run_sums(F.pad(maps.flatten(0, 1), (0, 0, RADIUS_PX, RADIUS_PX)), -2)
    both = _run_sums(F.pad(rows, (RADIUS_PX, RADIUS_PX)), -1)
    return (both / BOX_PX**2).unflatten(0, maps.shape[:2])


def _run_sums(maps: Tensor, axis: int) -> Tensor:
    """Sums over every run of BOX_PX along an axis, from runs whose lengths are powers of two."""
    n_runs = maps.shape[axis] - BOX_PX + 1
    power, length, start = maps, 1, 0
    parts = []
    while length <= BOX_PX:
        if BOX_PX & length:
            parts.append(power.narrow(axis, start, n_runs))
            start += length
        n = power.shape[axis] - length
        power = power.narrow(axis, 0, n) + power.narrow(axis, length, n) if 2 * length <= BOX_PX else power
        length *= 2
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
