"""How far apart do two images lie for a network that learnt which words go with which images?"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ClipDistance(nn.Module):
    """Mean absolute difference of image embeddings that are not normalised (the original's `CLIPLoss`).

    The original enlarges by repetition and takes one mean and deviation for all networks; here each sees images
    enlarged bicubically and normalised as it was trained.

    Args:
        encoder: `b 3 side side`, normalised, to embeddings `b n`.
        mean, std: of each channel, as the network was trained.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, encoder: nn.Module, *, side_px: int, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.encoder = encoder.eval().requires_grad_(False)
        self.side_px = side_px
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, super_res: Tensor, truth: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self._embedding(truth)
        return F.l1_loss(self._embedding(super_res), wanted)

    def _embedding(self, image: Tensor) -> Tensor:
        fitting = F.interpolate(image, (self.side_px, self.side_px), mode="bicubic", antialias=True)
        embedding: Tensor = self.encoder((fitting - self.mean) / self.std)
        return embedding
