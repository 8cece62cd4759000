"""Do the numbers of a result mean what they say?"""

import numpy as np
import pytest

from ssr.inference.encoding import Encoding, band_names, to_bytes


@pytest.mark.parametrize("byte", [0, 1, 127, 128, 254, 255])
def test_bytes_survive_the_way_to_unit_range_and_back(byte: int) -> None:
    assert to_bytes(np.array([byte], np.float32) / np.float32(255)) == byte


def test_unit_range_is_rounded_to_the_nearest_byte() -> None:
    assert to_bytes(np.array([0.49, 0.51, 1.4], np.float32) / 255).tolist() == [0, 1, 1]


def test_reflectance_is_what_true_colour_and_other_bands_stand_for() -> None:
    """Worked examples of docs/products.md: byte 91.74 is 0.1271, and 76 of 255 in B08 is 76 · 32."""
    unit = np.array([91.74 / 255, 1.0, 1 / 255, 76 / 255], np.float32)[:, None, None]
    numbers = Encoding(("red", "green", "blue", "B08"), "uint16").encode(unit)
    assert numbers.ravel().tolist() == [1271, 3558, 1, 2432]
    assert numbers.dtype == np.uint16


def test_no_data_is_zero_in_sixteen_bits_too() -> None:
    assert not Encoding(("red", "green", "blue"), "uint16").encode(np.zeros((3, 1, 1), np.float32)).any()


def test_channels_of_a_result_are_true_colour_or_those_of_a_date() -> None:
    assert band_names(3, ("tci", "b08", "b05")) == ("red", "green", "blue")
    assert band_names(4, ("tci", "b08")) == ("red", "green", "blue", "B08")
    assert band_names(4, ("tci",)) is None
