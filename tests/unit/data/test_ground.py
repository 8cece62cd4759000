import numpy as np
import pytest

from ssr.data.ground import draw_ground


@pytest.mark.parametrize("seed", [0, 7])
def test_the_seed_alone_decides_the_landscape(seed):
    assert np.array_equal(draw_ground(seed, 96), draw_ground(seed, 96))
    assert not np.array_equal(draw_ground(seed, 96), draw_ground(seed + 1, 96))


@pytest.mark.parametrize("side_px", [64, 100])
def test_landscape_is_bytes_of_the_size_asked_for_without_holes(side_px):
    pixels = draw_ground(3, side_px)
    assert pixels.shape == (side_px, side_px, 3)
    assert pixels.dtype == np.uint8
    assert pixels.min() >= 1
    assert pixels.std() > 10
