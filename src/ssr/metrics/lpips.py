"""How different do two images look, to features weighed by what people found different?"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of red, green and blue in [-1, 1], before the trunk: LPIPS' own, which come near to ImageNet's."""

LAYERS: dict[str, tuple[str, ...]] = {
    "vgg16": ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"),
    "alexnet": ("conv1", "conv2", "conv3", "conv4", "conv5"),
    "squeezenet1_1": ("conv1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9"),
}
"""Compared behind their ReLU, in the order of the heads."""


class Lpips(nn.Module):
    """Learned perceptual distance, version 0.1 (Zhang et al. 2018): the sum over layers of the spatial mean of weighed
    squared differences between features of unit length.

    Args:
        trunk: `b 3 H W` to the sums before the ReLU by layer.
        heads: the weight of every channel of each of these layers.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, trunk: nn.Module, heads: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.trunk = trunk.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.layers = tuple(heads)
        for layer, weights in heads.items():
            self.register_buffer(f"head_{layer}", weights.flatten(), persistent=False)
        self.register_buffer("shift", torch.tensor(SHIFT).view(-1, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(-1, 1, 1), persistent=False)

    def forward(self, image: Tensor, truth: Tensor) -> Tensor:
        """Distances `b` of images in [0, 1], red first; further channels are not seen."""
        return self._distance(2 * image[:, :3] - 1, 2 * truth[:, :3] - 1)

    def original(self, image: Tensor, truth: Tensor) -> Tensor:
        """As Satlas Super Resolution asks: [0, 1] where the network expects [-1, 1], and blue first."""
        return self._distance(image[:, :3].flip(1), truth[:, :3].flip(1))

    def _distance(self, image: Tensor, truth: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self._features(truth)
        found = self._features(image)
        distances = [
            ((a - b).square() * self.get_buffer(f"head_{layer}").view(-1, 1, 1)).sum(1).mean((1, 2))
            for layer, a, b in zip(self.layers, found, wanted, strict=True)
        ]
        return torch.stack(distances).sum(0)

    def _features(self, image: Tensor) -> list[Tensor]:
        """Of unit length, layer by layer."""
        features = self.trunk((image.to(self.shift) - self.shift) / self.scale)  # float32, on the network's device
        return [F.normalize(F.relu(features[layer].float()), eps=1e-10) for layer in self.layers]
