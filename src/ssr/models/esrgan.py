"""The ESRGAN generator (RRDB network) over a stack of dates.

Wang et al. 2018 (ESRGAN), with scales 1 and 2 by pixel-unshuffle as in Wang et al. 2021 (Real-ESRGAN) and the dates
on the channel axis as in Wolters et al. 2023. Parameter names are the published ones.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ssr.models.layers import in_float32, leaky
from ssr.tensors import Image, LowResSeries

RESIDUAL_SCALE = 0.2

EFFECTIVE_HALO_PX = 64
"""Context beyond which the result of a trained 23-block network moves by less than half of 1/255 where a window ends,
by less than 1/255 for other ground, and by 1.3 of 255 if all beyond is white (float32; docs/seams.md). The theoretical
field, `receptive_px`, is 351 px."""
N_MEASURED_BLOCKS = 23


class RRDBNet(nn.Module):
    """Residual-in-residual dense blocks.

    Args:
        n_revisits: dates stacked on the channel axis.
        n_channels: channels of one date.
        n_out_channels: channels of the result.
        scale: 1, 2, 3, 4, 8 or 16.
        n_features: width of the trunk (`num_feat`).
        n_blocks: RRDBs (`num_block`).
        n_growth: channels each dense convolution adds (`num_grow_ch`).

    Attributes:
        checkpoints_blocks: in training keep each RRDB's input alone and compute its inside anew on the way back: less
            memory for a third more time.
    """

    checkpoints_blocks = False

    sees_place = False

    def __init__(
        self,
        *,
        n_revisits: int = 8,
        n_channels: int = 3,
        n_out_channels: int = 3,
        scale: int = 4,
        n_features: int = 64,
        n_blocks: int = 23,
        n_growth: int = 32,
    ) -> None:
        super().__init__()
        if scale not in (1, 2, 3, 4, 8, 16):
            raise ValueError(f"scale is {scale}; this network is defined for 1, 2, 3, 4, 8 and 16")
        self.scale = scale
        self.n_revisits = n_revisits
        self.n_channels = n_channels
        self.n_blocks = n_blocks
        self.unshuffle = {1: 4, 2: 2}.get(scale, 1)
        n_in = n_revisits * n_channels * self.unshuffle**2
        self.conv_first = nn.Conv2d(n_in, n_features, 3, padding=1)
        self.body = nn.Sequential(*(RRDB(n_features, n_growth) for _ in range(n_blocks)))
        self.conv_body = nn.Conv2d(n_features, n_features, 3, padding=1)
        # At scale 3 the original enlarges once, by 3, and leaves `conv_up1` without a use: it is not made.
        self.enlargements = {2: 3} if scale == 3 else dict.fromkeys(range(1, max(3, scale.bit_length())), 2)
        for k in self.enlargements:
            self.add_module(f"conv_up{k}", nn.Conv2d(n_features, n_features, 3, padding=1))
        self.conv_hr = nn.Conv2d(n_features, n_features, 3, padding=1)
        self.conv_last = nn.Conv2d(n_features, n_out_channels, 3, padding=1)

    @property
    def size_multiple(self) -> int:
        return self.unshuffle

    @property
    def receptive_px(self) -> int:
        """Context, in low-resolution pixels, that can reach an output pixel at all."""
        at_trunk = 2 + 15 * self.n_blocks  # conv_first, conv_body, five convolutions in each of three dense blocks
        at_full = 2 + 2  # the doublings and the last two convolutions together span less than this
        return (at_trunk + at_full) * self.unshuffle

    @property
    def halo_px(self) -> int:
        deeper = max(1.0, self.n_blocks / N_MEASURED_BLOCKS)
        return min(self.receptive_px, math.ceil(EFFECTIVE_HALO_PX * deeper))

    def forward(self, low_res: LowResSeries) -> Image:
        stacked = low_res.flatten(1, 2)
        if self.unshuffle > 1:
            stacked = F.pixel_unshuffle(stacked, self.unshuffle)
        # The sums of 69 dense blocks are kept in float32: in bfloat16 their roundings would add up to several
        # steps of an 8-bit image.
        first = self.conv_first(stacked).float()
        features = first + self.conv_body(self._through_body(first))
        for k, factor in self.enlargements.items():
            features = leaky(self.get_submodule(f"conv_up{k}")(F.interpolate(features, scale_factor=factor)))
        return in_float32(self.conv_last, leaky(self.conv_hr(features)))

    def _through_body(self, features: Tensor) -> Tensor:
        if not (self.checkpoints_blocks and torch.is_grad_enabled()):
            return self.body(features)
        for block in self.body:
            features = checkpoint(block, features, use_reentrant=False, preserve_rng_state=False)
        return features


class RRDB(nn.Module):
    """Three dense blocks inside one scaled residual."""

    def __init__(self, n_features: int, n_growth: int) -> None:
        super().__init__()
        self.rdb1 = ResidualDenseBlock(n_features, n_growth)
        self.rdb2 = ResidualDenseBlock(n_features, n_growth)
        self.rdb3 = ResidualDenseBlock(n_features, n_growth)

    def forward(self, features: Tensor) -> Tensor:
        return features + RESIDUAL_SCALE * self.rdb3(self.rdb2(self.rdb1(features)))


class ResidualDenseBlock(nn.Module):
    """Five convolutions, each seeing everything before it; weights start at a tenth of Kaiming's."""

    def __init__(self, n_features: int, n_growth: int) -> None:
        super().__init__()
        for k in range(1, 6):
            n_out = n_growth if k < 5 else n_features
            convolution = nn.Conv2d(n_features + (k - 1) * n_growth, n_out, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight)
            with torch.no_grad():
                convolution.weight.mul_(0.1)
            assert convolution.bias is not None
            nn.init.zeros_(convolution.bias)
            self.add_module(f"conv{k}", convolution)

    def forward(self, features: Tensor) -> Tensor:
        grown = leaky(self.get_submodule("conv1")(features))
        seen = [features.to(grown.dtype), grown]
        for k in range(2, 5):
            seen.append(leaky(self.get_submodule(f"conv{k}")(torch.cat(seen, 1))))
        return features + RESIDUAL_SCALE * self.get_submodule("conv5")(torch.cat(seen, 1))
