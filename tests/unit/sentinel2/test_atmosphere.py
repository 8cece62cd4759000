"""Does clean air scatter as much light as textbooks say?"""

import math

import numpy as np
import pytest

from ssr.sentinel2.atmosphere import optical_depth, path_reflectance, top_of_atmosphere, transmittance


@pytest.mark.parametrize(("wavelength_um", "depth"), [(0.45, 0.2209), (0.55, 0.0972), (0.65, 0.0493)])
def test_optical_depth_is_that_of_the_literature(wavelength_um, depth):
    """Bodhaine et al. 1999 give 0.2190 at 450, 0.0970 at 550 and 0.0491 at 650 nm for a standard atmosphere."""
    assert optical_depth(wavelength_um) == pytest.approx(depth, rel=0.01)


def test_light_scattered_once_by_a_sun_overhead():
    """τ · P(180°) / 4 with P = 3/4 · (1 + 1)."""
    assert path_reflectance("b02", 0) == pytest.approx(optical_depth(0.4927) * 1.5 / 4, rel=1e-12)


@pytest.mark.parametrize("zenith", [0.0, 30.0, 60.0, 75.0])
def test_blue_is_scattered_most_and_a_low_sun_makes_it_more(zenith):
    blue, green, red = (path_reflectance(band, zenith) for band in ("b02", "b03", "b04"))
    assert blue > green > red > 0
    assert 0 < transmittance("b02", zenith) < transmittance("b04", zenith) < 1


def test_a_sun_below_the_model_counts_as_the_lowest_it_knows():
    assert path_reflectance("b02", 89.9) == path_reflectance("b02", 75)


def test_black_ground_shows_the_air_alone_and_brighter_ground_stays_brighter():
    ground = np.array([0, 0.1, 0.3], np.float32)
    seen = top_of_atmosphere(ground, "b03", 40)
    assert seen[0] == pytest.approx(path_reflectance("b03", 40), rel=1e-6)
    assert (np.diff(seen) > 0).all()
    assert np.diff(seen)[0] == pytest.approx(
        0.1 * math.exp(-optical_depth(0.5598) * (0.5 + 0.5 / math.cos(math.radians(40)))), rel=1e-4
    )
