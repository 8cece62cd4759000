"""How much better than interpolation is a model on pairs with known truth?"""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssr.metrics.displaced import cpsnr
from ssr.metrics.pixelwise import psnr, rounded_to_bytes
from ssr.metrics.structure import ssim
from ssr.models.bicubic import enlarge
from ssr.models.protocol import SuperResolver

BORDER_PX = 4


@dataclass(frozen=True)
class Scores:
    """Means over chips: dB for PSNR and cPSNR (integer displacements up to 3 px, no channel bias)."""

    psnr: float
    ssim: float
    cpsnr: float

    def as_dict(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def score(images: Tensor, truth: Tensor) -> Scores:
    """Mean scores of `b c H W` images in [0, 1] after rounding to bytes."""
    made, wanted = rounded_to_bytes(images), rounded_to_bytes(truth)
    return Scores(
        *(float(measure(made, wanted, border_px=BORDER_PX).mean()) for measure in (psnr, ssim, cpsnr)),
    )


def best_single_date(low_res: Tensor, truth: Tensor, scale: int) -> tuple[Tensor, Tensor]:
    """Of every series, the date whose bicubic enlargement scores highest, chosen with the truth in hand.

    Returns:
        The enlargements `b c H W` and the dates' indexes `b`.
    """
    images, indexes = [], []
    for series, target in zip(low_res, truth, strict=True):
        enlarged = enlarge(series, scale).clamp(0, 1)
        targets = rounded_to_bytes(target).expand(len(enlarged), -1, -1, -1)
        indexes.append(int(cpsnr(rounded_to_bytes(enlarged), targets, border_px=BORDER_PX).argmax()))
        images.append(enlarged[indexes[-1]])
    return torch.stack(images), torch.tensor(indexes)


@torch.no_grad()
def predict(network: SuperResolver, low_res: Tensor) -> Tensor:
    """Result in [0, 1], float32."""
    return network(low_res).float().clamp(0, 1)


def to_bytes(image: Tensor) -> NDArray[np.uint8]:
    """`c H W` in [0, 1] to `H W c` bytes, rounded."""
    return (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
