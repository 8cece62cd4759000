"""Where does a learned mask see cloud: s2cloudless, which judges each pixel by ten bands of L1C?

The package brings its model with it (gradient-boosted trees, Zupanc 2017). It knows no shadow; what colours say of
shadow is added by who asks.
"""

import numpy as np
from numpy.typing import NDArray

from ssr.errors import MissingExtraError
from ssr.scenes.clouds import ramp

S2CLOUDLESS_BANDS = ("b01", "b02", "b04", "b05", "b08", "b8a", "b09", "b10", "b11", "b12")
"""In the order in which its model takes them."""

THINNED = 6
"""Its model sees bands of 60 m: pixels of 10 m are thinned by so much at least; each costs some 30 µs."""

PROBABILITY_SEEN, PROBABILITY_HIDDEN = 0.2, 0.6
"""Around 0.4, from which its authors take a pixel for cloud."""


def cloud_of_bands(reflectance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reflectance `10 h w` of the bands above to `h w`: 0 where ground is seen, 1 where cloud hides it.

    Raises:
        MissingExtraError: s2cloudless is not installed.
    """
    try:
        from s2cloudless.cloud_detector import S2PixelCloudDetector
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "s2cloudless", "clouds", "the cloud mask s2cloudless") from error
    detector = S2PixelCloudDetector(average_over=None, dilation_size=None)
    probability = detector.get_cloud_probability_maps(np.moveaxis(reflectance, 0, -1)[None])[0]
    return ramp(probability, PROBABILITY_SEEN, PROBABILITY_HIDDEN).astype(np.float32)
