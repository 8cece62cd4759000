"""Against the recorded values of the original, scikit-image, torchmetrics and pytorch-msssim."""

import pytest
import torch
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from ssr.errors import InputError
from ssr.metrics.pixelwise import luma
from ssr.metrics.structure import SCALE_WEIGHTS, ms_ssim, ssim
from tests.support.tolerances import LUMA_METRIC, METRIC
from tests.unit.metrics.photographs import CROPS, RECORDED, as_array, crop, degraded


@pytest.mark.parametrize("border_px", [0, 4])
def test_ssim_equals_that_of_the_original_in_one_batch(border_px):
    images = torch.cat([degraded(row["reference"], row["degradation"]) for row in RECORDED])
    truth = torch.cat([crop(row["reference"]) for row in RECORDED])
    expected = [row[f"ssim_border{border_px}"] for row in RECORDED]
    expected_luma = [row[f"ssim_y_border{border_px}"] for row in RECORDED]
    assert ssim(images, truth, border_px=border_px).tolist() == pytest.approx(expected, rel=0, abs=METRIC)
    scores = ssim(luma(images), luma(truth), border_px=border_px)
    assert scores.tolist() == pytest.approx(expected_luma, rel=0, abs=LUMA_METRIC)


@pytest.mark.parametrize("name", CROPS)
@pytest.mark.parametrize("kind", ["box4", "noise", "shift", "bias"])
def test_ssim_agrees_with_scikit_image(name, kind):
    a, b = crop(name), degraded(name, kind)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True}
    _, similarity = structural_similarity(as_array(a), as_array(b), data_range=1, channel_axis=2, **settings)
    assert ssim(b, a).item() == pytest.approx(similarity[5:-5, 5:-5].mean(), abs=METRIC)


@pytest.mark.parametrize("kind", ["box4", "noise", "shift"])
@pytest.mark.parametrize(("border_px", "n_scales"), [(4, 4), (44, 2), (59, 0)])
def test_as_many_scales_count_as_have_room_for_the_window(kind, border_px, n_scales):
    a, b = (x[:, :1] for x in (crop("coffee"), degraded("coffee", kind)))
    if not n_scales:
        with pytest.raises(InputError, match="too small for windows of 11 px"):
            ms_ssim(b, a, border_px=border_px)
        return
    weights = [w * sum(SCALE_WEIGHTS) / sum(SCALE_WEIGHTS[:n_scales]) for w in SCALE_WEIGHTS[:n_scales]]
    inner = (..., slice(border_px, 128 - border_px), slice(border_px, 128 - border_px))
    a, b = a[inner], b[inner]
    expected = multiscale_structural_similarity_index_measure(b, a, data_range=1.0, betas=tuple(weights)).item()
    coarse = [torch.nn.functional.avg_pool2d(x, 2 ** (n_scales - 1)) for x in (b, a)]
    with_edges, similarity = structural_similarity_index_measure(*coarse, data_range=1.0, return_full_image=True)
    inside = similarity[..., 5:-5, 5:-5].mean()  # torchmetrics reflects edges at the last scale, and there alone
    expected *= (inside / with_edges).item() ** weights[-1]
    assert ms_ssim(b, a).item() == pytest.approx(expected, abs=METRIC)


def test_all_five_scales_agree_with_pytorch_msssim_channel_by_channel():
    oracle = pytest.importorskip("pytorch_msssim")
    a, b = (
        torch.nn.functional.interpolate(x, size=(176, 192)) for x in (crop("chelsea"), degraded("chelsea", "noise"))
    )
    kernel = torch.exp(-((torch.arange(11.0, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    window = (kernel / kernel.sum()).view(1, 1, 1, 11).expand(3, -1, -1, -1)
    # whose weights and window are float32 unless given
    expected = oracle.ms_ssim(b, a, data_range=1.0, size_average=False, win=window, weights=list(SCALE_WEIGHTS))
    assert ms_ssim(b, a).tolist() == pytest.approx(expected.tolist(), abs=METRIC)


def test_equal_images_are_alike_and_inverted_ones_are_not():
    a = crop("astronaut")
    assert ssim(a, a).item() == pytest.approx(1)
    assert ms_ssim(a, a).item() == pytest.approx(1)
    assert ssim(1 - a, a).item() < 0
    assert ms_ssim(1 - a, a).item() == 0


def test_flat_images_of_different_brightness_differ_in_brightness_alone():
    a, b = torch.full((1, 1, 11, 11), 0.5), torch.full((1, 1, 11, 11), 0.25)
    c1 = 0.01**2
    expected = (2 * 0.5 * 0.25 + c1) / (0.5**2 + 0.25**2 + c1)
    assert ssim(a, b).item() == pytest.approx(expected, abs=METRIC)


@pytest.mark.parametrize("measure", [ssim, ms_ssim])
def test_images_of_a_batch_do_not_mix_and_may_have_odd_sides(measure):
    images = torch.cat([degraded("coffee", "noise"), crop("coffee")])[..., :77, :91]
    truth = torch.cat([crop("coffee"), degraded("coffee", "box4")])[..., :77, :91]
    alone = [measure(a[None], b[None]).item() for a, b in zip(images, truth, strict=True)]
    assert measure(images, truth).tolist() == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("measure", [ssim, ms_ssim])
def test_images_without_room_for_the_window_are_an_error(measure):
    with pytest.raises(InputError, match="10×32 px are too small for windows of 11 px"):
        measure(torch.zeros(1, 3, 10, 32), torch.zeros(1, 3, 10, 32))
