"""Which noise is put into an image, and how wrong was the estimate of it?"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


class Corrupted(NamedTuple):
    """signal: `b`, what is multiplied to the images; noise: `b c H W`; sees: `b`, 1 where the dates are seen."""

    signal: Tensor
    noise: Tensor
    sees: Tensor


class Corruption:
    """Draws noise and its level.

    Between two neighbours of the schedule the level is uniform, so that the network learns a continuum and can be
    sampled in any number of steps (Chen et al. 2020, WaveGrad, algorithm 1; Saharia et al. 2021, §2.4).

    Args:
        signal_levels: square roots of ᾱ, falling, the first 1 (no noise).
    """

    def __init__(self, signal_levels: Tensor, *, p_no_condition: float = 0.0) -> None:
        self.signal_levels = signal_levels
        self.p_no_condition = p_no_condition

    def draw(self, shape: tuple[int, ...] | torch.Size, generator: Generator) -> Corrupted:
        """For images `b c H W`."""
        b = shape[0]
        level = torch.randint(1, len(self.signal_levels), (b,), generator=generator)
        cleaner, noisier = self.signal_levels[level - 1], self.signal_levels[level]
        signal = noisier + (cleaner - noisier) * torch.rand(b, generator=generator)
        sees = (torch.rand(b, generator=generator) >= self.p_no_condition).float()
        return Corrupted(signal, torch.randn(shape, generator=generator), sees)


def denoising_loss(estimated: Tensor, noise: Tensor) -> Tensor:
    """Mean absolute error, as the Satlas authors trained SR3 (their sum over b·c·h·w)."""
    return F.l1_loss(estimated.float(), noise)
