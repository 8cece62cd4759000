"""How do dates that lie between each other's pixels become one image on the fine grid between them?

Every date is aligned to a few hundredths of a pixel (`alignment`). What it shows beyond the mean of the dates is laid
onto the fine grid where it belongs (`laying`), weighted by how far a shared encoder trusts each of its pixels; the same
encoder adds features of its own, averaged over the dates by a trust per feature. The order of the dates therefore
cannot matter and their number is free. A residual trunk at low resolution and a pixel shuffle (Shi et al. 2016) turn
the folded fine grid into detail over the enlarged mean, so colours come from the input.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssr.models.alignment import TAPS, Alignment, align
from ssr.models.bicubic import enlarge
from ssr.models.datefusion import ResidualBlock
from ssr.models.layers import in_float32
from ssr.models.laying import lay
from ssr.models.registration import MAX_SHIFT_PX, RADIUS_PX
from ssr.sentinel2.radiometry import is_no_data
from ssr.tensors import Image, LowResSeries

TRUST_FLOOR = 1e-3
"""Keeps weighted means defined where no date is trusted."""
DETAIL_GAIN = 4.0
"""Differences between dates are small; enlarged, they are of the size of the other inputs."""
FIRST_SIGMA_PX = 0.15
EFFECTIVE_HALO_PX = 32
"""Context beyond which the result of trained weights moves by less than 0.1 of 1/255 in float32."""


class GridFusion(nn.Module):
    """Any number of revisits to one image.

    Args:
        n_channels: channels of one date and of the output.
        n_features: width of the trunk after fusion.
        n_date_features: width of the encoder that every date passes.
        n_blocks: residual blocks in the trunk (two 3×3 convolutions each).
        scale: enlargement.
    """

    n_revisits: int | None = None
    size_multiple = 1
    sees_place = False
    registers_px = MAX_SHIFT_PX

    def __init__(
        self,
        *,
        n_channels: int = 3,
        n_features: int = 80,
        n_date_features: int = 24,
        n_blocks: int = 9,
        scale: int = 4,
    ) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.scale = scale
        self.n_blocks = n_blocks
        self.log_sigma_px = nn.Parameter(torch.tensor(FIRST_SIGMA_PX).log())
        self.date_encoder = DateEncoder(n_channels=n_channels, n_features=n_date_features)
        n_seen = 2 * n_channels + (n_channels + 1) * scale**2 + 2 * n_date_features
        self.merge = nn.Conv2d(n_seen, n_features, 3, padding=1)
        self.trunk = nn.Sequential(*(ResidualBlock(n_features) for _ in range(n_blocks)))
        self.to_pixels = nn.Conv2d(n_features, n_channels * scale**2, 3, padding=1)
        nn.init.zeros_(self.to_pixels.weight)
        assert self.to_pixels.bias is not None
        nn.init.zeros_(self.to_pixels.bias)

    @property
    def receptive_px(self) -> int:
        """Context that can reach an output pixel at all: sliding boxes in a row, moved images, every convolution."""
        return 8 * (RADIUS_PX + TAPS) + self.date_encoder.radius_px + 2 * self.n_blocks + 3

    @property
    def halo_px(self) -> int:
        return min(self.receptive_px, EFFECTIVE_HALO_PX)

    def forward(self, low_res: LowResSeries) -> Image:
        valid = (~is_no_data(low_res, 2)).unsqueeze(2).float()
        with torch.autocast(low_res.device.type, enabled=False), torch.no_grad():
            dates = low_res.float()
            seen = align(dates, valid)
        fused, total_trust, speaks, blends = self._encode(dates, seen, valid)
        with torch.autocast(low_res.device.type, enabled=False):
            base = _blend(seen, blends)
            detail, density = lay(
                seen.harmonised - seen.expected,
                speaks,
                seen.shift_px,
                scale=self.scale,
                sigma_px=self.log_sigma_px.exp(),
            )
            inputs = [base, seen.mean - base, DETAIL_GAIN * detail, torch.log1p(density)]
        merged = torch.cat([*inputs, fused, torch.log1p(total_trust)], 1)
        features = self.merge(merged.contiguous(memory_format=torch.channels_last))
        residual = in_float32(self.to_pixels, features + self.trunk(features))
        return enlarge(base, self.scale) + F.pixel_shuffle(residual, self.scale)

    def _encode(self, dates: Tensor, aligned: Alignment, valid: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features of all dates by their trust, that trust, and the two weights of each date.

        One date after the other where no gradient needs them all, so that what a date needs stays in the cache.
        """
        n_together = valid.shape[1] if torch.is_grad_enabled() else 1
        total = total_trust = torch.zeros((), device=valid.device)
        weights = []
        for part in zip(*(maps.split(n_together, 1) for maps in (dates, valid, *_of_dates(aligned))), strict=True):
            values, trust, of_dates = self.date_encoder(*part)
            total = total + (values * trust).sum(1, dtype=torch.float32)
            total_trust = total_trust + trust.sum(1, dtype=torch.float32)
            weights.append(of_dates)
        speaks, blends = torch.cat(weights, 1).split(1, 2)
        return total / (total_trust + TRUST_FLOOR), total_trust, speaks, blends


class DateEncoder(nn.Module):
    """One date, seen against what was expected of it, to features, a trust per feature, and two weights per pixel.

    The weights, in [0, 1], say how far its pixels speak on the fine grid, and how far in the mean that is enlarged.
    """

    radius_px = 3

    def __init__(self, *, n_channels: int, n_features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3 * n_channels + 4, n_features, 3, padding=1)
        self.shift_scale_bias = nn.Conv2d(5, 2 * n_features, 1)
        self.block = ResidualBlock(n_features)
        self.heads = nn.Conv2d(n_features, 2 * n_features + 2, 1)

    def forward(
        self, dates: Tensor, valid: Tensor, harmonised: Tensor, expected: Tensor, shift_px: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        b, t = valid.shape[:2]
        difference = DETAIL_GAIN * (harmonised - expected)
        seen = torch.cat([difference, expected, dates - harmonised, weight, valid, shift_px], 2)
        x, y = shift_px.unbind(2)
        position = torch.stack([x, y, x * x, x * y, y * y], 2)
        features = self.first(_channels_last(seen))
        scale, bias = self.shift_scale_bias(_channels_last(position)).chunk(2, 1)
        features = self.block(F.leaky_relu(features * (1 + scale) + bias, 0.1))
        n = features.shape[1]
        values, trust, weights = self.heads(features).split([n, n, 2], 1)
        trust = torch.sigmoid(trust).unflatten(0, (b, t)) * valid.to(trust.dtype)
        return values.unflatten(0, (b, t)), trust, torch.sigmoid(weights.float()).unflatten(0, (b, t)) * valid


def _of_dates(aligned: Alignment) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the encoder is told of each date."""
    return aligned.harmonised, aligned.expected, aligned.shift_px, aligned.weight


def _blend(aligned: Alignment, blends: Tensor) -> Tensor:
    """Mean of the aligned dates, weights from the encoder and from agreement: `b c h w`."""
    weight = (blends + TRUST_FLOOR) * aligned.aligned_weight
    total = weight.sum(1)
    mean = (aligned.aligned * weight).sum(1) / total.clamp_min(TRUST_FLOOR**2)
    return torch.where(total > TRUST_FLOOR**2, mean, aligned.mean)


def _channels_last(maps: Tensor) -> Tensor:
    return maps.flatten(0, 1).contiguous(memory_format=torch.channels_last)
