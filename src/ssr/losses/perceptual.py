"""How far apart do two images look to a network that learnt to name what is in photographs?"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssr.losses.trunks import Trunk
from ssr.metrics.lpips import Lpips

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PerceptualDistance(nn.Module):
    """Weighted sum over layers of the mean absolute difference of features before ReLU (Wang et al. 2018, §3.2).

    Args:
        weights: of each layer; the trunk must give them all.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, trunk: Trunk, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.trunk = trunk.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.weights = dict(weights)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(-1, 1, 1), persistent=False)

    def forward(self, super_res: Tensor, truth: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self._features(truth)
        found = self._features(super_res)
        return torch.stack([w * F.l1_loss(found[layer], wanted[layer]) for layer, w in self.weights.items()]).sum()

    def _features(self, image: Tensor) -> dict[str, Tensor]:
        features: dict[str, Tensor] = self.trunk((image - self.mean) / self.std)
        return features


class LpipsDistance(nn.Module):
    """The mean LPIPS of a batch (Zhang et al. 2018), of red, green and blue."""

    def __init__(self, lpips: Lpips) -> None:
        super().__init__()
        self.lpips = lpips.requires_grad_(False)

    def forward(self, super_res: Tensor, truth: Tensor) -> Tensor:
        distances: Tensor = self.lpips(super_res, truth)
        return distances.mean()
