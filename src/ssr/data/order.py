"""Which sample stands at which position of the endless sequence that training reads?

A position is a number from 0; `step * batch_size + k` is the k-th of a step. Seed and position alone decide, so runs
resume exactly and processes share the work in any number without agreeing on anything.
"""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ssr.errors import InputError

BITS = (1 << 64) - 1
N_KEPT_EPOCHS = 2
"""A batch may run on into the next epoch, and threads may stand on both sides of the boundary."""
EPOCH, SUBSET, DRAW = 1, 2, 3
"""What a random number is for: the same seed and number give another one for each."""


class Order(Protocol):
    """Positions to numbers of samples."""

    def __call__(self, position: int) -> int: ...


class Epochs:
    """Every sample once an epoch, in a new order each time."""

    def __init__(self, n: int, *, seed: int) -> None:
        self.n = n
        self.seed = seed
        self._orders: dict[int, torch.Tensor] = {}

    def __call__(self, position: int) -> int:
        epoch, place = divmod(position, self.n)
        return int(self._order(epoch)[place])

    def _order(self, epoch: int) -> torch.Tensor:
        order = self._orders.get(epoch)
        if order is None:
            order = _permutation(self.n, generator_of(self.seed, EPOCH, epoch))
            kept = dict(sorted({**self._orders, epoch: order}.items(), key=lambda item: abs(item[0] - epoch)))
            self._orders = dict(list(kept.items())[:N_KEPT_EPOCHS])  # replaced, not changed: others may be reading
        return order


class Weighted:
    """Samples drawn in proportion to their weights, any number of them, with replacement.

    A draw is one search in the cumulative sum, so there is no limit such as the 2^24 of torch.multinomial.
    """

    def __init__(self, weights: NDArray[np.float64], *, seed: int) -> None:
        self.cumulative = np.cumsum(weights, dtype=np.float64)
        self.seed = seed
        if not (np.isfinite(weights).all() and (weights >= 0).all() and self.cumulative[-1] > 0):
            raise InputError("weights must be finite numbers from 0, and not all 0")

    def __call__(self, position: int) -> int:
        return draw_weighted(self.cumulative, fraction_of(self.seed, DRAW, position))


def draw_weighted(cumulative: NDArray[np.float64], fraction: float) -> int:
    """The number of the sample in whose share of the total a fraction in [0, 1) falls; weights of 0 have no share."""
    sought = min(fraction * cumulative[-1], np.nextafter(cumulative[-1], 0))
    return int(np.searchsorted(cumulative, sought, side="right"))


def draw_subset(n: int, n_wanted: int, *, seed: int) -> NDArray[np.int64]:
    """`n_wanted` of `n` numbers, in ascending order."""
    chosen = _permutation(n, generator_of(seed, SUBSET))[:n_wanted]
    return np.sort(chosen.numpy().astype(np.int64))


def _permutation(n: int, generator: torch.Generator) -> torch.Tensor:
    dtype = torch.int32 if n < 1 << 31 else torch.int64
    return torch.randperm(n, generator=generator, dtype=dtype)


def generator_of(*numbers: int) -> torch.Generator:
    """A generator that these numbers alone decide."""
    return torch.Generator().manual_seed(mixed(*numbers))


def fraction_of(*numbers: int) -> float:
    """A number in [0, 1) of 53 random bits that these numbers alone decide."""
    return (mixed(*numbers) >> 11) / (1 << 53)


def mixed(*numbers: int) -> int:
    """64 bits of which every one depends on every number (the finaliser of SplitMix64, Steele et al. 2014)."""
    bits = 0
    for number in numbers:
        bits = (bits + number + 0x9E3779B97F4A7C15) & BITS
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & BITS
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & BITS
        bits ^= bits >> 31
    return bits
