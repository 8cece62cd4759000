"""Does a result agree with the dates in brightness, colour and place, and how much does it add to them?

Definitions, names and constants of opensr-test (Aybar et al. 2024, "A Comprehensive Benchmark for Optical Remote
Sensing Image Super-Resolution"); what the dates agree on is said in `triplet.py`. Maps are NaN where no date has data.
"""

import torch
from torch import Tensor

from ssr.metrics.displacement import MAX_SHIFT_PX, displacement
from ssr.metrics.harmony import harmonised
from ssr.metrics.measure import Judged, Measure
from ssr.metrics.triplet import BORDER_PX, Triplet, mean_of, triplet

N_SEEN_CHANNELS = 3


def reflectance_map(images: Triplet) -> Tensor:
    """Mean absolute difference of the channels at the resolution of the dates, `b h w`."""
    return _judged((images.coarse - images.low_res).abs().mean(1), images.has_data)


def spectral_map(images: Triplet) -> Tensor:
    """Angle between the colours at the resolution of the dates, degrees, `b h w`; NaN too where the result is black.

    Computed from the sides of the rhombus of unit colours (Kahan), which keeps small angles that the arc cosine loses.
    """
    lengths = [image.norm(dim=1, keepdim=True) for image in (images.coarse, images.low_res)]
    a, b = images.coarse / lengths[0], images.low_res / lengths[1]
    angle = 2 * torch.atan2((a - b).norm(dim=1), (a + b).norm(dim=1))
    return _judged(angle.rad2deg(), images.has_data)


def spatial(images: Triplet, *, max_shift_px: float = MAX_SHIFT_PX) -> Tensor:
    """Displacement between the result and the dates in low-resolution pixels, `b`; NaN where none could be found."""
    a, b = (image[:, :N_SEEN_CHANNELS] for image in (images.coarse, images.low_res))
    return displacement(a, b, max_shift_px=max_shift_px).norm(dim=1)


def synthesis_map(images: Triplet) -> Tensor:
    """Mean absolute difference of the harmonised result from the interpolated dates, `b H W`; NaN too without truth."""
    added = (harmonised(images.super_res, images.truth, images.clear) - images.interpolated).abs().mean(1)
    return _judged(added, images.comparable)


def consistency_measures(scale: int, *, border_px: int = BORDER_PX) -> list[Measure]:
    """`reflectance`, `spectral`, `spatial`, `synthesis`; only the last looks at the truth."""

    def compared(judged: Judged) -> Triplet:
        return triplet(judged, scale, border_px=border_px)

    def reflectance(judged: Judged) -> Tensor:
        images = compared(judged)
        return _value(mean_of(reflectance_map(images), images.super_res, images.low_res))

    def spectral(judged: Judged) -> Tensor:
        images = compared(judged)
        return _value(mean_of(spectral_map(images), images.super_res, images.low_res))

    def place(judged: Judged) -> Tensor:
        return _value(spatial(compared(judged)))

    def synthesis(judged: Judged) -> Tensor:
        images = compared(judged)
        return _value(mean_of(synthesis_map(images), *images[:3]))

    return [
        Measure("reflectance", "corrected", "", "lower", reflectance),
        Measure("spectral", "corrected", "°", "lower", spectral),
        Measure("spatial", "corrected", "px", "lower", place),
        Measure("synthesis", "corrected", "", "higher", synthesis),
    ]


def _judged(judgement: Tensor, where: Tensor) -> Tensor:
    return judgement.masked_fill(~where, torch.nan)


def _value(values: Tensor) -> Tensor:
    return values.double().cpu()
