"""Which noise is in this image, given the dates? The U-Net of SR3.

Saharia et al. 2021 (SR3, appendix A) in the form of the public PyTorch version that the Satlas authors trained:
residual blocks with group norm and Swish, the noise level added to every block, attention at one resolution and in
the middle. Parameter names are the published ones.

With `is_local` the same parameters are used without any statistic of the whole window: channels are normalised at
each pixel (Ba et al. 2016), positions attend to their neighbours. Group norm over a window ties the colour of every
pixel to whatever else lies in it, which shows as a shift of hue from window to window.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssr.models.layers import in_float32

NEIGHBOURHOOD_RADIUS = 3
"""Local attention sees 7×7 positions, at the published resolution 56×56 pixels of the fine grid."""


class UNet(nn.Module):
    """`b n_in H W` and its noise level to the noise in it, `b n_out H W`; H and W multiples of `size_multiple`.

    Args:
        multipliers: width of each level over `n_features`; each level has half the resolution of the one before.
        attention_levels: levels whose blocks attend, from 0 for full resolution.
    """

    def __init__(
        self,
        *,
        n_in: int,
        n_out: int,
        n_features: int,
        multipliers: Sequence[int],
        n_res_blocks: int,
        attention_levels: Sequence[int],
        n_groups: int,
        dropout: float,
        is_local: bool,
    ) -> None:
        super().__init__()
        self.size_multiple = 2 ** (len(multipliers) - 1)
        self.noise_level_mlp = nn.Sequential(
            NoiseLevelEncoding(n_features),
            nn.Linear(n_features, 4 * n_features),
            nn.SiLU(),
            nn.Linear(4 * n_features, n_features),
        )

        def block(n_before: int, n_after: int, *, attends: bool) -> AttendingBlock:
            return AttendingBlock(
                n_before,
                n_after,
                n_embedding=n_features,
                n_groups=n_groups,
                dropout=dropout,
                attends=attends,
                is_local=is_local,
            )

        widths = [n_features * m for m in multipliers]
        last = len(widths) - 1
        n, kept = n_features, [n_features]
        self.downs = nn.ModuleList([nn.Conv2d(n_in, n_features, 3, padding=1)])
        for level, width in enumerate(widths):
            for _ in range(n_res_blocks):
                self.downs.append(block(n, width, attends=level in attention_levels))
                n = width
                kept.append(n)
            if level < last:
                self.downs.append(Halving(n))
                kept.append(n)
        self.mid = nn.ModuleList([block(n, n, attends=True), block(n, n, attends=False)])
        self.ups = nn.ModuleList()
        for level, width in reversed(list(enumerate(widths))):
            for _ in range(n_res_blocks + 1):
                self.ups.append(block(n + kept.pop(), width, attends=level in attention_levels))
                n = width
            if level:
                self.ups.append(Doubling(n))
        self.final_conv = NormalisedConvolution(n, n_out, n_groups=n_groups, dropout=0.0, is_local=is_local)

    def forward(self, noisy: Tensor, noise_level: Tensor) -> Tensor:
        """`noise_level`: `b`, the square root of the share of signal left (ᾱ) in each image."""
        embedding = self.noise_level_mlp(noise_level)
        features, kept = noisy, []
        for layer in self.downs:
            features = layer(features, embedding) if isinstance(layer, AttendingBlock) else layer(features)
            kept.append(features)
        for layer in self.mid:
            features = layer(features, embedding)
        for layer in self.ups:
            if isinstance(layer, AttendingBlock):
                features = layer(torch.cat([features, kept.pop()], 1), embedding)
            else:
                features = layer(features)
        return in_float32(self.final_conv, features)


class NoiseLevelEncoding(nn.Module):
    """A continuous noise level as sines and cosines (Chen et al. 2020, WaveGrad §3; frequencies 1 to 1e-4)."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.n_features = n_features

    def forward(self, noise_level: Tensor) -> Tensor:
        half = self.n_features // 2
        place = torch.arange(half, dtype=noise_level.dtype, device=noise_level.device) / half
        angle = noise_level[:, None] * torch.exp(-math.log(1e4) * place)
        return torch.cat([angle.sin(), angle.cos()], 1)


