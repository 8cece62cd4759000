"""Which random number belongs to a pixel of the scene?

Noise is a function of (seed, draw, channel, row, column): nothing is drawn in sequence, so windows that overlap see
the same noise where they overlap, in whatever order, batch or process they are computed. Integers are mixed on the
CPU, so every device sees the same numbers.
"""

import torch
from torch import Tensor

MIX_1, MIX_2 = -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15
"""0xBF58476D1CE4E5B9 and 0x94D049BB133111EB as signed numbers: the finaliser of SplitMix64 (Steele, Lea & Flood 2014,
figure 16, after Stafford's variant 13)."""
STEP = -0x61C8864680B583EB
"""0x9E3779B97F4A7C15, 2^64 over the golden ratio: the increment of SplitMix64."""


def normal_at(origins: Tensor, shape_chw: tuple[int, int, int], *, seed: int, draw: int) -> Tensor:
    """Standard normal numbers of the pixels of some windows: `b c H W`, float32, on the CPU.

    Args:
        origins: `b 2` integers, (row, column) of each window's first pixel on the grid that the noise lies on.
        seed: which field of noise; equal seeds give equal fields.
        draw: which of the independent draws that one image needs, from 0.
    """
    c, height, width = shape_chw
    rows = origins[:, 0, None].cpu().long() + torch.arange(height)
    columns = origins[:, 1, None].cpu().long() + torch.arange(width)
    stream = _mix(_mix(torch.tensor(seed) + STEP) + draw)  # the state 0 alone would give 0
    by_channel = _mix(stream + torch.arange(c))
    by_row = _mix(by_channel[None, :, None] + rows[:, None])
    bits = _mix(by_row[..., None] + columns[:, None, None])
    uniform = (_shifted(bits, 12).double() + 0.5) * 2.0**-52  # never 0 or 1
    return torch.special.ndtri(uniform).float()


def _mix(number: Tensor) -> Tensor:
    """One output of SplitMix64 for each 64-bit state; products wrap around."""
    z = number * STEP
    z = (z ^ _shifted(z, 30)) * MIX_1
    z = (z ^ _shifted(z, 27)) * MIX_2
    return z ^ _shifted(z, 31)


def _shifted(number: Tensor, n_bits: int) -> Tensor:
    """Shift to the right without dragging the sign along."""
    return (number >> n_bits) & ((1 << (64 - n_bits)) - 1)
