"""How many operations and how much memory does a network take for a pixel?"""

from typing import Any

import torch
from torch import Tensor, nn

from ssr.models.protocol import SuperResolver

PROBE_PX = 16


COPIES_OF_SERIES = 12
"""Of the input: the windows read ahead, and what registration makes of every date."""


def operations_a_pixel(network: SuperResolver, n_dates: int) -> float:
    """Multiplications and additions of all convolutions for one low-resolution pixel.

    0 where they cannot be told: a network that is no module, or has none.
    """
    return sum(2.0 * result.numel() * layer.weight[0].numel() for layer, _, result in _layers(network, n_dates)) / (
        _side(network) ** 2
    )


def bytes_a_pixel(network: SuperResolver, n_dates: int, *, is_16_bit: bool) -> float:
    """Memory for one low-resolution pixel, estimated: the largest layer and what follows it, the series, the result."""
    size = 2 if is_16_bit else 4
    largest = max(
        ((given.numel() + 2 * result.numel()) * size for _, given, result in _layers(network, n_dates)), default=0
    )
    series = (network.n_revisits or n_dates) * network.n_channels * 4
    result = network.n_channels * network.scale**2 * 4
    return 1.5 * largest / _side(network) ** 2 + COPIES_OF_SERIES * series + 6 * result


def _layers(network: SuperResolver, n_dates: int) -> list[tuple[nn.Conv2d, Tensor, Tensor]]:
    """Every convolution that a small window passes, with what goes in and comes out, as tensors without values."""
    if not isinstance(network, nn.Module) or network.sees_place:
        return []
    passed: list[tuple[nn.Conv2d, Tensor, Tensor]] = []

    def note(layer: nn.Module, inputs: Any, result: Any) -> None:
        assert isinstance(layer, nn.Conv2d)
        passed.append((layer, inputs[0].to("meta"), result.to("meta")))

    hooks = [layer.register_forward_hook(note) for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    try:
        device = next((tensor.device for tensor in network.parameters()), torch.device("cpu"))
        side = _side(network)
        with torch.inference_mode():
            network(torch.full((1, network.n_revisits or n_dates, network.n_channels, side, side), 0.5, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return passed


def _side(network: SuperResolver) -> int:
    return -(-PROBE_PX // network.size_multiple) * network.size_multiple
