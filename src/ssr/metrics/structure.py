"""How alike are two images in structure: means, contrasts and patterns of small windows?

Images are `b c H W` in [0, 1]; every measure gives one float64 number an image, `b`, the mean over its channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ssr.errors import InputError
from ssr.metrics.pixelwise import pair

WINDOW_PX, SIGMA_PX = 11, 1.5
K1, K2 = 0.01, 0.03
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the five scales, finest first (Wang et al. 2003)."""


def ssim(image: Tensor, truth: Tensor, *, border_px: int = 0) -> Tensor:
    """Structural similarity (Wang et al. 2004): 11×11 Gaussian of σ 1.5, windows that lie inside alone."""
    similarity, _ = _similarities(*pair(image, truth, border_px))
    return similarity.mean(1)


def ms_ssim(image: Tensor, truth: Tensor, *, border_px: int = 0) -> Tensor:
    """Structural similarity at several scales (Wang et al. 2003), each half as fine as the one before.

    Of the five scales those count in which the window still fits (four in chips of 128 px), and weigh together as much
    as all five. Contrasts that disagree in sign count 0.
    """
    a, b = pair(image, truth, border_px)
    n_scales = _n_scales(min(a.shape[-2:]))
    weights = torch.tensor(SCALE_WEIGHTS[:n_scales], dtype=a.dtype, device=a.device)
    factors = []
    for number in range(1, n_scales + 1):
        similarity, contrast = _similarities(a, b)
        factors.append(similarity if number == n_scales else contrast)
        if number < n_scales:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    shares = (weights * (sum(SCALE_WEIGHTS) / weights.sum())).view(-1, 1, 1)
    return (torch.stack(factors).clamp(min=0) ** shares).prod(0).mean(1)


def _n_scales(side_px: int) -> int:
    n_scales = sum(side_px // 2**k >= WINDOW_PX for k in range(len(SCALE_WEIGHTS)))
    return max(n_scales, 1)  # too small for even one: refused where the window is applied


def _similarities(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Similarity and its part without brightness (contrast and pattern), `b c` each."""
    h, w = a.shape[-2:]
    if min(h, w) < WINDOW_PX:
        raise InputError(f"images of {h}×{w} px are too small for windows of {WINDOW_PX} px")
    c1, c2 = K1**2, K2**2
    mean_a, mean_b, power, product = _window_means(torch.stack([a, b, a * a + b * b, a * b]))
    variances = power - mean_a.square() - mean_b.square()
    covariance = product - mean_a * mean_b
    contrast = (2 * covariance + c2) / (variances + c2)
    brightness = (2 * mean_a * mean_b + c1) / (mean_a.square() + mean_b.square() + c1)
    return (brightness * contrast).mean((2, 3)), contrast.mean((2, 3))


def _window_means(images: Tensor) -> Tensor:
    """Gaussian-weighted means over windows; shifted sums, since torch has no fast convolution of float64."""
    x = torch.arange(WINDOW_PX, dtype=torch.float64) - WINDOW_PX // 2
    kernel = torch.exp(-x.square() / (2 * SIGMA_PX**2))
    taps = (kernel / kernel.sum()).tolist()
    return _filtered(_filtered(images, taps, -1), taps, -2)


def _filtered(images: Tensor, taps: list[float], axis: int) -> Tensor:
    length = images.shape[axis] - len(taps) + 1
    total = images.narrow(axis, 0, length) * taps[0]
    for k, tap in enumerate(taps[1:], start=1):
        total.add_(images.narrow(axis, k, length), alpha=tap)
    return total
