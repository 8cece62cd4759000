"""Which weights does a run deliver? The exponential moving average of those it trained."""

import copy

import torch
from torch import nn


class MovingAverage:
    """A copy of a network whose parameters follow with a decay; a decay of 0 makes it equal the network.

    The decay is shortened early on, min(decay, (1 + k) / (10 + k)) after k updates, so that a short run is not
    averaged with its random start (Tensorflow's `ExponentialMovingAverage`, num_updates); `warms_up=False` keeps the
    published constant decay.
    """

    def __init__(self, network: nn.Module, decay: float, *, warms_up: bool = True) -> None:
        self.decay = decay
        self.warms_up = warms_up
        self.n_updates = 0
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        self.n_updates += 1
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates)) if self.warms_up else self.decay
        for mean, current in zip(self.network.parameters(), network.parameters(), strict=True):
            mean.lerp_(current, 1 - decay)
        for copied, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            copied.copy_(buffer)
