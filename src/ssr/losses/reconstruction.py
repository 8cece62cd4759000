"""How far is a result from the truth, with a gradient?"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ReconstructionLoss(nn.Module):
    """Weighted sum of mean absolute error, mean squared error and structural dissimilarity.

    The published L2 models minimise 0.3·MSE + 0.4·L1 + 0.3·SSIM (Satlas Super Resolution, `L2Model`).

    Args:
        l1, mse, ssim: weights; a term of weight 0 is not computed.
        border_px: high-resolution border left out, where the network lacks context.
    """

    def __init__(self, *, l1: float = 1.0, mse: float = 0.0, ssim: float = 0.0, border_px: int = 0) -> None:
        super().__init__()
        self.weights = {"l1": l1, "mse": mse, "ssim": ssim}
        self.border_px = border_px

    def forward(self, super_res: Tensor, high_res: Tensor) -> dict[str, Tensor]:
        """Weighted terms by name, `b c H W` each side."""
        inner = slice(self.border_px, -self.border_px or None)
        a, b = super_res[..., inner, inner], high_res[..., inner, inner]
        return {name: weight * MEASURES[name](a, b) for name, weight in self.weights.items() if weight > 0}


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


MEASURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
    "ssim": structural_dissimilarity,
}
