from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from ssr.losses.sharpening import sharpened
from tests.support.tolerances import FLOAT32
from tests.support.uniform import uniform

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


def blurred(image: np.ndarray) -> np.ndarray:
    """OpenCV's Gaussian of 51 pixels and automatic width, 8 pixels, over mirrored edges, by SciPy."""
    x = np.arange(51) - 25
    kernel = np.exp(-(x**2) / 128)
    kernel /= kernel.sum()
    for axis in (-2, -1):
        image = correlate1d(image, kernel, axis=axis, mode="mirror")
    return image


def test_target_is_that_of_the_original():
    """Recorded from the original's first step: images of random bytes."""
    image = np.floor(256 * uniform("train/high_res1", 2 * 3 * 64 * 64)).reshape(2, 3, 64, 64)
    recorded = np.load(GOLDEN / "train_esrgan.npz")["sharpened_high_res1"]
    ours = sharpened(torch.from_numpy(image).float() / 255)
    torch.testing.assert_close(ours, torch.from_numpy(recorded), atol=FLOAT32, rtol=0)


@pytest.mark.parametrize("side", [64, 24, 9], ids=["larger than the window", "smaller than its half", "much smaller"])
def test_target_is_that_of_its_definition(side):
    rng = np.random.default_rng(0)
    image = np.repeat(np.repeat(rng.random((1, 3, -(-side // 4), -(-side // 4))), 4, -2), 4, -1)[..., :side, :side]
    residual = image - blurred(image)
    is_edge = blurred((np.abs(residual) * 255 > 10).astype(float))
    expected = is_edge * np.clip(image + 0.5 * residual, 0, 1) + (1 - is_edge) * image
    ours = sharpened(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(ours, expected, atol=FLOAT32)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_flat_images_stay(value):
    image = torch.full((1, 3, 30, 30), value)
    torch.testing.assert_close(sharpened(image), image, atol=FLOAT32, rtol=0)


def test_faint_structure_stays():
    """Below ten of 255 there is nothing to sharpen."""
    image = torch.full((1, 3, 64, 64), 0.5)
    image[..., ::2] += 9 / 255
    torch.testing.assert_close(sharpened(image), image, atol=FLOAT32, rtol=0)


def test_edges_become_steeper_and_stay_in_range():
    image = torch.full((1, 1, 64, 64), 0.2)
    image[..., 32:] = 0.9
    result = sharpened(image)
    assert result[..., 32, 33] - result[..., 32, 30] > 0.7
    assert 0 <= result.min() < 0.2
    assert 0.9 < result.max() <= 1


def test_targets_have_no_gradient():
    assert not sharpened(torch.rand(1, 3, 16, 16, requires_grad=True)).requires_grad
