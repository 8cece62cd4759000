"""How alike are two images to a network that learnt which words go with which images?"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ClipScore(nn.Module):
    """Cosine of two images' embeddings, from -1 to 1.

    Args:
        encoder: `b 3 side side`, normalised, to embeddings `b n`.
        mean, std: of each channel, as the network was trained.
        interpolation: how it saw images resized when it was trained.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        *,
        side_px: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        interpolation: Literal["bicubic", "bilinear"] = "bicubic",
    ) -> None:
        super().__init__()
        self.encoder = encoder.eval().requires_grad_(False)
        self.side_px = side_px
        self.interpolation = interpolation
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, image: Tensor, truth: Tensor) -> Tensor:
        """Cosines `b` of images in [0, 1], red first; further channels are not seen."""
        both = torch.cat([image, truth])[:, :3].to(self.mean)
        fitting = F.interpolate(both, (self.side_px, self.side_px), mode=self.interpolation, antialias=True)
        return self._cosine((fitting.clamp(0, 1) - self.mean) / self.std)

    def original(self, image: Tensor, truth: Tensor) -> Tensor:
        """As Satlas Super Resolution asks: enlarged by repetition, blue first, in [0, 1] without mean and deviation."""
        both = torch.cat([image, truth])[:, :3].to(self.mean).flip(1)
        return self._cosine(F.interpolate(both, (self.side_px, self.side_px), mode="nearest"))

    def _cosine(self, both: Tensor) -> Tensor:
        image, truth = self.encoder(both).double().chunk(2)
        return F.cosine_similarity(image, truth)
