"""What may an option file of each command say?"""

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from ssr.config.data import Data, n_channels_of_data, n_revisits_of_data, scale_of_data
from ssr.config.evaluation import (
    ComparedModel,
    EvaluationData,
    Examples,
    Name,
    SaveImages,
    refuse_changed_samples,
)
from ssr.config.metrics import MetricsOptions
from ssr.config.networks import Model, Weights
from ssr.config.options import Options, Share
from ssr.config.training import Adversarial, Loss, Training


class TrainConfig(Options):
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
    adversarial: Adversarial | None = None
    p_no_condition: Share = 0.0
    training: Training
    experiments_root: Path = Path("experiments")

    @model_validator(mode="after")
    def _data_fit_the_network(self) -> Self:
        wanted = getattr(self.model, "n_revisits", None)
        for data in (self.train_data, self.validation_data):
            if data is None:
                continue
            offered, n_channels, scale = n_revisits_of_data(data), n_channels_of_data(data), scale_of_data(data)
            if wanted is not None and offered != {wanted}:
                raise ValueError(f"the model takes {wanted} dates, the data offer {sorted(offered)}")
            if self.model.n_channels != n_channels:
                raise ValueError(
                    f"the model takes {self.model.n_channels} channels a date, the data offer {n_channels}"
                )
            if scale not in (None, self.model.scale):
                raise ValueError(f"the model enlarges {self.model.scale} times, the truth is {scale} times finer")
        return self

    @model_validator(mode="after")
    def _data_have_what_is_judged(self) -> Self:
        for data, judged, what in (
            (self.train_data, self.adversarial and self.adversarial.sees_old_high_res, "old_naip"),
            (self.train_data, self.adversarial and self.adversarial.objects, "objects"),
        ):
            if judged and getattr(data, what, None) is None:
                raise ValueError(f"the discriminator is to see {what} of the training data, which have none")
        return self


class InferConfig(Options):
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


class TestConfig(Options):
    """Models measured on data with known truth; results go to `<results_root>/<name>/`.

    n_dates: how many dates models are shown: of each sample the best so many, and all of them where it has fewer; by
        default all.
    n_samples: of `simulated` data, which have no end.
    site: a regular expression whose first group is the place in a sample's name. Chips of one place resemble each
        other, so intervals are drawn over places instead of chips.
    groups: a CSV or Parquet file with a column `sample` and others to break results down by, such as land cover.
    save_images: every result as a PNG below `visualization/`.
    """

    __test__: ClassVar[bool] = False  # its name is no invitation to pytest

    name: Name
    seed: int = 0
    models: Annotated[tuple[ComparedModel, ...], Field(min_length=1)]
    data: Annotated[dict[Name, EvaluationData], Field(min_length=1)]
    metrics: MetricsOptions = MetricsOptions()
    n_dates: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] | None = None
    n_samples: PositiveInt = 256
    batch_size: PositiveInt = 16
    site: str | None = None
    groups: Path | None = None
    examples: Examples = Examples()
    save_images: SaveImages = "none"
    results_root: Path = Path("results")

    @field_validator("site")
    @classmethod
    def _site_has_a_group(cls, site: str | None) -> str | None:
        if site is None:
            return None
        try:
            n_groups = re.compile(site).groups
        except re.error as error:
            raise ValueError(f"not a regular expression ({error})") from error
        if not n_groups:
            raise ValueError("the expression has no group; put the place into brackets, as in '^(.+)_[0-9]+$'")
        return site

    @model_validator(mode="after")
    def _names_are_clear(self) -> Self:
        names = [model.name for model in self.models]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two models are called {', '.join(twice)}")
        if self.examples.of is not None and self.examples.of not in names:
            raise ValueError(f"examples.of is '{self.examples.of}', the models are {', '.join(names)}")
        for name, data in self.data.items():
            refuse_changed_samples(name, data)
        return self
