"""What does plain interpolation give? The reference every model has to beat."""

import torch.nn.functional as F
from torch import Tensor

from ssr.models.registration import masked_median
from ssr.sentinel2.radiometry import is_no_data
from ssr.tensors import Image, LowResSeries

KERNEL_RADIUS_PX = 2


def enlarge(image: Tensor, scale: int) -> Tensor:
    """`b c h w` to `b c scale·h scale·w` by cubic convolution (Keys 1981, a = -0.75), pixel areas aligned."""
    return F.interpolate(image, scale_factor=scale, mode="bicubic", align_corners=False)


class Bicubic:
    """Median of the dates that have data (`masked_median`), enlarged. Learns and invents nothing."""

    n_revisits: int | None = None
    size_multiple = 1
    sees_place = False
    halo_px = KERNEL_RADIUS_PX

    def __init__(self, *, scale: int = 4, n_channels: int = 3) -> None:
        self.scale = scale
        self.n_channels = n_channels

    def __call__(self, low_res: LowResSeries) -> Image:
        valid = (~is_no_data(low_res, 2)).unsqueeze(2).to(low_res.dtype)
        return enlarge(masked_median(low_res, valid), self.scale)
