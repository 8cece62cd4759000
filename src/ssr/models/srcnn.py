"""SRCNN over several dates: encode each, stack, fuse, pixel shuffle.

Dong et al. 2014 in WorldStrat's multi-date form (Cornebise et al. 2022, supplement). Parameter names are the
published ones; the redundant keys of published files are dropped by `checkpoints.published`.
"""

from torch import nn

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


class SRCNN(nn.Module):
    """A fixed number of dates, at any size.

    Args:
        n_revisits: dates (`revisits`).
        n_channels: channels of one date (`in_channels`).
        n_features: width (`hidden_channels`).
        n_residual_blocks: after the fusing convolutions (`residual_layers`).
        scale: enlargement of the result.
        zoom: enlargement of the pixel shuffle (`zoom_factor`), by default the same; the original resizes to a fixed
            `output_size` where the truth is of another scale.
        sees_reference: append the median frame to every date (`use_reference_frame`).
    """

    size_multiple = 1
    sees_place = False

    def __init__(
        self,
        *,
        n_revisits: int = 8,
        n_channels: int = 3,
        n_out_channels: int = 3,
        n_features: int = 128,
        n_residual_blocks: int = 1,
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
        n_in = n_channels * (2 if sees_reference else 1)
        self.halo_px = (kernel_size // 2) * (4 + 2 * n_residual_blocks) + shuffled_radius_px(
            shuffle_kernel_size, self.zoom
        )
        self.halo_px += RESIZING_RADIUS_PX if self.zoom != scale else 0
        self.encoder = DoubleConv2d(n_in, n_features, kernel_size, dropout=dropout)
        self.doubleconv2d = DoubleConv2d(n_revisits * n_features, n_features, kernel_size, dropout=dropout)
        self.residualblocks = nn.Sequential(
            *(ResidualDoubleConv2d(n_features, kernel_size, dropout=dropout) for _ in range(n_residual_blocks))
        )
        self.sr = PixelShuffleUpsampler(n_features, n_out_channels, self.zoom, shuffle_kernel_size)

    def forward(self, low_res: LowResSeries) -> Image:
        b, t = low_res.shape[:2]
        frames = with_reference_frame(low_res) if self.sees_reference else low_res
        encoded = self.encoder(frames.flatten(0, 1)).unflatten(0, (b, t)).flatten(1, 2)
        return resized(self.sr(self.residualblocks(self.doubleconv2d(encoded))), low_res.shape[-2:], self.scale)
