"""What does a stored number mean?

True-colour images (TCI) are ESA's 8-bit rendering of L1C: 0 is no data, 1…255 is unit range × 255.
"""

from typing import Any

TCI_PEAK_DN = 255


def is_no_data(pixels: Any, channel_axis: int) -> Any:
    """Where every channel is exactly zero.

    The one no-data rule of training and inference, for NumPy arrays and torch tensors alike. A single dark channel
    is not missing data.
    """
    return (pixels == 0).all(channel_axis)
