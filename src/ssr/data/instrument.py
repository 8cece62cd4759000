"""What do blur, sampling and resampling on the ground make of the ground, along one axis?

An L1C pixel is not a measurement: the instrument samples on a grid of its own, at any phase and turned against the
map, and the ground segment interpolates those samples with a spline onto the map's grid. Sampling aliases detail near
the Nyquist frequency, interpolation moves it: part of the finest detail of a product is wrong, and differs by date.
"""

import math

import torch
from torch import Tensor

SPLINE_REACH_PX = 4
"""Native samples beyond the edge, after which the spline's memory of them is below 1 %."""
GAUSSIAN_REACH = 5.5
"""In sigmas; what lies beyond weighs less than 1e-7."""


def sampling_matrix(n_fine: int, scale: int, shift_px: Tensor, sigma_px: Tensor) -> Tensor:
    """One axis of blur, displacement and sampling: `… n_fine/scale n_fine`, each row a Gaussian that sums to one.

    Coarse pixel i of a date displaced by s looks at the ground around (i + 1/2 + s) coarse pixels.
    """
    coarse_centre = torch.arange(n_fine // scale) + 0.5
    return _gaussian_rows(coarse_centre + shift_px[..., None], n_fine, scale, sigma_px)


def product_matrix(
    n_fine: int, scale: int, shift_px: Tensor, sigma_px: Tensor, *, phase_px: Tensor, pitch_px: Tensor
) -> Tensor:
    """`sampling_matrix` on the native grid, then the interpolating cubic spline onto the product's.

    Args:
        shift_px, sigma_px: `… ` as in `sampling_matrix`.
        phase_px: where the native grid lies against the product's, in the middle of the axis.
        pitch_px: product pixels from one native sample to the next; other than 1, the phase changes along the axis.
    """
    n = n_fine // scale
    reach = SPLINE_REACH_PX + math.ceil(n / 2 * float((1 / pitch_px - 1).abs().max()))
    k = torch.arange(-reach, n + reach) + 0.5 - n / 2
    native = n / 2 + (k + phase_px[..., None]) * pitch_px[..., None]
    inside = native.clamp(0.5, n - 0.5)  # beyond the ground its edge goes on
    seen = _gaussian_rows(inside + shift_px[..., None], n_fine, scale, sigma_px)
    product = torch.arange(n) + 0.5
    away = (product[:, None] - native[..., None, :]) / pitch_px[..., None, None]
    weight = cubic_b_spline(away) @ torch.linalg.inv(cubic_b_spline(k[:, None] - k))
    return (weight / weight.sum(-1, keepdim=True)) @ seen


def cubic_b_spline(x: Tensor) -> Tensor:
    """The cubic B-spline, zero beyond 2."""
    near = x.abs()
    return torch.where(near < 1, 2 / 3 - near**2 + near**3 / 2, (2 - near).clamp_min(0) ** 3 / 6)


def _gaussian_rows(centre: Tensor, n_fine: int, scale: int, sigma_px: Tensor) -> Tensor:
    """Computed only as far as a Gaussian is seen in single precision."""
    width = min(n_fine, 2 * math.ceil(GAUSSIAN_REACH * float(sigma_px.max()) * scale) + 2)
    first = (centre * scale - width / 2).round().long().clamp(0, n_fine - width)
    fine = first[..., None] + torch.arange(width)
    offset = centre[..., None] - (fine + 0.5) / scale
    weight = torch.exp(-0.5 * (offset / sigma_px[..., None, None]) ** 2)
    weight = weight / weight.sum(-1, keepdim=True)
    return weight.new_zeros(*weight.shape[:-1], n_fine).scatter_(-1, fine, weight)
