"""Which small pieces do several networks share?"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAKY_SLOPE = 0.2
"""ESRGAN's (Wang et al. 2018, published code)."""


def leaky(features: Tensor) -> Tensor:
    """Leaky ReLU with ESRGAN's slope."""
    return F.leaky_relu(features, LEAKY_SLOPE)


def leaky_into(result: Tensor, features: Tensor) -> None:
    """The same, written where it is wanted instead of into new memory; not for training."""
    torch.ops.aten.leaky_relu.out(features, LEAKY_SLOPE, out=result)


def in_float32(layer: nn.Module, features: Tensor) -> Tensor:
    """Apply a network's last layer outside of autocast: bfloat16 near 1 is as coarse as 8 bits."""
    with torch.autocast(features.device.type, enabled=False):
        return layer(features.float())


class DoubleConv2d(nn.Module):
    """Two reflect-padded convolutions with PReLU and dropout (WorldStrat).

    The identities hold the places of absent batch norms, so parameters sit at indexes 0, 2, 4, 6 as published.
    """

    def __init__(self, n_in: int, n_out: int, kernel_size: int, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.doubleconv2d = nn.Sequential(
            nn.Conv2d(n_in, n_out, kernel_size, padding="same", padding_mode="reflect"),
            nn.Identity(),
            nn.PReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(n_out, n_out, kernel_size, padding="same", padding_mode="reflect"),
            nn.Identity(),
            nn.PReLU(),
            nn.Dropout(dropout),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.doubleconv2d(features)


class ResidualDoubleConv2d(nn.Module):
    """x + DoubleConv2d(x), under the published name `residualblock`."""

    def __init__(self, n_features: int, kernel_size: int, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.residualblock = DoubleConv2d(n_features, n_features, kernel_size, dropout=dropout)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.residualblock(features)


class PixelShuffleUpsampler(nn.Module):
    """Pixel shuffle, then two 1×1 convolutions with PReLU (also on the image itself, as published)."""

    def __init__(self, n_features: int, n_out: int, zoom: int, kernel_size: int) -> None:
        super().__init__()
        n_fine = n_features // zoom**2
        self.upsample = nn.Sequential(
            nn.PixelShuffle(zoom),
            nn.Conv2d(n_fine, n_fine, kernel_size, padding="same", padding_mode="reflect"),
            nn.Identity(),
            nn.PReLU(),
            nn.Conv2d(n_fine, n_out, kernel_size, padding="same", padding_mode="reflect"),
            nn.Identity(),
            nn.PReLU(),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.upsample(features)


RESIZING_RADIUS_PX = 2
"""Context, in coarse pixels, of `resized` for any change by less than a factor of two."""


def resized(image: Tensor, shape_hw: torch.Size | tuple[int, int], scale: int) -> Tensor:
    """An image at `scale` times a coarse shape: itself, or resized bilinearly with antialiasing."""
    wanted = (shape_hw[0] * scale, shape_hw[1] * scale)
    if image.shape[-2:] == wanted:
        return image
    return F.interpolate(image, wanted, mode="bilinear", antialias=True)


def shuffled_radius_px(kernel_size: int, zoom: int) -> int:
    """Context, in coarse pixels, of the upsampler's two convolutions on the fine grid."""
    return -(-2 * (kernel_size // 2) // zoom)


def with_reference_frame(low_res: Tensor) -> Tensor:
    """Append the median over the dates to every date: `b t c h w` to `b t 2c h w` (WorldStrat)."""
    reference = low_res.median(1, keepdim=True).values.expand_as(low_res)
    return torch.cat([low_res, reference], 2)
