"""What do the axes of a tensor mean?

b batch · t revisit (date) · c channel · h, w low-resolution rows and columns · H, W the same `scale` times finer.
Values are floats in [0, 1] from batch to network; stored rasters are bytes or 16-bit integers.
"""

from jaxtyping import Float
from torch import Tensor

LowResSeries = Float[Tensor, "b t c h w"]
Image = Float[Tensor, "b c H W"]
