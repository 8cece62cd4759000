"""What do the axes of a tensor mean?

b batch · t revisit (date) · c channel · h, w low-resolution rows and columns · H, W the same `scale` times finer.
Values are floats in [0, 1] from batch to network; stored rasters are bytes or 16-bit integers.
"""

from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from torch import Tensor

LowResSeries = Float[Tensor, "b t c h w"]
Image = Float[Tensor, "b c H W"]
SeriesMask = Bool[Tensor, "b t h w"]
SeriesBytes = UInt8[ndarray, "t c h w"]
ImageBytes = UInt8[ndarray, "c H W"]
