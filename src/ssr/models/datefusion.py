"""How do any number of dates become one sharper image with few operations? (the bundled model)

Every date is registered against the median (`registration`), encoded together with its own displacement by one
shared encoder, and laid into a common feature image by a learned normalised convolution (Knutsson & Westin 1993):
each date brings values and how far to trust them, per channel. The order of the dates therefore cannot matter and
their number is free. All convolutions run at low resolution; a pixel shuffle (Shi et al. 2016, ESPCN) writes the
residual over the bicubic enlargement of the fused dates, so colours come from the input.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssr.models.bicubic import enlarge
from ssr.models.layers import in_float32
from ssr.models.registration import MAX_SHIFT_PX, RADIUS_PX, Registration, masked_median, register_on
from ssr.sentinel2.radiometry import is_no_data
from ssr.tensors import Image, LowResSeries

TRUST_FLOOR = 1e-3
"""Keeps the weighted mean defined where no date has data."""

EFFECTIVE_HALO_PX = 32
"""Context beyond which the bundled model's result moves by less than 0.8 of 1/255 in bfloat16, 0.2 in float32
(docs/seams.md)."""


class DateFusion(nn.Module):
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
        n_features: int = 64,
        n_date_features: int = 32,
        n_blocks: int = 8,
        scale: int = 4,
    ) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.scale = scale
        self.n_blocks = n_blocks
        self.encoder = DateEncoder(n_channels=n_channels, n_features=n_date_features)
        self.merge = nn.Conv2d(2 * n_date_features + n_channels, n_features, 3, padding=1)
        self.trunk = nn.Sequential(*(ResidualBlock(n_features) for _ in range(n_blocks)))
        self.to_pixels = nn.Conv2d(n_features, n_channels * scale**2, 3, padding=1)
        nn.init.zeros_(self.to_pixels.weight)
        assert self.to_pixels.bias is not None
        nn.init.zeros_(self.to_pixels.bias)

    @property
    def receptive_px(self) -> int:
        """Context that can reach an output pixel at all: three sliding boxes in a row, then every convolution."""
        return 3 * RADIUS_PX + 1 + self.encoder.radius_px + 2 * self.n_blocks + 2

    @property
    def halo_px(self) -> int:
        return min(self.receptive_px, EFFECTIVE_HALO_PX)

    def forward(self, low_res: LowResSeries) -> Image:
        valid = (~is_no_data(low_res, 2)).unsqueeze(2).float()
        dates, reference = _on_reference(low_res, valid)
        total = total_trust = colours = weights = torch.zeros(())
        # One date after the other where no gradient needs them all: what a date needs then stays in the cache, and
        # memory does not grow with their number. A graph of that would hold registration once a date.
        n_together = dates.shape[1] if torch.is_grad_enabled() or _becomes_a_graph() else 1
        for some, seen in zip(dates.split(n_together, 1), valid.split(n_together, 1), strict=True):
            registration = _register_on(reference, some, seen)
            values, trust, blend = self.encoder(registration, seen)
            total = total + _over_dates(values * trust)
            total_trust = total_trust + _over_dates(trust)
            weight = torch.sigmoid(blend.float()) * registration.weight + TRUST_FLOOR * seen
            colours = colours + _over_dates(registration.harmonised * weight)
            weights = weights + _over_dates(weight)
        fused = total / (total_trust + TRUST_FLOOR)
        base = torch.where(weights > 0, colours / weights.clamp_min(TRUST_FLOOR**2), torch.zeros_like(colours))
        features = self.merge(torch.cat([fused, torch.log1p(total_trust), base.to(fused.dtype)], 1))
        residual = in_float32(self.to_pixels, features + self.trunk(features))
        return enlarge(base, self.scale) + F.pixel_shuffle(residual, self.scale)


class DateEncoder(nn.Module):
    """One date, seen against the reference, to (values, trust per value, weight of its pixels in the base image)."""

    radius_px = 3

    def __init__(self, *, n_channels: int, n_features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(2 * n_channels + 2, n_features, 3, padding=1)
        self.shift_scale_bias = nn.Conv2d(5, 2 * n_features, 1)
        self.block = ResidualBlock(n_features)
        self.heads = nn.Conv2d(n_features, 2 * n_features + 1, 1)

    def forward(self, registration: Registration, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        b, t = valid.shape[:2]
        difference = registration.harmonised - registration.reference.unsqueeze(1)
        reference = registration.reference.unsqueeze(1).expand_as(difference)
        seen = torch.cat([difference * 4, reference, registration.weight, valid], 2)
        x, y = registration.shift_px.unbind(2)
        position = torch.stack([x, y, x * x, x * y, y * y], 2)
        features = self.first(_channels_last(seen))
        scale, bias = self.shift_scale_bias(_channels_last(position)).chunk(2, 1)
        features = self.block(F.leaky_relu(features * (1 + scale) + bias, 0.1))
        n = features.shape[1]
        values, trust, blend = self.heads(features).split([n, n, 1], 1)
        mask = valid.flatten(0, 1).to(trust.dtype)
        trust = torch.sigmoid(trust) * mask
        return values.unflatten(0, (b, t)), trust.unflatten(0, (b, t)), blend.unflatten(0, (b, t))


class ResidualBlock(nn.Module):
    """x + conv(leaky(conv(x)))."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(n_features, n_features, 3, padding=1)
        self.second = nn.Conv2d(n_features, n_features, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.second(F.leaky_relu(self.first(features), 0.1))


@torch.no_grad()
def _on_reference(low_res: LowResSeries, valid: Tensor) -> tuple[Tensor, Tensor]:
    """The dates, and what they are registered on, in float32."""
    with torch.autocast(low_res.device.type, enabled=False):
        dates = low_res.float()
        return dates, masked_median(dates, valid)


@torch.no_grad()
def _register_on(reference: Tensor, dates: Tensor, valid: Tensor) -> Registration:
    with torch.autocast(dates.device.type, enabled=False):
        return register_on(reference, dates, valid)


def _becomes_a_graph() -> bool:
    """Whether a forward pass is recorded, to be exported or compiled."""
    return torch.compiler.is_compiling() or bool(torch.jit.is_tracing())  # type: ignore[attr-defined]


def _over_dates(maps: Tensor) -> Tensor:
    """Sum over dates, `b t c h w` to `b c h w`, in float32; one date needs no reduction, which is slow for it."""
    return maps.squeeze(1).float() if maps.shape[1] == 1 else maps.sum(1, dtype=torch.float32)


def _channels_last(maps: Tensor) -> Tensor:
    return maps.flatten(0, 1).contiguous(memory_format=torch.channels_last)
