"""Which three images are compared: the result, the truth, and what the dates agree on?

opensr-test knows one date; ours is the median of the dates that have data, pixel by pixel and channel by channel (of an
even number the mean of the two middle values, so that it leans to neither side). Of one date it is that date.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ssr.errors import InputError
from ssr.metrics.measure import Judged
from ssr.sentinel2.radiometry import is_no_data

BORDER_PX = 16
"""High-resolution border that opensr-test leaves out, `border_mask`."""


class Triplet(NamedTuple):
    """Images without their border, all of one floating type.

    super_res, truth: `b c H W`. low_res: `b c h w`, zero where no date has data. has_data: `b h w`.
    clear: `b 1 H W`, where the truth shows the ground.
    """

    super_res: Tensor
    truth: Tensor
    low_res: Tensor
    has_data: Tensor
    clear: Tensor

    @property
    def scale(self) -> int:
        return self.super_res.shape[-1] // self.low_res.shape[-1]

    @property
    def coarse(self) -> Tensor:
        """The result at the resolution of the dates, `b c h w`: bilinear with its triangle widened by the scale."""
        size = self.low_res.shape[-2:]
        return F.interpolate(self.super_res, size=size, mode="bilinear", align_corners=False, antialias=True)

    @property
    def interpolated(self) -> Tensor:
        """The dates at the resolution of the result, `b c H W`, bilinear."""
        return F.interpolate(self.low_res, size=self.super_res.shape[-2:], mode="bilinear", align_corners=False)

    @property
    def comparable(self) -> Tensor:
        """`b H W`: where the truth is clear and the low-resolution pixel above has data."""
        finely = self.has_data.repeat_interleave(self.scale, 1).repeat_interleave(self.scale, 2)
        return finely & self.clear[:, 0]


def triplet(judged: Judged, scale: int, *, border_px: int = BORDER_PX) -> Triplet:
    """Compare without `border_px` of the result, rounded down to whole low-resolution pixels.

    Raises:
        InputError: sizes or channels do not belong together, or nothing is left within the border.
    """
    _check(judged, scale)
    border = border_px // scale
    dtype = torch.promote_types(torch.promote_types(judged.super_res.dtype, judged.truth.dtype), torch.float32)
    super_res, truth = (_cut(image.to(dtype), border * scale) for image in (judged.super_res, judged.truth))
    dates = _cut(judged.low_res.to(dtype), border)
    if dates.numel() == 0:
        size = "×".join(str(n) for n in judged.super_res.shape[-2:])
        raise InputError(f"nothing of {size} px is left within a border of {border_px} px; leave out less of it")
    missing = is_no_data(dates, 2)
    dates = dates[:, :, : super_res.shape[1]].masked_fill(missing.unsqueeze(2), torch.nan)
    median = dates[:, 0] if dates.shape[1] == 1 else dates.nanquantile(0.5, dim=1)
    has_data = ~missing.all(1)
    clear = (
        torch.ones_like(truth[:, :1], dtype=torch.bool) if judged.clear is None else _cut(judged.clear, border * scale)
    )
    return Triplet(super_res, truth, median.masked_fill(~has_data.unsqueeze(1), 0), has_data, clear)


def mean_of(judgement: Tensor, *images: Tensor) -> Tensor:
    """Mean over the pixels that were judged (those not NaN), `b`; NaN where one of the images is not finite."""
    values = judgement.flatten(1).nanmean(1)
    for image in images:
        values = values.masked_fill(~image.isfinite().flatten(1).all(1), torch.nan)
    return values


def _check(judged: Judged, scale: int) -> None:
    super_res, truth, low_res = judged[:3]
    fits = super_res.ndim == truth.ndim == 4 and low_res.ndim == 5 and super_res.shape == truth.shape
    fits = fits and low_res.shape[0] == len(super_res) and 1 <= super_res.shape[1] <= low_res.shape[2]
    fits = fits and low_res.shape[1] > 0
    if not fits or tuple(super_res.shape[-2:]) != (low_res.shape[-2] * scale, low_res.shape[-1] * scale):
        found = [tuple(image.shape) for image in (super_res, truth, low_res)]
        raise InputError(
            f"result, truth and dates are {found[0]}, {found[1]} and {found[2]}; expected b c H W twice, alike, and "
            f"b t c h w, {scale} times coarser, with at least the channels of the result"
        )


def _cut(image: Tensor, border: int) -> Tensor:
    inner = slice(border, -border or None)
    return image[..., inner, inner]