class AttendingBlock(nn.Module):
    """A residual block, with attention after it or without."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        n_embedding: int,
        n_groups: int,
        dropout: float,
        attends: bool,
        is_local: bool,
    ) -> None:
        super().__init__()
        self.res_block = NoiseAwareBlock(
            n_in, n_out, n_embedding=n_embedding, n_groups=n_groups, dropout=dropout, is_local=is_local
        )
        self.attends = attends
        if attends:
            self.attn = SelfAttention(n_out, n_groups=n_groups, is_local=is_local)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        features = self.res_block(features, embedding)
        return self.attn(features) if self.attends else features


class NoiseAwareBlock(nn.Module):
    """Two normalised convolutions around a shift that depends on the noise level, in a residual."""

    def __init__(
        self, n_in: int, n_out: int, *, n_embedding: int, n_groups: int, dropout: float, is_local: bool
    ) -> None:
        super().__init__()
        self.noise_func = NoiseShift(n_embedding, n_out)
        self.block1 = NormalisedConvolution(n_in, n_out, n_groups=n_groups, dropout=0.0, is_local=is_local)
        self.block2 = NormalisedConvolution(n_out, n_out, n_groups=n_groups, dropout=dropout, is_local=is_local)
        self.res_conv = nn.Conv2d(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        shifted = self.noise_func(self.block1(features), embedding)
        return self.block2(shifted) + self.res_conv(features)


class NoiseShift(nn.Module):
    """x + linear(embedding), the same at every pixel."""

    def __init__(self, n_embedding: int, n_features: int) -> None:
        super().__init__()
        self.noise_func = nn.Sequential(nn.Linear(n_embedding, n_features))

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        return features + self.noise_func(embedding)[..., None, None]


class NormalisedConvolution(nn.Module):
    """Normalise, Swish, dropout, 3×3 convolution; the identity holds the place of an absent dropout."""

    def __init__(self, n_in: int, n_out: int, *, n_groups: int, dropout: float, is_local: bool) -> None:
        super().__init__()
        self.block = nn.Sequential(
            Normalisation(n_in, n_groups=n_groups, is_local=is_local),
            nn.SiLU(),
            nn.Dropout(dropout) if dropout else nn.Identity(),
            nn.Conv2d(n_in, n_out, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.block(features)


class Normalisation(nn.Module):
    """Group norm over the window (Wu & He 2018), or layer norm over the channels of each pixel."""

    def __init__(self, n_features: int, *, n_groups: int, is_local: bool) -> None:
        super().__init__()
        self.n_groups = n_groups
        self.is_local = is_local
        self.weight = nn.Parameter(torch.ones(n_features))
        self.bias = nn.Parameter(torch.zeros(n_features))

    def forward(self, features: Tensor) -> Tensor:
        if not self.is_local:
            return F.group_norm(features, self.n_groups, self.weight, self.bias)
        by_pixel = features.permute(0, 2, 3, 1)
        return F.layer_norm(by_pixel, self.weight.shape, self.weight, self.bias).permute(0, 3, 1, 2)


class SelfAttention(nn.Module):
    """x + attention among all positions of the window, or among the neighbours of each."""

    def __init__(self, n_features: int, *, n_groups: int, is_local: bool) -> None:
        super().__init__()
        self.is_local = is_local
        self.norm = Normalisation(n_features, n_groups=n_groups, is_local=is_local)
        self.qkv = nn.Conv2d(n_features, 3 * n_features, 1, bias=False)
        self.out = nn.Conv2d(n_features, n_features, 1)

    def forward(self, features: Tensor) -> Tensor:
        query, key, value = self.qkv(self.norm(features)).chunk(3, 1)
        attend = _attend_to_neighbours if self.is_local else _attend_to_all
        return features + self.out(attend(query, key, value))


class Halving(nn.Module):
    """Half the resolution."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_features, n_features, 3, stride=2, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(features)


class Doubling(nn.Module):
    """Twice the resolution."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_features, n_features, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(F.interpolate(features, scale_factor=2.0, mode="nearest"))


def _attend_to_all(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    q, k, v = (maps.flatten(2).transpose(1, 2).unsqueeze(1) for maps in (query, key, value))
    attended = F.scaled_dot_product_attention(q, k, v)
    return attended.squeeze(1).transpose(1, 2).reshape(query.shape)


def _attend_to_neighbours(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Softmax over a square around each position; offsets one after the other, so memory does not grow with it."""
    r, (height, width) = NEIGHBOURHOOD_RADIUS, query.shape[-2:]
    padded_key, padded_value = F.pad(key, (r, r, r, r)), F.pad(value, (r, r, r, r))
    inside = F.pad(torch.zeros_like(query[:, :1]), (r, r, r, r), value=-torch.inf)
    offsets = [(y, x) for y in range(2 * r + 1) for x in range(2 * r + 1)]

    def at(maps: Tensor, y: int, x: int) -> Tensor:
        return maps[..., y : y + height, x : x + width]

    scores = [(query * at(padded_key, y, x)).sum(1, keepdim=True) for y, x in offsets]
    logits = torch.stack([s / math.sqrt(query.shape[1]) + at(inside, *o) for s, o in zip(scores, offsets, strict=True)])
    weights = logits.softmax(0)
    attended = torch.zeros_like(value)
    for weight, (y, x) in zip(weights, offsets, strict=True):
        attended = attended + weight * at(padded_value, y, x)
    return attended
