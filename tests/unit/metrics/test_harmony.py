import numpy as np
import pytest
import torch
from skimage.exposure import match_histograms

from ssr.metrics.harmony import harmonised, with_histogram_of
from tests.support.tolerances import FLOAT32
from tests.support.triplets import scene
from tests.support.uniform import golden_input


@pytest.mark.parametrize("n_levels", [3, 40, 100_000])
def test_histograms_are_matched_as_in_scikit_image(n_levels):
    a = (golden_input("harmony/a", [2, 3, 20, 17]) * n_levels).floor() / n_levels
    b = (golden_input("harmony/b", [2, 3, 20, 17]) ** 2 * 7).floor() / 7
    found = with_histogram_of(a, b)
    for one, image, target in zip(found, a, b, strict=True):
        expected = match_histograms(image.numpy(), target.numpy(), channel_axis=0)
        np.testing.assert_allclose(one.numpy(), expected, rtol=FLOAT32, atol=1e-7)


def test_a_gain_and_a_bias_of_each_channel_are_taken_out_entirely():
    truth = scene("harmony", 64)
    gain = torch.tensor([0.5, 1.3, 0.8]).view(3, 1, 1)
    assert torch.equal(with_histogram_of(truth * gain + 0.07, truth), truth)


def test_a_displacement_is_taken_out_within_the_border():
    ground = scene("harmony", 96)
    truth, result = ground[..., 8:72, 8:72], ground[..., 6:70, 11:75]
    difference = (harmonised(result * 0.7, truth) - truth).abs()[..., 6:-6, 6:-6]
    assert difference.mean() < 0.1 * (result - truth).abs().mean()


def test_unclear_truth_decides_nothing():
    truth, result = scene("harmony", 64), scene("other", 64)
    clear = torch.ones(1, 1, 64, 64, dtype=torch.bool)
    clear[..., :20, 30:] = False
    clouded = torch.where(clear, truth, golden_input("harmony/cloud", [1, 3, 64, 64]) + 3)
    assert torch.equal(harmonised(result, truth, clear), harmonised(result, clouded, clear))


def test_a_mask_that_is_clear_everywhere_changes_nothing():
    truth, result = scene("harmony", 64), scene("other", 64)
    assert torch.equal(harmonised(result, truth, torch.ones(1, 1, 64, 64, dtype=torch.bool)), harmonised(result, truth))
