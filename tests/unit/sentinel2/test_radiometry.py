import numpy as np
import pytest
import torch

from ssr.sentinel2.radiometry import is_no_data


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
