import numpy as np
import pytest
import torch

from ssr.errors import InputError
from ssr.evaluation.scores import BORDER_PX, Scores, best_single_date, predict, score, to_bytes
from ssr.metrics.displaced import cpsnr
from ssr.metrics.pixelwise import psnr
from ssr.metrics.structure import ssim
from ssr.models.bicubic import Bicubic, enlarge
from tests.support.tolerances import METRIC


def pictures(b: int = 2, side: int = 48, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(b, 3, side // 4, side // 4, generator=generator)
    return enlarge(coarse, 4).clamp(0, 1)


def noisy(truth: torch.Tensor, sigma: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return truth + sigma * torch.randn(truth.shape, generator=generator)


def test_scores_are_means_over_chips_of_rounded_bytes_without_border():
    truth = pictures()
    images = noisy(truth, 0.05)
    scores = score(images, truth)
    bytes_of = [(batch.double().clamp(0, 1) * 255).round() / 255 for batch in (images, truth)]
    for name, measure in (("psnr", psnr), ("ssim", ssim), ("cpsnr", cpsnr)):
        expected = measure(*bytes_of, border_px=BORDER_PX).mean().item()
        assert getattr(scores, name) == pytest.approx(expected, abs=METRIC)


def test_values_out_of_range_count_as_clipped():
    truth = pictures()
    images = noisy(truth, 0.3)
    assert score(images, truth) == score(images.clamp(0, 1), truth)


def test_border_does_not_count():
    truth = pictures()
    images = truth.clone()
    images[..., :BORDER_PX, :], images[..., :, -BORDER_PX:] = 0, 1
    assert score(images, truth).psnr == np.inf


def test_images_and_truths_must_be_as_many():
    with pytest.raises(InputError):
        score(pictures(2), pictures(3))


def test_scores_are_rounded_for_display():
    assert Scores(30.123456, 0.98765432, 31.0).as_dict() == {"psnr": 30.1235, "ssim": 0.9877, "cpsnr": 31.0}


@pytest.mark.parametrize("best", [0, 2])
def test_best_date_is_the_one_nearest_to_the_truth(best):
    coarse = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    truth = enlarge(coarse, 4).clamp(0, 1)
    low_res = torch.stack([noisy(coarse, 0.2)] * 3, 1).clamp(0, 1)
    low_res[:, best] = coarse
    images, indexes = best_single_date(low_res, truth, 4)
    assert indexes.tolist() == [best]
    assert torch.equal(images, truth)


def test_prediction_is_clipped_and_has_no_gradient():
    class Doubled(Bicubic):
        def __call__(self, low_res):
            return 4 * super().__call__(low_res) - 1

    low_res = torch.rand(1, 2, 3, 6, 6, requires_grad=True)
    result = predict(Doubled(), low_res)
    assert not result.requires_grad
    assert (result.min().item(), result.max().item()) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("value", "byte"), [(-0.1, 0), (0.0, 0), (0.4 / 255, 0), (0.6 / 255, 1), (1.0, 255), (7.0, 255)]
)
def test_bytes_are_rounded_and_clipped(value, byte):
    pixels = to_bytes(torch.full((3, 2, 5), value))
    assert pixels.shape == (2, 5, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == byte).all()


def test_bytes_survive_the_way_to_floats_and_back():
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    assert np.array_equal(to_bytes(torch.from_numpy(pixels).permute(2, 0, 1).float() / 255), pixels)
