"""Which models and which data may a test name?"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ssr.config.data import Data, ImageryFolder, S2NaipData, SimulatedData, n_channels_of_data
from ssr.config.networks import Model, Weights
from ssr.config.options import Options
from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""Of files and folders."""

Name = Annotated[str, Field(pattern=NAME)]


class ComparedModel(Options):
    """One row of the tables.

    model: a name that `ssr weights list` shows, `bicubic`, `shift_and_add`, a weight file or the folder of one.
    weights, architecture: instead of `model`, an entry of a weight file, and its network where the file does not tell.
    n_revisits: show it no more than the best so many of the dates that it is offered.
    fidelity: how far results are held to the input, from 0 (not) to 1, over the dates' mean or median.
    """

    name: Name
    model: str | None = None
    weights: Weights | None = None
    architecture: Model | None = None
    n_revisits: PositiveInt | None = None
    fidelity: Annotated[float, Field(ge=0, le=1)] = 0.0
    fidelity_to: Literal["mean", "median"] = "mean"

    @model_validator(mode="after")
    def _is_one_network(self) -> Self:
        if (self.model is None) == (self.weights is None):
            raise ValueError("expected either model or weights")
        if self.architecture is not None and self.weights is None:
            raise ValueError(f"model '{self.model}' says what it is; remove architecture")
        return self


class FolderPairs(Options):
    """Pictures that lie in pairs in one folder.

    high_res, low_res: file names, `{name}` standing for the sample and `*` for anything: each picture that `high_res`
        fits is the truth of one sample, and all that `low_res` fits are its dates, in the order of their names.
        Without `{name}` the folder is one sample.
    """

    type: Literal["pairs"] = "pairs"
    folder: Path
    high_res: str = "{name}_hr.png"
    low_res: str = "{name}_lr*.png"

    @model_validator(mode="after")
    def _patterns_fit(self) -> Self:
        n_high, n_low = self.high_res.count("{name}"), self.low_res.count("{name}")
        if n_high > 1 or bool(n_high) != bool(n_low):
            raise ValueError("expected {name} once in high_res and also in low_res, or in neither")
        return self


class CutImagery(Options):
    """High-resolution imagery cut into chips that do not overlap, each photographed once from simulated orbits.

    chip_px: low-resolution side of a chip.
    target_gsd_m, max_upsampling: as of `simulated`.
    """

    type: Literal["simulated_tiles"] = "simulated_tiles"
    imagery: Annotated[tuple[ImageryFolder, ...], Field(min_length=1)]
    target_gsd_m: PositiveFloat | None = None
    max_upsampling: Annotated[float, Field(ge=1)] = 1.0
    n_revisits: PositiveInt = 8
    chip_px: PositiveInt = 28
    n_samples: PositiveInt | None = None
    seed: int = 0


EvaluationData = Annotated[Data | FolderPairs | CutImagery, Field(discriminator="type")]


def refuse_changed_samples(name: str, data: EvaluationData) -> None:
    """Raise ValueError for augmented, weighted or mixed samples: each is to count once and as it is."""
    augmentation = getattr(data, "augmentation", None)
    if augmentation is not None and augmentation != type(augmentation)():
        raise ValueError(f"data '{name}': samples are tested as they are; remove augmentation")
    if isinstance(data, S2NaipData) and data.tile_weights is not None:
        raise ValueError(f"data '{name}': each sample is counted once; remove tile_weights")
    if isinstance(data, SimulatedData) and len(set(data.n_revisits)) > 1:
        raise ValueError(f"data '{name}': give one number of n_revisits; n_dates says how many of them models see")


def n_channels_offered(data: EvaluationData) -> int:
    """Channels of one date."""
    if isinstance(data, FolderPairs | CutImagery):
        return TRUE_COLOUR_CHANNELS
    return n_channels_of_data(data)


def is_made_up(data: EvaluationData) -> bool:
    """Whether the low-resolution side was simulated from the truth rather than seen by an instrument."""
    return isinstance(data, SimulatedData | CutImagery)


class Examples(Options):
    """Which chips a report shows as pictures.

    n_each: of the best, of the middle and of the worst.
    by: the column that decides; by default cPSNR, or the first column where that is not measured.
    of: the model whose results it is taken of; by default the first that has learnt.
    """

    n_each: NonNegativeInt = 1
    by: str | None = None
    of: str | None = None


SaveImages = Literal["none", "results", "results_and_truth"]
