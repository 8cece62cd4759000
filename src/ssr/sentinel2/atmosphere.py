"""What would a satellite have seen of a ground whose own reflectance is known?

The published models were trained on light at the top of the atmosphere (L1C); L2A has the atmosphere taken out. This
puts the clean part of it back, the scattering by air (Rayleigh), so that an L2A series has about the look of L1C.
Haze, ozone, water vapour, terrain and the view angle are left out: the result is somewhat darker and clearer than a
real L1C image. It is an approximation; no L1C and L2A of one acquisition were at hand to measure its error.
"""

import math

import numpy as np

from ssr.sentinel2.bands import WAVELENGTH_UM
from ssr.sentinel2.radiometry import Floats

USUAL_SUN_ZENITH_DEG = 45.0
"""Used where nothing tells the height of the sun."""

LOWEST_SUN_ZENITH_DEG = 75.0
"""Nearer to the horizon a flat atmosphere is no model of ours any more."""


def optical_depth(wavelength_um: float) -> float:
    """How much the air of one vertical pass scatters, at sea level (Hansen and Travis 1974)."""
    inverse = wavelength_um**-2
    return 0.008569 * inverse**2 * (1 + 0.0113 * inverse + 0.00013 * inverse**2)


def path_reflectance(band: str, sun_zenith_deg: float) -> float:
    """What the air alone sends to a satellite overhead: light scattered once."""
    sun = _cosine(sun_zenith_deg)
    phase = 0.75 * (1 + sun**2)
    return optical_depth(WAVELENGTH_UM[band]) * phase / (4 * sun)


def transmittance(band: str, sun_zenith_deg: float) -> float:
    """The share of light that gets down to the ground and up to the satellite, straight or scattered forwards."""
    depth = optical_depth(WAVELENGTH_UM[band])
    return math.exp(-depth / (2 * _cosine(sun_zenith_deg))) * math.exp(-depth / 2)


def top_of_atmosphere(ground_reflectance: Floats, band: str, sun_zenith_deg: float) -> Floats:
    """Reflectance of the ground in a true-colour band to reflectance at the top of a clean atmosphere."""
    through = np.float32(transmittance(band, sun_zenith_deg))
    return np.asarray(np.float32(path_reflectance(band, sun_zenith_deg)) + through * ground_reflectance, np.float32)


def _cosine(sun_zenith_deg: float) -> float:
    return math.cos(math.radians(min(sun_zenith_deg, LOWEST_SUN_ZENITH_DEG)))
