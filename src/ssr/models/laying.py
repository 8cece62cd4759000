"""Which fine pixels does each sample of each date speak for?

A sample of a displaced date lies somewhere between the pixels of the common grid. Around every fine pixel the samples
of all dates are averaged, each by its weight and by a Gaussian of its distance (normalised convolution: Knutsson &
Westin 1993). The fine grid stays folded: `scale²` phases as channels of the coarse grid, in the order of
`torch.nn.functional.pixel_unshuffle`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

REACH_CELLS = 1
"""Neighbouring coarse pixels on each side whose samples are looked at: enough for displacements up to 1.5 pixels."""
FAINT = 0.05
"""Added to the weight of the samples around a fine pixel: where they are far, their mean fades to zero."""


def lay(values: Tensor, weight: Tensor, shift_px: Tensor, *, scale: int, sigma_px: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean of the samples around every fine pixel, and their weight.

    Args:
        values: `b t c h w`.
        weight: `b t 1 h w`.
        shift_px: `b t 2 h w`, (x, y): the sample of pixel p lies at p + shift. It varies slowly.
        sigma_px: width of the Gaussian in coarse pixels, a scalar.

    Returns:
        `b c·scale² h w` and `b scale² h w`.
    """
    b, t, c, h, w = values.shape
    samples = torch.cat([values * weight, weight], 2).unsqueeze(3)
    along_x = _nearness(shift_px[:, :, 0], scale, sigma_px)
    along_y = _nearness(shift_px[:, :, 1], scale, sigma_px)
    laid = values.new_zeros(b, c + 1, scale, scale, h, w)  # phases along y, then x
    for date in range(t):
        rows = values.new_zeros(b, c + 1, scale, h, w)
        for k in _cells():
            share = along_x[:, date, k + REACH_CELLS].unsqueeze(1)
            rows = torch.addcmul(rows, _neighbour(samples[:, date], k, -1), share)
        for k in _cells():
            share = along_y[:, date, k + REACH_CELLS].unsqueeze(2).unsqueeze(1)
            laid = torch.addcmul(laid, _neighbour(rows, k, -2).unsqueeze(2), share)
    total, density = laid[:, :c], laid[:, c:]
    return (total / (density + FAINT)).flatten(1, 3), density.flatten(1, 3)


def _cells() -> range:
    return range(-REACH_CELLS, REACH_CELLS + 1)


def _nearness(shift_px: Tensor, scale: int, sigma_px: Tensor) -> Tensor:
    """Of the sample in each neighbouring cell to each phase, along one axis: `b t h w` to `b t cells scale h w`."""
    phase = (torch.arange(scale, device=shift_px.device) + 0.5) / scale - 0.5
    cell = torch.arange(-REACH_CELLS, REACH_CELLS + 1, device=shift_px.device)
    distance = (cell[:, None] - phase)[..., None, None] + shift_px[:, :, None, None]
    return torch.exp(-0.5 * (distance / sigma_px) ** 2)


def _neighbour(maps: Tensor, offset: int, axis: int) -> Tensor:
    """Value of the cell `offset` further along an axis, zero beyond the edge."""
    if offset == 0:
        return maps
    n = maps.shape[axis]
    keeps = maps.narrow(axis, max(offset, 0), max(n - abs(offset), 0))
    margin = [max(-offset, 0), max(offset, 0)]
    return F.pad(keeps, margin if axis == -1 else [0, 0, *margin])
