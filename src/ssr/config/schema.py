"""What may an option file of each command say?"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from ssr.config.data import Data, n_channels_of_data, n_revisits_of_data, scale_of_data
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
