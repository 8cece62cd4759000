"""Does a result, seen as the instrument sees, agree with the dates?"""

from collections.abc import Callable

import torch
from torch import Tensor

from ssr.sentinel2.radiometry import is_no_data


class Consistency:
    """Mean absolute error of the seen result against the mean of the dates that have data, where any has.

    Args:
        see: `b c H W` to `b c h w`: the point spread and the sampling of the instrument.
        border_px: low-resolution border left out.
    """

    def __init__(self, see: Callable[[Tensor], Tensor], *, border_px: int = 0) -> None:
        self.see = see
        self.border_px = border_px

    def __call__(self, super_res: Tensor, low_res: Tensor) -> Tensor:
        """`b c H W`, `b t c' h w` whose first channels are those of the result."""
        inner = slice(self.border_px, -self.border_px or None)
        has_data = ~is_no_data(low_res, 2)[:, :, None]
        n_dates = has_data.sum(1)
        mean = (low_res[:, :, : super_res.shape[1]] * has_data).sum(1) / n_dates.clamp(min=1)
        error = torch.where(n_dates > 0, (self.see(super_res) - mean).abs(), 0)
        return error[..., inner, inner].mean()
