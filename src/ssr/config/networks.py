"""Which networks may an option file name, and which weights?"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ssr.config.options import Options, Share


class DateFusionModel(Options):
    """Any number of dates, few operations; the architecture of the bundled model."""

    type: Literal["date_fusion"] = "date_fusion"
    n_channels: PositiveInt = 3
    n_features: PositiveInt = 64
    n_date_features: PositiveInt = 32
    n_blocks: PositiveInt = 8
    scale: PositiveInt = 4


class GridFusionModel(Options):
    """Any number of dates, each laid where it lies on the fine grid; half as fast as `date_fusion`."""

    type: Literal["grid_fusion"] = "grid_fusion"
    n_channels: PositiveInt = 3
    n_features: PositiveInt = 80
    n_date_features: PositiveInt = 24
    n_blocks: PositiveInt = 9
    scale: PositiveInt = 4


class ESRGANModel(Options):
    """The ESRGAN generator over stacked dates."""

    type: Literal["esrgan"] = "esrgan"
    n_revisits: PositiveInt = 8
    n_channels: PositiveInt = 3
    n_out_channels: PositiveInt = 3
    scale: Literal[1, 2, 3, 4, 8, 16] = 4
    n_features: PositiveInt = 64
    n_blocks: PositiveInt = 23
    n_growth: PositiveInt = 32


class SRCNNModel(Options):
    """SRCNN over a fixed number of dates (WorldStrat).

    zoom: what its pixel shuffle enlarges by, where the result is then resized to another scale.
    """

    type: Literal["srcnn"] = "srcnn"
    n_revisits: PositiveInt = 8
    n_channels: PositiveInt = 3
    n_out_channels: PositiveInt = 3
    n_features: PositiveInt = 128
    n_residual_blocks: PositiveInt = 1
    kernel_size: PositiveInt = 3
    shuffle_kernel_size: PositiveInt = 1
    scale: PositiveInt = 4
    zoom: PositiveInt | None = None
    sees_reference: bool = False

    @model_validator(mode="after")
    def _can_shuffle(self) -> Self:
        _check_shuffle(self.n_features, self.zoom or self.scale)
        return self


class HighResNetModel(Options):
    """HighRes-net: recursive fusion of dates (WorldStrat). Without `n_revisits` it takes any number.

    zoom: what its pixel shuffle enlarges by, where the result is then resized to another scale.
    """

    type: Literal["highresnet"] = "highresnet"
    n_revisits: PositiveInt | None = None
    n_channels: PositiveInt = 3
    n_out_channels: PositiveInt = 3
    n_features: PositiveInt = 128
    kernel_size: PositiveInt = 3
    shuffle_kernel_size: PositiveInt = 1
    scale: PositiveInt = 4
    zoom: PositiveInt | None = None
    sees_reference: bool = False

    @model_validator(mode="after")
    def _can_shuffle(self) -> Self:
        _check_shuffle(self.n_features, self.zoom or self.scale)
        return self


def _check_shuffle(n_features: int, scale: int) -> None:
    if n_features % scale**2:
        raise ValueError(f"n_features {n_features} is not a multiple of the shuffle's zoom squared ({scale**2})")


class SR3Model(Options):
    """SR3: diffusion conditioned on stacked dates. The defaults are the published network and schedule.

    context: `window` normalises and attends over the whole window, as published; `local` looks only around each
        pixel, so that a window's content cannot tint the rest of it. The tensors are the same, but weights trained
        in one way must be trained further to serve in the other.
    n_sampling_steps: network calls an image (twice as many with guidance other than 1).
    start_signal: the share of signal at which sampling starts, from the noised enlargement; 0 is pure noise.
    """

    type: Literal["sr3"] = "sr3"
    n_revisits: PositiveInt = 8
    n_channels: PositiveInt = 3
    n_out_channels: PositiveInt = 3
    n_features: PositiveInt = 64
    multipliers: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1, 2, 4, 8, 8)
    n_res_blocks: PositiveInt = 2
    attention_levels: tuple[NonNegativeInt, ...] = (3,)
    n_groups: PositiveInt = 32
    dropout: Share = 0.2
    scale: PositiveInt = 4
    upsampling: Literal["nearest", "bicubic"] = "nearest"
    data_range: Literal["unit", "signed"] = "unit"
    context: Literal["window", "local"] = "window"
    noise_schedule: Literal["linear", "cosine"] = "linear"
    n_noise_levels: Annotated[int, Field(ge=2)] = 2000
    beta_start: Annotated[float, Field(gt=0, lt=1)] = 1e-6
    beta_end: Annotated[float, Field(gt=0, lt=1)] = 1e-2
    sampler: Literal["dpm-solver++", "ddim", "ddpm"] = "dpm-solver++"
    n_sampling_steps: PositiveInt = 25
    start_signal: Share = 0.3
    guidance: NonNegativeFloat = 1.0
    seed: int = 0

    @model_validator(mode="after")
    def _can_normalise(self) -> Self:
        if self.n_features % self.n_groups:
            raise ValueError(f"n_features {self.n_features} is not a multiple of n_groups ({self.n_groups})")
        if self.n_sampling_steps > self.n_noise_levels:
            raise ValueError(f"n_sampling_steps is {self.n_sampling_steps}, of {self.n_noise_levels} noise levels")
        return self


class ShiftAndAddModel(Options):
    """Every date laid on the fine grid by its estimated displacement, then deblurred: learns and invents nothing."""

    type: Literal["shift_and_add"] = "shift_and_add"
    n_channels: PositiveInt = 3
    scale: PositiveInt = 4


class BicubicModel(Options):
    """Median of the dates, enlarged: learns and invents nothing."""

    type: Literal["bicubic"] = "bicubic"
    n_channels: PositiveInt = 3
    scale: PositiveInt = 4


Model = Annotated[
    DateFusionModel
    | GridFusionModel
    | ESRGANModel
    | SRCNNModel
    | HighResNetModel
    | SR3Model
    | ShiftAndAddModel
    | BicubicModel,
    Field(discriminator="type"),
]


class OnnxNetwork(Options):
    """An ONNX file made elsewhere, with what it cannot say of itself.

    onnx: the file, seen from the folder of the file that names it.
    halo_px: context, in low-resolution pixels, beyond which its result no longer changes by 1/255.
    takes: every date alone (the median of the results is taken), `b t c h w`, or `b t·c h w`.
    peak: the number that means white to it.
    """

    onnx: Path
    scale: PositiveInt
    n_channels: PositiveInt = 3
    halo_px: NonNegativeInt
    n_revisits: PositiveInt | None = None
    size_multiple: PositiveInt = 1
    takes: Literal["series", "stacked", "single"] | None = None
    peak: PositiveFloat = 1.0


class UNetDiscriminator(Options):
    """The spectral-norm U-Net that judges realism, with or without the branch for object crops.

    clips_object_logits: the original's ReLU before the logistic loss, which hides every negative object logit.
    """

    type: Literal["unet_sn"] = "unet_sn"
    n_channels: PositiveInt
    n_features: PositiveInt = 64
    has_skips: bool = True
    judges_objects: bool = False
    clips_object_logits: bool = False


class Weights(Options):
    """A weight file: `{params, params_ema}`, one of them, a bare state dict, or safetensors."""

    path: Path
    key: str | None = None
    strict: bool = True
