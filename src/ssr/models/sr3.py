"""SR3: diffusion conditioned on a stack of dates.

Saharia et al. 2021, with the dates on the channel axis before the noisy image as the Satlas authors trained it
(Wolters et al. 2023, §4). Every date is enlarged to the fine grid first. Noise belongs to pixels of the scene
(`noise`), so it does not depend on windows, order or batch.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssr.models.bicubic import enlarge
from ssr.models.noise import normal_at
from ssr.models.registration import masked_median
from ssr.models.sampling import NoiseSchedule, Sampler, SamplerName
from ssr.models.sr3_unet import UNet
from ssr.sentinel2.radiometry import is_no_data
from ssr.tensors import Image, LowResSeries

EFFECTIVE_HALO_PX = 16
"""Context beyond which a small network with local context moves by less than 0.01 of 255 over 25 steps; with statistics
of the window no context is enough, and 16 leaves 3 of 255 (docs/models.md)."""

DATA_RANGES = {"unit": (0.0, 1.0), "signed": (-1.0, 1.0)}


class SR3(nn.Module):
    """Samples images that the dates allow.

    Args:
        n_revisits: dates stacked on the channel axis.
        n_channels: channels of one date.
        n_features: width of the first level; `multipliers`, `n_res_blocks`, `attention_levels`, `n_groups` and
            `dropout` are the U-Net's (`sr3_unet.UNet`).
        upsampling: how dates reach the fine grid (nearest in the published code of 2024, bicubic before).
        data_range: range of the images that noise is added to: [0, 1] (2024) or [-1, 1] (before).
        context: `window` as published; `local` uses no statistic of the whole window (`sr3_unet`).
        noise_schedule, n_noise_levels, beta_start, beta_end: `NoiseSchedule`.
        sampler, n_sampling_steps, start_signal: `Sampler`; the guess is the dates' median, enlarged.
        guidance: how far to exaggerate what the dates say over what is likely without them (Ho & Salimans 2022,
            equation 6, as w + 1): 1 is off and costs nothing, otherwise every step is two network calls.
        seed: which of the possible images.
    """

    sees_place = True

    def __init__(
        self,
        *,
        n_revisits: int = 8,
        n_channels: int = 3,
        n_out_channels: int = 3,
        n_features: int = 64,
        multipliers: Sequence[int] = (1, 2, 4, 8, 8),
        n_res_blocks: int = 2,
        attention_levels: Sequence[int] = (3,),
        n_groups: int = 32,
        dropout: float = 0.2,
        scale: int = 4,
        upsampling: Literal["nearest", "bicubic"] = "nearest",
        data_range: Literal["unit", "signed"] = "unit",
        context: Literal["window", "local"] = "window",
        noise_schedule: Literal["linear", "cosine"] = "linear",
        n_noise_levels: int = 2000,
        beta_start: float = 1e-6,
        beta_end: float = 1e-2,
        sampler: SamplerName = "dpm-solver++",
        n_sampling_steps: int = 25,
        start_signal: float = 0.3,
        guidance: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.n_revisits = n_revisits
        self.n_channels = n_channels
        self.n_out_channels = n_out_channels
        self.upsampling = upsampling
        self.data_range = DATA_RANGES[data_range]
        self.guidance = guidance
        self.seed = seed
        self.schedule = NoiseSchedule(
            kind=noise_schedule, n_levels=n_noise_levels, beta_start=beta_start, beta_end=beta_end
        )
        self.sampler = Sampler(
            schedule=self.schedule, kind=sampler, n_steps=n_sampling_steps, start_signal=start_signal
        )
        self.denoise_fn = UNet(
            n_in=n_revisits * n_channels + n_out_channels,
            n_out=n_out_channels,
            n_features=n_features,
            multipliers=multipliers,
            n_res_blocks=n_res_blocks,
            attention_levels=attention_levels,
            n_groups=n_groups,
            dropout=dropout,
            is_local=context == "local",
        )

    @property
    def size_multiple(self) -> int:
        return math.lcm(self.denoise_fn.size_multiple, self.scale) // self.scale

    @property
    def halo_px(self) -> int:
        return EFFECTIVE_HALO_PX

    def forward(self, low_res: LowResSeries, origins: Tensor | None = None) -> Image:
        """One possible image for each series; `origins` as in `PlacedSuperResolver`, by default (0, 0)."""
        return self.sample(low_res, 1, origins=origins)[:, 0]

    def sample(self, low_res: LowResSeries, n: int, *, origins: Tensor | None = None) -> Tensor:
        """An ensemble of possible images: `b n c H W`. Its spread says what the dates leave open.

        Member k is the image that `seed + k` gives alone.
        """
        return torch.stack([self._draw(low_res, origins, self.seed + k) for k in range(n)], 1)

    def condition(self, low_res: LowResSeries) -> Tensor:
        """The dates as the U-Net sees them: `b t·c H W`, in the range of its images."""
        stacked = low_res.flatten(1, 2).float()
        if self.upsampling == "bicubic":
            fine = enlarge(stacked, self.scale)
        else:
            fine = F.interpolate(stacked, scale_factor=float(self.scale), mode="nearest")
        return self.to_data_range(fine)

    def to_data_range(self, image: Tensor) -> Tensor:
        """From [0, 1] to the range that noise is added to."""
        low, high = self.data_range
        return low + (high - low) * image

    def estimate_noise(self, condition: Tensor, noisy: Tensor, noise_level: Tensor) -> Tensor:
        """The noise in `noisy` by the network, with guidance."""
        if self.guidance == 1:
            return self.denoise(condition, noisy, noise_level)
        nothing = torch.full_like(condition, self.data_range[0])
        both = self.denoise(
            torch.cat([condition, nothing]), torch.cat([noisy, noisy]), torch.cat([noise_level, noise_level])
        )
        guided, unguided = both.chunk(2)
        return unguided + self.guidance * (guided - unguided)

    def denoise(self, condition: Tensor, noisy: Tensor, noise_level: Tensor) -> Tensor:
        """The noise in `noisy` by the network alone: `b c H W`, float32."""
        return self.denoise_fn(torch.cat([condition, noisy], 1), noise_level).float()

    def _guess(self, low_res: Tensor) -> Tensor:
        """The median of the dates' first channels, enlarged, in the range of the U-Net's images."""
        valid = (~is_no_data(low_res, 2)).unsqueeze(2).float()
        median = masked_median(low_res.float(), valid)[:, : self.n_out_channels]
        return self.to_data_range(enlarge(median, self.scale))

    def _draw(self, low_res: Tensor, origins: Tensor | None, seed: int) -> Tensor:
        condition = self.condition(low_res)
        b, _, height, width = condition.shape
        places = torch.zeros(b, 2, dtype=torch.int64) if origins is None else origins.long() * self.scale

        def draw_noise(k: int) -> Tensor:
            return normal_at(places, (self.n_out_channels, height, width), seed=seed, draw=k).to(condition.device)

        image = self.sampler(
            lambda noisy, level: self.estimate_noise(condition, noisy, level),
            draw_noise,
            self._guess(low_res),
            data_range=self.data_range,
        )
        low, high = self.data_range
        return (image - low) / (high - low)
