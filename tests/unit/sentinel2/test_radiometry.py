"""Does a stored number mean what docs/products.md says?"""

import numpy as np
import pytest
import torch

from ssr.sentinel2.radiometry import (
    BAND_WHITE_DN,
    is_no_data,
    other_band,
    reflectance,
    reflectance_of_tci,
    true_colour,
)
from tests.support.tolerances import FLOAT32


@pytest.mark.parametrize(
    ("pixel", "expected"), [((0, 0, 0), True), ((0, 9, 9), False), ((0, 0, 1), False), ((255, 255, 255), False)]
)
@pytest.mark.parametrize("kind", [np.uint8, np.float32, torch.float32])
def test_only_a_pixel_with_every_channel_zero_has_no_data(pixel, expected, kind):
    pixels = torch.tensor(pixel, dtype=kind) if isinstance(kind, torch.dtype) else np.array(pixel, kind)
    assert bool(is_no_data(pixels, 0)) is expected


def test_the_channel_axis_is_the_one_that_goes():
    assert is_no_data(np.zeros((2, 3, 4, 5)), 1).shape == (2, 4, 5)
    assert is_no_data(torch.zeros(2, 3, 4, 5), 1).all()


def stored(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)


@pytest.mark.parametrize(
    ("dn", "offset_dn", "rho", "tci", "unit"),
    [  # the worked example of docs/products.md, by hand
        (1271, 0, 0.1271, 91.74, 0.35975),
        (2271, -1000, 0.1271, 91.74, 0.35975),
        (3558, 0, 0.3558, 255.0, 1.0),
        (9000, 0, 0.9, 255.0, 1.0),
        (900, -1000, -0.01, 1.0, 1 / 255),
        (1000, -1000, 0.0, 1.0, 1 / 255),
    ],
)
def test_the_worked_example_of_true_colour(dn, offset_dn, rho, tci, unit):
    found = reflectance(stored(dn), offset_dn=offset_dn)
    assert found == pytest.approx([rho], abs=1e-7)
    assert true_colour(found) * 255 == pytest.approx([tci], abs=0.01)
    assert true_colour(found) == pytest.approx([unit], abs=1e-4)


@pytest.mark.parametrize(
    ("dn", "offset_dn", "byte"),
    [  # the worked example of docs/products.md: ⌊(dn + offset) / 32⌋ up to 255
        (2456, 0, 76),
        (3456, -1000, 76),
        (2463, 0, 76),
        (2464, 0, 77),
        (31, 0, 0),
        (8159, 0, 254),
        (8160, 0, 255),
        (20000, 0, 255),
        (900, -1000, 0),
    ],
)
def test_the_worked_example_of_other_bands(dn, offset_dn, byte):
    assert other_band(stored(dn), offset_dn=offset_dn) * 255 == pytest.approx([byte], abs=FLOAT32)


def test_every_16_bit_number_becomes_the_byte_of_integer_division():
    every = np.arange(65536)
    np.testing.assert_array_equal(
        np.rint(other_band(every.astype(np.float32)) * 255).astype(int), np.minimum(every // 32, 255)
    )


def test_steps_of_other_bands_lie_within_one_of_division_by_8160():
    every = np.arange(BAND_WHITE_DN, dtype=np.float32)
    difference = every / BAND_WHITE_DN - other_band(every)
    assert difference.min() >= -FLOAT32
    assert difference.max() < 1 / 255


def test_another_quantification_is_the_same_reflectance():
    np.testing.assert_allclose(reflectance(stored(127.1), quantification=1000), [0.1271], rtol=FLOAT32)
    np.testing.assert_array_equal(other_band(stored(250), quantification=1000), other_band(stored(2500)))


def test_true_colour_is_never_zero_and_never_above_one():
    unit = true_colour(np.linspace(-0.2, 2, 1001).astype(np.float32))
    assert (unit.min(), unit.max()) == (pytest.approx(1 / 255), 1)
    assert (np.diff(unit) >= 0).all()


@pytest.mark.parametrize(("level", "white"), [("L1C", 0.3558), ("L2A", 0.2)])
def test_reflectance_of_a_true_colour_image_ends_at_its_white(level, white):
    np.testing.assert_allclose(reflectance_of_tci(stored(1, 128, 255), level), [0, white / 2, white], atol=1e-7)


def test_true_colour_and_back_is_the_same_reflectance():
    rho = np.linspace(0, 0.3558, 50).astype(np.float32)
    np.testing.assert_allclose(reflectance_of_tci(true_colour(rho) * 255, "L1C"), rho, atol=1e-6)
