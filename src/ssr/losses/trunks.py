"""Which networks that name what is in a photograph lend their features, and what are their layers called?

Convolutions of VGG (Simonyan & Zisserman 2015), SqueezeNet 1.1 (Iandola et al. 2016) and AlexNet (Krizhevsky 2014)
without their classifiers.
Parameters bear torchvision's names, so its weight files fit; torchvision itself is not needed.
"""

from typing import Literal, assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TrunkName = Literal["vgg19", "vgg16", "squeezenet1_1", "alexnet"]

VGG_BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
"""Convolutions of each block."""
VGG_WIDTHS = (64, 128, 256, 512, 512)
SQUEEZENET_LAYERS: tuple[tuple[int, int] | None, ...] = (
    None, (16, 64), (16, 64), None, (32, 128), (32, 128), None, (48, 192), (48, 192), (64, 256), (64, 256),
)  # fmt: skip
"""After the first convolution: pooling, or squeezed width and the width of each of two expansions."""
ALEXNET_CONVOLUTIONS = ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))
"""Width, side, stride and padding of each."""
ALEXNET_POOLED = (1, 2)
"""Convolutions with a pooling behind them, but for the last's, which leads to the classifier."""

DEFAULT_WEIGHTS: dict[TrunkName, dict[str, float]] = {
    "vgg19": {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0},
    "vgg16": {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_3": 1.0, "conv4_3": 1.0, "conv5_3": 1.0},
    "squeezenet1_1": {"conv1": 0.1, "fire3": 0.1, "fire5": 1.0, "fire7": 1.0, "fire9": 1.0},
}
"""Layers compared: the last before each halving. Those of VGG19 as the original has them (BasicSR)."""


class Trunk(nn.Module):
    """A network's convolutions up to the last layer asked for; `b 3 H W` to each layer's sums before its ReLU.

    Args:
        layers: `conv<block>_<number>` of VGG; `conv1`, `fire2` … `fire9` of SqueezeNet (both expansions); `conv1` …
            `conv5` of AlexNet.
    """

    def __init__(self, name: TrunkName, layers: tuple[str, ...]) -> None:
        super().__init__()
        self.layers = layers
        stages = _stages(name)
        known = [layer for _, layer, _ in stages if layer]
        unknown = [layer for layer in layers if layer not in known]
        if unknown or not layers:
            raise ValueError(f"{name} has no layer {', '.join(unknown) or 'of no name'}; it has {', '.join(known)}")
        last = max(k for k, (_, layer, _) in enumerate(stages) if layer in layers)
        self.stages = tuple((index, layer) for index, layer, _ in stages[: last + 1])
        self.features = nn.ModuleDict({str(index): module for index, _, module in stages[: last + 1]})

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        features, found = image, {}
        for index, layer in self.stages:
            features = self.features[str(index)](features)
            if layer:
                if layer in self.layers:
                    found[layer] = features
                features = F.relu(features)
        return found


Stage = tuple[int, str | None, nn.Module]
"""Index below `features` in torchvision, name where it is a layer with a ReLU behind it, and the module."""


class Fire(nn.Module):
    """Squeeze, then two expansions side by side, before their ReLU."""

    def __init__(self, n_in: int, n_squeezed: int, n_expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(n_in, n_squeezed, 1)
        self.expand1x1 = nn.Conv2d(n_squeezed, n_expanded, 1)
        self.expand3x3 = nn.Conv2d(n_squeezed, n_expanded, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        squeezed = F.relu(self.squeeze(features))
        return torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], 1)


def _stages(name: TrunkName) -> list[Stage]:
    match name:
        case "vgg16" | "vgg19":
            return _vgg(name)
        case "squeezenet1_1":
            return _squeezenet()
        case "alexnet":
            return _alexnet()
        case _:
            assert_never(name)


def _vgg(name: str) -> list[Stage]:
    stages: list[Stage] = []
    index, n_in = 0, 3
    for block, (n_convolutions, width) in enumerate(zip(VGG_BLOCKS[name], VGG_WIDTHS, strict=True), start=1):
        for k in range(1, n_convolutions + 1):
            stages.append((index, f"conv{block}_{k}", nn.Conv2d(n_in, width, 3, padding=1)))
            index, n_in = index + 2, width
        stages.append((index, None, nn.MaxPool2d(2)))
        index += 1
    return stages


def _squeezenet() -> list[Stage]:
    stages: list[Stage] = [(0, "conv1", nn.Conv2d(3, 64, 3, stride=2))]
    index, number, n_in = 2, 2, 64
    for widths in SQUEEZENET_LAYERS:
        if widths is None:
            stages.append((index, None, nn.MaxPool2d(3, stride=2, ceil_mode=True)))
        else:
            stages.append((index, f"fire{number}", Fire(n_in, *widths)))
            number, n_in = number + 1, 2 * widths[1]
        index += 1
    return stages


def _alexnet() -> list[Stage]:
    stages: list[Stage] = []
    index, n_in = 0, 3
    for number, (width, side, stride, padding) in enumerate(ALEXNET_CONVOLUTIONS, start=1):
        stages.append((index, f"conv{number}", nn.Conv2d(n_in, width, side, stride=stride, padding=padding)))
        index, n_in = index + 2, width
        if number in ALEXNET_POOLED:
            stages.append((index, None, nn.MaxPool2d(3, stride=2)))
            index += 1
    return stages
