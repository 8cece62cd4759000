"""How far is a result from the truth, pixel by pixel, with a gradient?"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_SHIFT_PX = 3
"""As cPSNR allows (Märtens et al. 2019): truth and dates are placed no better than that."""
DARKEST = 1 / 255
"""Colours shorter than one step of 8 bits have no direction."""


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


def spectral_angle(a: Tensor, b: Tensor) -> Tensor:
    """Angle between the colours of two images, radians, mean over pixels (Kruse et al. 1993).

    Nearly black pixels of either count 0. By the formula of Kahan, twice the arctangent of the length of the unit
    colours' difference over that of their sum, whose gradient exists also where they agree.
    """
    has_colour = (a.norm(dim=1) > DARKEST) & (b.norm(dim=1) > DARKEST)
    unit_a, unit_b = (F.normalize(x, dim=1, eps=DARKEST) for x in (a, b))
    angle = 2 * torch.atan2((unit_a - unit_b).norm(dim=1), (unit_a + unit_b).norm(dim=1))
    return torch.where(has_colour, angle, 0).mean()


MEASURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
    "ssim": structural_dissimilarity,
    "shift_l1": shifted_l1,
    "spectral_angle": spectral_angle,
}
"""By their names in option files."""
