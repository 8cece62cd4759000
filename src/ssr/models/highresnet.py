"""HighRes-net: encode each date, fuse pairs recursively with one shared block, pixel shuffle.

Deudon et al. 2020, in WorldStrat's form. Parameter names are the published ones (`fusion.fusion.0` is the shared
block; the copies that published files hold of it are dropped by `checkpoints.published`).
"""

import torch
from torch import Tensor, nn

from ssr.models.layers import (
    RESIZING_RADIUS_PX,
    DoubleConv2d,
    PixelShuffleUpsampler,
    ResidualDoubleConv2d,
    resized,
    shuffled_radius_px,
    with_reference_frame,
)
from ssr.tensors import Image, LowResSeries

MOST_REVISITS = 16
"""Where any number will do, the halo is that of so many dates."""


class HighResNet(nn.Module):
    """Any number of dates: the fusing block is applied until one is left.

    Args:
        n_revisits: dates it was trained on; None takes any number. With 1 there is nothing to fuse. The other
            arguments are `SRCNN`'s.
    """

    size_multiple = 1
    sees_place = False

    def __init__(
        self,
        *,
        n_revisits: int | None = None,
        n_channels: int = 3,
        n_out_channels: int = 3,
        n_features: int = 128,
        kernel_size: int = 3,
        shuffle_kernel_size: int = 1,
        scale: int = 4,
        zoom: int | None = None,
        sees_reference: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.n_revisits = n_revisits
        self.n_channels = n_channels
        self.scale = scale
        self.zoom = zoom or scale
        self.sees_reference = sees_reference
        n_fusions = ((n_revisits or MOST_REVISITS) - 1).bit_length()
        self.halo_px = (kernel_size // 2) * (2 + 3 * n_fusions) + shuffled_radius_px(shuffle_kernel_size, self.zoom)
        self.halo_px += RESIZING_RADIUS_PX if self.zoom != scale else 0
        n_in = n_channels * (2 if sees_reference else 1)
        self.encoder = DoubleConv2d(n_in, n_features, kernel_size, dropout=dropout)
        self.fusion = RecursiveFusion(n_features, kernel_size, dropout=dropout) if n_fusions else nn.Identity()
        self.sr = PixelShuffleUpsampler(n_features, n_out_channels, self.zoom, shuffle_kernel_size)

    def forward(self, low_res: LowResSeries) -> Image:
        b, t = low_res.shape[:2]
        frames = with_reference_frame(low_res) if self.sees_reference else low_res
        encoded = self.encoder(frames.flatten(0, 1)).unflatten(0, (b, t))
        return resized(self.sr(self.fusion(encoded).squeeze(1)), low_res.shape[-2:], self.scale)


class RecursiveFusion(nn.Module):
    """Fold the second half of the dates onto the first until one is left: `b t c h w` to `b 1 c h w`."""

    def __init__(self, n_features: int, kernel_size: int, *, dropout: float) -> None:
        super().__init__()
        self.fusion = nn.ModuleList([FusionBlock(n_features, kernel_size, dropout=dropout)])

    def forward(self, encoded: Tensor) -> Tensor:
        b, t = encoded.shape[:2]
        n_missing = (1 << (t - 1).bit_length()) - t
        folded = torch.cat([encoded, encoded.new_zeros(b, n_missing, *encoded.shape[2:])], 1)
        while folded.shape[1] > 1:
            folded = self.fusion[0](folded)
        return folded


class FusionBlock(nn.Module):
    """Two dates to one."""

    def __init__(self, n_features: int, kernel_size: int, *, dropout: float) -> None:
        super().__init__()
        self.fuse = nn.Sequential(
            ResidualDoubleConv2d(2 * n_features, kernel_size, dropout=dropout),
            nn.Conv2d(2 * n_features, n_features, kernel_size, padding="same", padding_mode="reflect"),
            nn.Identity(),
            nn.PReLU(),
        )

    def forward(self, dates: Tensor) -> Tensor:
        first, second = dates.chunk(2, 1)
        pairs = torch.cat([first, second], 2)
        return self.fuse(pairs.flatten(0, 1)).unflatten(0, pairs.shape[:2])
