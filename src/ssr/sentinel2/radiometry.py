"""What does a stored number mean?

One rule, with a worked example in docs/products.md:

- *Reflectance* = (number + offset) / quantification. The offset is −1000 from processing baseline 04.00 on, else 0.
- *True colour* is what ESA's 8-bit image (TCI) of an L1C product holds: 0 is no data, 1…255 grow in a straight line
  with reflectance 0…0.3558, brighter is 255. In unit range it is divided by 255.
- *Other bands* are kept as the published models were trained: ⌊reflectance × 10000 / 32⌋, at most 255, over 255. That
  is the number over 8160 in steps of 8 bits.
- A pixel has *no data* where every channel is exactly zero.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Level = Literal["L1C", "L2A"]

TCI_PEAK_DN = 255
TCI_DARKEST_DN = 1
TCI_WHITE_REFLECTANCE: dict[Level, float] = {"L1C": 0.3558, "L2A": 0.2}
"""The reflectance that ESA's true-colour image shows as 255."""

QUANTIFICATION = 10000
BAND_STEP_DN = 32
BAND_WHITE_DN = BAND_STEP_DN * TCI_PEAK_DN
"""8160: the number, at quantification 10000 and offset 0, that is 1 in a band other than true colour."""

NO_DATA_DN = 0
SATURATED_DN = 65535

Floats = NDArray[np.float32]


def is_no_data(pixels: Any, channel_axis: int) -> Any:
    """Where every channel is exactly zero.

    The one no-data rule of training and inference, for NumPy arrays and torch tensors alike. A single dark channel
    is not missing data.
    """
    return (pixels == 0).all(channel_axis)


def reflectance(stored: Floats, *, offset_dn: float = 0.0, quantification: float = QUANTIFICATION) -> Floats:
    """Stored numbers to reflectance; below zero where the ground is darker than the correction thought."""
    return np.asarray((stored + np.float32(offset_dn)) / np.float32(quantification), np.float32)


def true_colour(toa_reflectance: Floats) -> Floats:
    """L1C reflectance to what the published models saw of it: ESA's true-colour stretch, never zero."""
    span = np.float32((TCI_PEAK_DN - TCI_DARKEST_DN) / TCI_WHITE_REFLECTANCE["L1C"])
    stretched = (np.float32(TCI_DARKEST_DN) + toa_reflectance * span) / np.float32(TCI_PEAK_DN)
    return np.asarray(stretched.clip(TCI_DARKEST_DN / TCI_PEAK_DN, 1), np.float32)


def reflectance_of_tci(stored: Floats, level: Level) -> Floats:
    """The reflectance that a true-colour image shows, as far as its 8 bits tell: all above white is white."""
    span = TCI_WHITE_REFLECTANCE[level] / (TCI_PEAK_DN - TCI_DARKEST_DN)
    return np.asarray((stored - np.float32(TCI_DARKEST_DN)).clip(0) * np.float32(span), np.float32)


def other_band(stored: Floats, *, offset_dn: float = 0.0, quantification: float = QUANTIFICATION) -> Floats:
    """A band other than true colour as the published models saw it, in 256 steps of unit range."""
    in_ten_thousandths = (stored + np.float32(offset_dn)) * np.float32(QUANTIFICATION / quantification)
    steps = np.floor(in_ten_thousandths / np.float32(BAND_STEP_DN)).clip(0, TCI_PEAK_DN)
    return np.asarray(steps / np.float32(TCI_PEAK_DN), np.float32)
