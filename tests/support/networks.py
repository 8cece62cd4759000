"""Tiny networks of every family, and fakes that know where they are."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

from ssr.models.bicubic import Bicubic
from ssr.models.highresnet import HighResNet
from ssr.models.noise import normal_at
from ssr.models.shiftandadd import ShiftAndAdd
from ssr.models.sr3 import SR3
from ssr.models.srcnn import SRCNN
from tests.support.scenes import tiny_date_fusion, tiny_rrdbnet, with_seed

M = TypeVar("M")


def from_seed(make: Callable[[], M], seed: int = 0) -> M:
    """What `make` initialises, from a seed, leaving torch's own generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make()


def tiny_sr3(*, is_tame: bool = True, **arguments: Any) -> SR3:
    """Two levels, attention in the lower one and in the middle; in evaluation mode.

    Args:
        is_tame: add the estimate that is best where images scatter by 0.1 around the mean of the dates, pixel by
            pixel, to a tenth of the network's. Untrained networks alone make images of nothing but black and white.
    """
    sizes = {
        "n_revisits": 2,
        "n_features": 8,
        "multipliers": (1, 2),
        "n_res_blocks": 1,
        "attention_levels": (1,),
        "n_groups": 4,
        "dropout": 0.0,
        "n_sampling_steps": 3,
    }
    network = from_seed(lambda: SR3(**(sizes | arguments))).eval()

    def tame(_module: Any, inputs: tuple[Tensor, Tensor], estimate: Tensor) -> Tensor:
        seen, level = inputs[0], inputs[1].view(-1, 1, 1, 1)
        mean = seen[:, : -network.n_out_channels].unflatten(1, (network.n_revisits, -1)).mean(1)
        return 0.1 * estimate + best_estimate(seen[:, -network.n_out_channels :], level, mean, 0.1)

    if is_tame:
        network.denoise_fn.register_forward_hook(tame)
    return network


def best_estimate(noisy: Tensor, level: Tensor, mean: Tensor | float, spread: float) -> Tensor:
    """The noise in a·x + sqrt(1 - a²)·ε to be expected where x is normal, `b c H W`; the level a as `b 1 1 1`."""
    return (1 - level**2).sqrt() * (noisy - level * mean) / (level**2 * spread**2 + 1 - level**2)


SR3_REACH_PX = 56
"""Fine pixels that one call of `tiny_sr3`'s local U-Net sees on each side: 8 convolutions at full resolution; at half
resolution 10 convolutions and 4 attentions of 3 pixels, each of 2 fine pixels; halving and doubling, 1 each:
8 + 2 · (10 + 12) + 2 = 54, and 2 for where the grid of two begins."""


class NoiseByPlace:
    """Answers with the noise of the place that it is told, wherever it is asked."""

    n_revisits: int | None = None
    n_channels = 3
    sees_place = True

    def __init__(self, *, scale: int = 2, size_multiple: int = 1, halo_px: int = 0) -> None:
        self.scale = scale
        self.size_multiple = size_multiple
        self.halo_px = halo_px

    def __call__(self, low_res: Tensor, origins: Tensor | None = None) -> Tensor:
        assert origins is not None
        c, h, w = low_res.shape[2:]
        assert h % self.size_multiple == w % self.size_multiple == 0
        return 0.5 + 0.05 * normal_at(origins * self.scale, (c, h * self.scale, w * self.scale), seed=1, draw=0)


FAMILIES: dict[str, Callable[[], Any]] = {
    "date_fusion": tiny_date_fusion,
    "rrdbnet_x1": lambda: tiny_rrdbnet(scale=1),
    "rrdbnet_x2": lambda: tiny_rrdbnet(scale=2),
    "rrdbnet_x4": tiny_rrdbnet,
    "srcnn": lambda: with_seed(SRCNN(n_revisits=2, n_features=16)),
    "highresnet": lambda: with_seed(HighResNet(n_revisits=2, n_features=16)),
    "sr3": tiny_sr3,
    "shift_and_add": ShiftAndAdd,
    "bicubic": Bicubic,
}
"""Take two dates of three channels."""
