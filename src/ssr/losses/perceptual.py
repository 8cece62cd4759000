"""How far apart do two images look to a network that learnt to name what is in photographs?"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssr.losses.trunks import Trunk
from ssr.metrics.lpips import Lpips

Autocast = Callable[[], AbstractContextManager[object]]
"""How precisely the convolutions of a judging network run."""

FARTHEST_MOVE_PX = 8
"""Up to which images are moved before LPIPS judges them."""
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PerceptualDistance(nn.Module):
    """Weighted sum over layers of the mean absolute difference of features before ReLU (Wang et al. 2018, §3.2).

    Args:
        weights: of each layer; the trunk must give them all.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, trunk: Trunk, weights: Mapping[str, float], *, autocast: Autocast = nullcontext) -> None:
        super().__init__()
        self.autocast = autocast
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
        with self.autocast():
            features: dict[str, Tensor] = self.trunk((image - self.mean) / self.std)
        return {layer: maps.float() for layer, maps in features.items()}


class LpipsDistance(nn.Module):
    """The mean LPIPS of a batch (Zhang et al. 2018), of red, green and blue, seen from a place drawn at random.

    The trunk looks at every 2nd to 16th pixel. Were these always the same, what it minds less elsewhere could be drawn
    as a grid; so both images lose up to `FARTHEST_MOVE_PX` at the top and left, and the rest at the bottom and right
    (Kettunen et al. 2019, "E-LPIPS", move images for a like reason). Where, torch's own random numbers say.
    """

    def __init__(self, lpips: Lpips, *, autocast: Autocast = nullcontext) -> None:
        super().__init__()
        self.lpips = lpips.requires_grad_(False)
        self.autocast = autocast

    def forward(self, super_res: Tensor, truth: Tensor) -> Tensor:
        row, column = (int(place) for place in torch.randint(FARTHEST_MOVE_PX + 1, (2,)))
        height, width = (side - FARTHEST_MOVE_PX for side in truth.shape[-2:])
        seen = (..., slice(row, row + height), slice(column, column + width))
        with self.autocast():
            distances: Tensor = self.lpips(super_res[seen], truth[seen])
        return distances.mean()
