"""Which numbers does a result store?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssr.raster.layout import Layout, Stored, picture_layout
from ssr.sentinel2.radiometry import BAND_WHITE_DN, QUANTIFICATION, TCI_PEAK_DN, reflectance_of_tci

TRUE_COLOUR_NAMES = ("red", "green", "blue")
REFLECTANCE_STEP = 1 / QUANTIFICATION


@dataclass(frozen=True)
class Encoding:
    """Unit range as bytes, or as reflectance × 10000 in 16 bits.

    Attributes:
        names: of the bands; the first three, if so called, are true colour.
        stored: `uint8` or `uint16`.
    """

    names: tuple[str, ...]
    stored: Stored = "uint8"

    @property
    def layout(self) -> Layout:
        return picture_layout(self.names, self.stored, step=1.0 if self.stored == "uint8" else REFLECTANCE_STEP)

    def encode(self, unit: NDArray[np.float32]) -> NDArray[np.generic]:
        """`c h w`; the predictor's zeros stay no data, nothing else becomes zero."""
        return to_bytes(unit) if self.stored == "uint8" else self._reflectance(unit)

    def _reflectance(self, unit: NDArray[np.float32]) -> NDArray[np.uint16]:
        is_seen = (unit != 0).any(0)
        n_true_colour = len(TRUE_COLOUR_NAMES) if self.names[:3] == TRUE_COLOUR_NAMES else 0
        numbers = unit * np.float32(BAND_WHITE_DN)
        numbers[:n_true_colour] = reflectance_of_tci(unit[:n_true_colour] * TCI_PEAK_DN, "L1C") * QUANTIFICATION
        return np.where(is_seen, np.rint(numbers).clip(1), 0).astype(np.uint16)


def to_bytes(unit: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Unit range to bytes, rounded; the predictor's zeros stay no data."""
    return np.rint(unit * TCI_PEAK_DN).astype(np.uint8)


def band_names(n_channels: int, of_a_date: tuple[str, ...]) -> tuple[str, ...] | None:
    """What the channels of a result are: true colour, or as those of a date (`tci`, `b08`, …); None if neither."""
    as_a_date = tuple(name for band in of_a_date for name in (TRUE_COLOUR_NAMES if band == "tci" else (band.upper(),)))
    return next((names for names in (TRUE_COLOUR_NAMES, as_a_date) if len(names) == n_channels), None)
