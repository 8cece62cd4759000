"""What may an option file say of measures of quality?"""

from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, NonNegativeInt, model_validator

from ssr.config.options import Options

PixelMeasure = Literal["psnr", "ssim", "cpsnr", "ms_ssim", "psnr_y", "ssim_y", "rmse", "mae", "spectral_angle", "ergas"]
LpipsMeasure = Literal["lpips_vgg", "lpips_alex", "lpips_squeeze"]
ClipMeasure = Literal["clipscore_openai", "clipscore_siglip", "clipscore_clipa"]
ConsistencyMeasure = Literal["reflectance", "spectral", "spatial", "synthesis"]
CorrectnessMeasure = Literal[
    "hallucination_nd", "omission_nd", "improvement_nd", "hallucination_lpips", "omission_lpips", "improvement_lpips"
]  # fmt: skip
MeasureName = Literal[PixelMeasure, LpipsMeasure, ClipMeasure, ConsistencyMeasure, CorrectnessMeasure]
Network = Literal["vgg16", "alexnet", "squeezenet1_1", "openai", "siglip", "clipa"]

EVERY_MEASURE: tuple[MeasureName, ...] = get_args(MeasureName)


class MetricsOptions(Options):
    """What a model is measured by (`docs/metrics.md`).

    measures: taken in this order; one whose network is not to be had is reported as missing, the others are taken.
    protocols: `corrected` as the literature defines, `original` as Satlas Super Resolution computes where that differs.
    border_px: left out at each edge by the pixelwise measures; networks see whole images.
    rounds_to_bytes: images are rounded to 8 bits first, as they are delivered; `original` always does.
    weights: local files of networks by their names here; by default the published ones, from the caches.
    offline: nothing is fetched: what is neither given nor cached counts as missing. The largest network has 10 GB.
    """

    measures: Annotated[tuple[MeasureName, ...], Field(min_length=1)] = EVERY_MEASURE
    protocols: Annotated[tuple[Literal["corrected", "original"], ...], Field(min_length=1)] = ("corrected", "original")
    border_px: NonNegativeInt = 4
    rounds_to_bytes: bool = True
    weights: dict[Network, Path] = Field(default_factory=dict)
    offline: bool = True

    @model_validator(mode="after")
    def _takes_each_once(self) -> Self:
        twice = sorted({name for name in self.measures if self.measures.count(name) > 1})
        if twice:
            raise ValueError(f"measures: {', '.join(twice)} is named more than once")
        return self
