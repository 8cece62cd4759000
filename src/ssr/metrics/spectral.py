"""How far apart are the colours of two images, whatever their shapes?

Images are `b c H W` in [0, 1]; every measure gives one float64 number an image, `b`.
"""

import torch
from torch import Tensor

from ssr.errors import InputError
from ssr.metrics.pixelwise import pair


def spectral_angle(image: Tensor, truth: Tensor, *, border_px: int = 0) -> Tensor:
    """Mean angle in degrees between the spectra of a pixel (Yuhas et al. 1992), bright or dark.

    A black pixel has no direction: where either image is black there is no angle, and the mean is over the others; NaN
    where none is left. The angle is Kahan's, which is exact for small ones too.
    """
    a, b = pair(image, truth, border_px)
    if a.shape[1] < 2:
        raise InputError("found images of one channel; an angle between spectra needs at least two")
    length_a, length_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    u, v = a * length_b, b * length_a
    angles = torch.rad2deg(2 * torch.atan2((u - v).norm(dim=1), (u + v).norm(dim=1)))
    has_colour = ((length_a > 0) & (length_b > 0))[:, 0]
    return (angles * has_colour).sum((1, 2)) / has_colour.sum((1, 2))


def ergas(image: Tensor, truth: Tensor, *, scale: float, border_px: int = 0) -> Tensor:
    """*Erreur relative globale adimensionnelle de synthèse* (Wald 2000), in per cent.

    100 / scale · √(mean over channels of (RMSE / mean of the truth)²); infinite where a channel of the truth is black.
    """
    a, b = pair(image, truth, border_px)
    squares = (a - b).square().mean((2, 3)) / b.mean((2, 3)).square()
    return 100 / scale * squares.mean(1).sqrt()
