"""Against the recorded values of the original, scikit-image and closed forms."""

import math

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from ssr.errors import InputError
from ssr.metrics.pixelwise import luma, mae, psnr, rmse, rounded_to_bytes
from tests.support.tolerances import LUMA_METRIC, METRIC
from tests.unit.metrics.photographs import CROPS, RECORDED, as_array, crop, degraded


@pytest.mark.parametrize("border_px", [0, 4])
def test_psnr_equals_that_of_the_original_in_one_batch(border_px):
    images = torch.cat([degraded(row["reference"], row["degradation"]) for row in RECORDED])
    truth = torch.cat([crop(row["reference"]) for row in RECORDED])
    expected = [row[f"psnr_border{border_px}"] for row in RECORDED]
    expected_luma = [row[f"psnr_y_border{border_px}"] for row in RECORDED]
    assert psnr(images, truth, border_px=border_px).tolist() == pytest.approx(expected, rel=0, abs=METRIC)
    scores = psnr(luma(images), luma(truth), border_px=border_px)
    assert scores.tolist() == pytest.approx(expected_luma, rel=0, abs=LUMA_METRIC)


@pytest.mark.parametrize("name", CROPS)
@pytest.mark.parametrize("kind", ["box4", "noise"])
def test_psnr_agrees_with_scikit_image(name, kind):
    a, b = crop(name), degraded(name, kind)
    assert psnr(b, a).item() == pytest.approx(
        peak_signal_noise_ratio(as_array(a), as_array(b), data_range=1), abs=METRIC
    )


@pytest.mark.parametrize("difference", [1, 16, 255])
def test_a_constant_difference_is_its_ratio_to_the_peak(difference):
    black = torch.zeros(1, 3, 8, 9)
    image = black + difference / 255
    assert psnr(image, black).item() == pytest.approx(20 * math.log10(255 / difference), abs=METRIC)
    assert rmse(image, black).item() == pytest.approx(difference / 255, abs=METRIC)
    assert mae(image, black).item() == pytest.approx(difference / 255, abs=METRIC)


def test_mean_absolute_and_root_mean_square_difference_weigh_outliers_differently():
    black = torch.zeros(1, 1, 2, 2)
    image = torch.tensor([[[[0.4, 0.0], [0.0, 0.0]]]])
    assert mae(image, black).item() == pytest.approx(0.1)
    assert rmse(image, black).item() == pytest.approx(0.2)


def test_equal_images_are_perfect():
    a = crop("astronaut")
    assert (psnr(a, a).item(), rmse(a, a).item(), mae(a, a).item()) == (math.inf, 0, 0)


@pytest.mark.parametrize("measure", [psnr, rmse, mae])
def test_border_is_left_out(measure):
    a = crop("astronaut")[..., :32, :32]
    b = a.clone()
    b[..., :4, :], b[..., -4:, :], b[..., :4], b[..., -4:] = 0, 0, 0, 0
    perfect = measure(a, a).item()
    assert measure(b, a, border_px=4).item() == perfect
    assert measure(b, a, border_px=3).item() != perfect


@pytest.mark.parametrize("measure", [psnr, rmse, mae])
def test_images_of_a_batch_do_not_mix(measure):
    images = torch.cat([degraded("coffee", "noise"), crop("coffee")])
    truth = torch.cat([crop("coffee"), degraded("coffee", "box4")])
    alone = [measure(a[None], b[None]).item() for a, b in zip(images, truth, strict=True)]
    assert measure(images, truth).tolist() == pytest.approx(alone, rel=1e-12)
    assert measure(images.float(), truth.float()).dtype == torch.float64


@pytest.mark.parametrize(("rgb", "expected"), [((0, 0, 0), 16.0), ((1, 1, 1), 235.0), ((1, 0, 0), 81.481)])
def test_luma_keeps_studio_swing(rgb, expected):
    pixel = torch.tensor(rgb, dtype=torch.float64).view(1, 3, 1, 1)
    assert luma(pixel).item() * 255 == pytest.approx(expected, abs=METRIC)


def test_luma_needs_colours_and_ignores_what_follows_them():
    image = torch.rand(2, 4, 3, 3)
    assert torch.equal(luma(image), luma(image[:, :3]))
    with pytest.raises(InputError, match="2 channels"):
        luma(image[:, :2])


@pytest.mark.parametrize(
    ("value", "byte"), [(-0.1, 0), (0.0, 0), (0.4 / 255, 0), (0.6 / 255, 1), (1.0, 255), (7.0, 255)]
)
def test_bytes_are_rounded_and_clipped(value, byte):
    assert rounded_to_bytes(torch.full((1, 1, 1, 1), value)).item() * 255 == pytest.approx(byte)


def test_bytes_survive_float32():
    levels = torch.arange(256).view(1, 1, 16, 16)
    assert torch.equal(rounded_to_bytes(levels.float() / 255), levels.double() / 255)


def test_nan_is_not_hidden():
    image = torch.full((1, 1, 4, 4), torch.nan)
    assert psnr(image, torch.zeros(1, 1, 4, 4)).isnan().all()


@pytest.mark.parametrize("measure", [psnr, rmse, mae])
def test_images_that_do_not_fit_are_an_error(measure):
    with pytest.raises(InputError, match="expected one size"):
        measure(torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 28))
    with pytest.raises(InputError, match="expected one size"):
        measure(torch.zeros(3, 32, 32), torch.zeros(3, 32, 32))
    with pytest.raises(InputError, match="too small to leave 4 px"):
        measure(torch.zeros(1, 3, 8, 32), torch.zeros(1, 3, 8, 32), border_px=4)
