"""Which options are there, of what type, with which default?"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS

Beta = Annotated[float, Field(ge=0, lt=1)]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DateFusionModel(_Options):
    """Any number of dates, few operations; the architecture of the bundled model."""

    type: Literal["date_fusion"] = "date_fusion"
    n_channels: PositiveInt = 3
    n_features: PositiveInt = 64
    n_date_features: PositiveInt = 32
    n_blocks: PositiveInt = 8
    scale: PositiveInt = 4


class ESRGANModel(_Options):
    """The ESRGAN generator over stacked dates."""

    type: Literal["esrgan"] = "esrgan"
    n_revisits: PositiveInt = 8
    n_channels: PositiveInt = 3
    n_out_channels: PositiveInt = 3
    scale: Literal[1, 2, 4, 8, 16] = 4
    n_features: PositiveInt = 64
    n_blocks: PositiveInt = 23
    n_growth: PositiveInt = 32


class SRCNNModel(_Options):
    """SRCNN over a fixed number of dates (WorldStrat)."""

    type: Literal["srcnn"] = "srcnn"
    n_revisits: PositiveInt = 8
    n_channels: PositiveInt = 3
    n_out_channels: PositiveInt = 3
    n_features: PositiveInt = 128
    n_residual_blocks: PositiveInt = 1
    kernel_size: PositiveInt = 3
    shuffle_kernel_size: PositiveInt = 1
    scale: PositiveInt = 4
    sees_reference: bool = False

    @model_validator(mode="after")
    def _can_shuffle(self) -> Self:
        _check_shuffle(self.n_features, self.scale)
        return self


class HighResNetModel(_Options):
    """HighRes-net: recursive fusion of dates (WorldStrat). Without `n_revisits` it takes any number."""

    type: Literal["highresnet"] = "highresnet"
    n_revisits: PositiveInt | None = None
    n_channels: PositiveInt = 3
    n_out_channels: PositiveInt = 3
    n_features: PositiveInt = 128
    kernel_size: PositiveInt = 3
    shuffle_kernel_size: PositiveInt = 1
    scale: PositiveInt = 4
    sees_reference: bool = False

    @model_validator(mode="after")
    def _can_shuffle(self) -> Self:
        _check_shuffle(self.n_features, self.scale)
        return self


def _check_shuffle(n_features: int, scale: int) -> None:
    if n_features % scale**2:
        raise ValueError(f"n_features {n_features} is not a multiple of scale² ({scale**2})")


class SR3Model(_Options):
    """SR3: diffusion conditioned on stacked dates. The defaults are the published network and schedule.

    context: `window` normalises and attends over the whole window, as published; `local` looks only around each
        pixel, so that a window's content cannot tint the rest of it. The tensors are the same, but weights trained
        in one way must be trained further to serve in the other.
    n_sampling_steps: network calls an image (twice as many with guidance other than 1).
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
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    scale: PositiveInt = 4
    upsampling: Literal["nearest", "bicubic"] = "nearest"
    data_range: Literal["unit", "signed"] = "unit"
    context: Literal["window", "local"] = "window"
    noise_schedule: Literal["linear", "cosine"] = "linear"
    n_noise_levels: Annotated[int, Field(ge=2)] = 2000
    beta_start: PositiveFloat = 1e-6
    beta_end: PositiveFloat = 1e-2
    sampler: Literal["dpm-solver++", "ddim", "ddpm"] = "dpm-solver++"
    n_sampling_steps: PositiveInt = 25
    guidance: NonNegativeFloat = 1.0
    seed: int = 0

    @model_validator(mode="after")
    def _can_normalise(self) -> Self:
        if self.n_features % self.n_groups:
            raise ValueError(f"n_features {self.n_features} is not a multiple of n_groups ({self.n_groups})")
        if self.n_sampling_steps > self.n_noise_levels:
            raise ValueError(f"n_sampling_steps is {self.n_sampling_steps}, of {self.n_noise_levels} noise levels")
        return self


class ShiftAndAddModel(_Options):
    """Every date laid on the fine grid by its estimated displacement, then deblurred: learns and invents nothing."""

    type: Literal["shift_and_add"] = "shift_and_add"
    n_channels: PositiveInt = 3
    scale: PositiveInt = 4


class BicubicModel(_Options):
    """Median of the dates, enlarged: learns and invents nothing."""

    type: Literal["bicubic"] = "bicubic"
    n_channels: PositiveInt = 3
    scale: PositiveInt = 4


Model = Annotated[
    DateFusionModel | ESRGANModel | SRCNNModel | HighResNetModel | SR3Model | ShiftAndAddModel | BicubicModel,
    Field(discriminator="type"),
]


class OnnxNetwork(_Options):
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


