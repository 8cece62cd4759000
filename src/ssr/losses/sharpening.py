"""How are targets sharpened, so that a network learns edges it would else average away?

Unsharp masking as in Real-ESRGAN (Wang et al. 2021, §3.4; BasicSR's `USMSharp`): where the difference from the blurred
image exceeds a threshold, half of it is added, and the border of that region is blurred too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW_PX = 51
SIGMA_PX = 0.3 * ((WINDOW_PX - 1) * 0.5 - 1) + 0.8
"""What OpenCV chooses for a window of that size: 8."""
WEIGHT = 0.5
THRESHOLD_DN = 10
"""Of 255."""


@torch.no_grad()
def sharpened(image: Tensor) -> Tensor:
    """`b c H W` in [0, 1]."""
    kernel = _gaussian().to(image)
    residual = image - _blurred(image, kernel)
    is_edge = _blurred((residual.abs() * 255 > THRESHOLD_DN).to(image.dtype), kernel)
    return torch.lerp(image, (image + WEIGHT * residual).clamp(0, 1), is_edge)


def _gaussian() -> Tensor:
    x = torch.arange(WINDOW_PX, dtype=torch.float64) - WINDOW_PX // 2
    weight = torch.exp(-(x**2) / (2 * SIGMA_PX**2))
    return weight / weight.sum()


def _blurred(image: Tensor, kernel: Tensor) -> Tensor:
    for axis in (-2, -1):
        lines = _reflected(image.transpose(axis, -1), WINDOW_PX // 2)
        flat = lines.reshape(-1, 1, lines.shape[-1])
        image = F.conv1d(flat, kernel.view(1, 1, -1)).view(*lines.shape[:-1], -1).transpose(axis, -1)
    return image


def _reflected(lines: Tensor, margin: int) -> Tensor:
    """Continue the last axis as in a mirror on the centre of its first and last pixel, as often as needed."""
    n = lines.shape[-1]
    period = max(1, 2 * n - 2)
    place = torch.arange(-margin, n + margin, device=lines.device).remainder(period)
    return lines.index_select(-1, torch.minimum(place, period - place))
