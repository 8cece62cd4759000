"""How far is a result from the truth, pixel by pixel, with a gradient?"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_SHIFT_PX = 3
"""As cPSNR allows (Märtens et al. 2019): truth and dates are placed no better than that."""
DARKEST = 1 / 255
"""Colours shorter than one step of 8 bits have no direction."""
GRID_WINDOW = 6
"""Input pixels each way over which a grid must hold; texture does not repeat so often."""
NO_ERROR = 1e-6
"""Mean square, unit range, of 60 dB: nearer than that is near enough."""


def structural_dissimilarity(a: Tensor, b: Tensor, *, window_px: int = 5, sigma_px: float = 1.5) -> Tensor:
    """(1 - SSIM) / 2, mean over pixels, reflect-padded, clamped to [0, 1] (kornia's `ssim_loss`; Wang et al. 2004)."""
    c1, c2 = 0.01**2, 0.03**2
    x = torch.arange(window_px, dtype=a.dtype, device=a.device) - window_px // 2
    kernel = torch.exp(-(x**2) / (2 * sigma_px**2))
    kernel = kernel / kernel.sum()
    n = a.shape[1]

    def mean(maps: Tensor) -> Tensor:
        r = window_px // 2
        padded = F.pad(maps, (r, r, r, r), mode="reflect")
        rows = F.conv2d(padded, kernel.view(1, 1, -1, 1).expand(n, 1, -1, 1), groups=n)
        return F.conv2d(rows, kernel.view(1, 1, 1, -1).expand(n, 1, 1, -1), groups=n)

    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    similarity = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    )
    return ((1 - similarity) / 2).clamp(0, 1).mean()


def shifted_l1(super_res: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error of the result's inside at the truth's best displacement by whole pixels, per image.

    Every displacement up to `MAX_SHIFT_PX` each way is tried on the same inside, without a gradient; the gradient is
    that of the best, which is the gradient of the minimum.
    """
    m = MAX_SHIFT_PX
    height, width = (side - 2 * m for side in super_res.shape[-2:])
    inside = super_res[..., m : m + height, m : m + width]
    places = [(row, column) for row in range(2 * m + 1) for column in range(2 * m + 1)]
    with torch.no_grad():
        errors = [(inside - truth[..., r : r + height, c : c + width]).abs().mean((1, 2, 3)) for r, c in places]
        best = torch.stack(errors).argmin(0).tolist()
        moved = [
            image[:, r : r + height, c : c + width]
            for image, (r, c) in zip(truth, (places[k] for k in best), strict=True)
        ]
    return F.l1_loss(inside, torch.stack(moved))


def lacking_psnr_without_bias(super_res: Tensor, truth: Tensor) -> Tensor:
    """What PSNR lacks to 60 dB after each channel's mean difference is taken out, in dB, mean over images.

    What cPSNR scores where truth and result are not displaced (HighRes-net minimises it: Deudon et al. 2020). An image
    weighs by the share of its error that goes, not by how much error it has, and its tone does not count at all.
    """
    difference = super_res - truth
    difference = difference - difference.mean((2, 3), keepdim=True)
    return 10 * torch.log10(difference.square().mean((1, 2, 3)) / NO_ERROR + 1).mean()


def spectral_angle(a: Tensor, b: Tensor) -> Tensor:
    """Angle between the colours of two images, radians, mean over pixels (Kruse et al. 1993).

    Nearly black pixels of either count 0. By the formula of Kahan, twice the arctangent of the length of the unit
    colours' difference over that of their sum, whose gradient exists also where they agree.
    """
    has_colour = (a.norm(dim=1) > DARKEST) & (b.norm(dim=1) > DARKEST)
    unit_a, unit_b = (F.normalize(x, dim=1, eps=DARKEST) for x in (a, b))
    angle = 2 * torch.atan2((unit_a - unit_b).norm(dim=1), (unit_a + unit_b).norm(dim=1))
    return torch.where(has_colour, angle, 0).mean()


def repeated_difference(super_res: Tensor, truth: Tensor, *, period_px: int) -> Tensor:
    """How far the difference to the truth repeats itself from one input pixel to the next: a grid, in unit range.

    Fine pixels that lie at the same place within their input pixel are averaged over `GRID_WINDOW` input pixels
    each way; the mean size of what these averages of all places differ by. Sides are cut to whole input pixels.
    """
    height, width = (side // period_px * period_px for side in truth.shape[-2:])
    places = F.pixel_unshuffle((super_res - truth)[..., :height, :width], period_px)
    repeated = F.avg_pool2d(places, GRID_WINDOW, stride=GRID_WINDOW // 2).unflatten(1, (-1, period_px**2))
    return (repeated - repeated.mean(2, keepdim=True)).abs().mean()


MEASURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
    "ssim": structural_dissimilarity,
    "shift_l1": shifted_l1,
    "psnr_without_bias": lacking_psnr_without_bias,
    "spectral_angle": spectral_angle,
}
"""By their names in option files."""