class UNetDiscriminator(_Options):
    """The spectral-norm U-Net that judges realism, with or without the branch for object crops.

    clips_object_logits: the original's ReLU before the logistic loss, which hides every negative object logit.
    """

    type: Literal["unet_sn"] = "unet_sn"
    n_channels: PositiveInt
    n_features: PositiveInt = 64
    has_skips: bool = True
    judges_objects: bool = False
    clips_object_logits: bool = False


class Weights(_Options):
    """A weight file: `{params, params_ema}`, one of them, a bare state dict, or safetensors."""

    path: Path
    key: str | None = None
    strict: bool = True


class ImageryFolder(_Options):
    """High-resolution imagery to photograph from simulated orbits.

    share: how often this folder is drawn relative to the others.
    """

    folder: Path
    include: tuple[str, ...] = ("*.png", "*.jpg", "*.jpeg")
    exclude: tuple[str, ...] = ()
    share: PositiveFloat = 1.0


class SimulatedData(_Options):
    """Pairs simulated on the fly from high-resolution imagery (`data/simulate`)."""

    type: Literal["simulated"] = "simulated"
    imagery: Annotated[tuple[ImageryFolder, ...], Field(min_length=1)]
    n_revisits: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (8,)
    chip_px: PositiveInt = 28
    seed: int = 0


class S2NaipData(_Options):
    """The S2-NAIP data set in its published layout."""

    type: Literal["s2naip"] = "s2naip"
    sentinel2: Path
    naip: Path
    n_revisits: PositiveInt = 8
    seed: int = 0


Data = Annotated[SimulatedData | S2NaipData, Field(discriminator="type")]


class Loss(_Options):
    """What regression minimises: a weighted sum."""

    l1: NonNegativeFloat = 1.0
    mse: NonNegativeFloat = 0.0
    ssim: NonNegativeFloat = 0.0
    border_px: NonNegativeInt = 0

    @model_validator(mode="after")
    def _minimises_something(self) -> Self:
        if not self.l1 + self.mse + self.ssim:
            raise ValueError("every weight is 0, so there is nothing to minimise")
        return self


class Training(_Options):
    """Optimiser and time."""

    n_steps: PositiveInt
    batch_size: PositiveInt = 16
    learning_rate: PositiveFloat = 1e-4
    final_learning_rate: NonNegativeFloat = 0.0
    schedule: Literal["cosine", "multistep"] = "cosine"
    milestones: tuple[PositiveInt, ...] = ()
    gamma: PositiveFloat = 0.5
    n_warmup_steps: NonNegativeInt = 0
    betas: tuple[Beta, Beta] = (0.9, 0.99)
    weight_decay: NonNegativeFloat = 0.0
    max_gradient_norm: PositiveFloat | None = None
    ema_decay: Beta = 0.999
    log_every: PositiveInt = 100
    validate_every: PositiveInt = 5000
    checkpoint_every: PositiveInt = 5000


class TrainConfig(_Options):
    """One training run; its results go to `<experiments_root>/<name>/`.

    loss: of every network but SR3, which minimises the mean absolute error of the noise it estimates.
    p_no_condition: SR3 alone: share of images that see no dates, which guidance needs (0.1 is usual).
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    seed: int = 0
    model: Model
    train_data: Data
    validation_data: Data | None = None
    n_validation_batches: PositiveInt = 8
    pretrained: Weights | None = None
    loss: Loss = Loss()
    p_no_condition: Annotated[float, Field(ge=0, lt=1)] = 0.0
    training: Training
    experiments_root: Path = Path("experiments")

    @model_validator(mode="after")
    def _data_fit_the_network(self) -> Self:
        """A network with a fixed number of dates is trained on that number; all data here have three channels."""
        wanted = getattr(self.model, "n_revisits", None)
        for data in (self.train_data, self.validation_data):
            offered = {data.n_revisits} if isinstance(data, S2NaipData) else set(data.n_revisits if data else ())
            if data and wanted is not None and offered != {wanted}:
                raise ValueError(f"the model takes {wanted} dates, the data offer {sorted(offered)}")
        if self.model.n_channels != TRUE_COLOUR_CHANNELS:
            raise ValueError(f"the model takes {self.model.n_channels} channels, the data offer {TRUE_COLOUR_CHANNELS}")
        return self


class InferConfig(_Options):
    """Chips or grids of chips to super-resolve, all PNG below `data_dir`.

    n_revisits: how many dates of each chip to use, the best; repeated where the network takes more.
    fidelity: how far results are held to the input, from 0 (not) to 1, over the dates' mean or median.
    """

    data_dir: Path
    save_path: Path
    n_revisits: PositiveInt = 8
    model: Model | None = None
    weights: Weights | None = None
    fidelity: Annotated[float, Field(ge=0, le=1)] = 0.0
    fidelity_to: Literal["mean", "median"] = "mean"
