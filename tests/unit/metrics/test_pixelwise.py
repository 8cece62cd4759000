"""Measures against the recorded values of the original, scikit-image and closed forms."""

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ssr.metrics.pixelwise import cpsnr, cpsnr_original, luma, psnr, ssim
from tests.support.tolerances import LUMA_METRIC, METRIC

RECORDED = json.loads((Path(__file__).resolve().parents[2] / "golden" / "metrics.json").read_text())
CROPS = {
    "astronaut": (slice(64, 192), slice(160, 288)),
    "coffee": (slice(100, 228), slice(200, 328)),
    "chelsea": (slice(80, 208), slice(120, 248)),
}


def crop(name: str) -> np.ndarray:
    return getattr(skimage.data, name)()[CROPS[name]]


def degraded(a: np.ndarray, kind: str) -> np.ndarray:
    k = np.arange(1, a.size + 1).reshape(a.shape)
    noise = (k * 0.6180339887498949) % 1 - 0.5
    match kind:
        case "box4":
            blocks = a.reshape(a.shape[0] // 4, 4, a.shape[1] // 4, 4, 3).mean((1, 3))
            b = np.floor(blocks + 0.5).repeat(4, 0).repeat(4, 1)
        case "noise":
            b = np.floor(a + noise * 40 + 0.5)
        case "shift":
            b = np.roll(a, (3, -2), (0, 1))
        case "bias":
            b = a + np.array([12.0, -7.0, 5.0])
        case "shift_noise":
            b = np.roll(np.floor(a + noise * 20 + 0.5).clip(0, 255), (2, 4), (0, 1))
    return np.clip(b, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: f"{row['reference']}-{row['degradation']}")
@pytest.mark.parametrize("border_px", [0, 4])
def test_scores_equal_those_of_the_original(row, border_px):
    a = crop(row["reference"])
    b = degraded(a, row["degradation"])
    for name, measure in (("psnr", psnr), ("ssim", ssim), ("cpsnr", cpsnr_original)):
        assert measure(b, a, border_px=border_px) == pytest.approx(row[f"{name}_border{border_px}"], rel=0, abs=METRIC)
    for name, measure in (("psnr_y", psnr), ("ssim_y", ssim)):
        score = measure(luma(b), luma(a), border_px=border_px)
        assert score == pytest.approx(row[f"{name}_border{border_px}"], rel=0, abs=LUMA_METRIC)


@pytest.mark.parametrize("name", CROPS)
@pytest.mark.parametrize("kind", ["box4", "noise", "shift", "bias"])
def test_psnr_and_ssim_agree_with_scikit_image(name, kind):
    a = crop(name)
    b = degraded(a, kind)
    assert psnr(b, a) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=METRIC)
    _, similarity = structural_similarity(
        a, b, data_range=255, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    assert ssim(b, a) == pytest.approx(similarity[5:-5, 5:-5].mean(), abs=METRIC)


@pytest.mark.parametrize("dy", range(-3, 4))
@pytest.mark.parametrize("dx", range(-3, 4))
def test_every_displacement_up_to_three_pixels_is_found(dy, dx):
    a = crop("coffee")[:40, :44]
    assert cpsnr(np.roll(a, (dy, dx), (0, 1)), a) == np.inf


def test_displacement_beyond_the_limit_is_not_found():
    a = crop("coffee")[:40, :44]
    moved = np.roll(a, (0, 4), (0, 1))
    assert cpsnr(moved, a) < 40
    assert cpsnr(moved, a, max_shift_px=4) == np.inf


@pytest.mark.parametrize("bias", [(10, 0, 0), (-4, 9, 3)])
def test_bias_of_a_channel_does_not_change_cpsnr(bias):
    a, b = (x.astype(float) for x in (crop("chelsea")[:48, :48], crop("astronaut")[:48, :48]))
    assert cpsnr(a + bias, b) == pytest.approx(cpsnr(a, b), abs=METRIC)
    assert psnr(a + bias, b) != pytest.approx(psnr(a, b), abs=METRIC)


def test_cpsnr_without_displacement_is_psnr_of_unbiased_images():
    a, b = (x.astype(float) for x in (crop("chelsea")[:48, :48], crop("coffee")[:48, :48]))
    unbiased = a - (a - b).mean((0, 1))
    assert cpsnr(a, b, max_shift_px=0) == pytest.approx(psnr(unbiased, b), abs=METRIC)


@pytest.mark.parametrize("difference", [1, 16, 255])
def test_psnr_of_a_constant_difference_is_its_ratio_to_the_peak(difference):
    image = np.zeros((8, 9, 3), np.uint8)
    assert psnr(image + np.uint8(difference), image) == pytest.approx(20 * np.log10(255 / difference), abs=METRIC)


def test_equal_images_are_perfect():
    a = crop("astronaut")
    assert (psnr(a, a), ssim(a, a), cpsnr(a, a), cpsnr_original(a, a)) == (np.inf, pytest.approx(1), np.inf, np.inf)


def test_border_is_left_out():
    a = crop("astronaut")[:32, :32]
    b = a.copy()
    b[:4], b[-4:], b[:, :4], b[:, -4:] = 0, 0, 0, 0
    assert psnr(b, a, border_px=4) == np.inf
    assert psnr(b, a, border_px=3) < np.inf


def test_one_channel_needs_no_channel_axis():
    a, b = crop("astronaut")[..., 0], crop("coffee")[..., 0]
    for measure in (psnr, ssim, cpsnr):
        assert measure(a, b) == measure(a[..., None], b[..., None])


@pytest.mark.parametrize(("rgb", "expected"), [((0, 0, 0), 16.0), ((255, 255, 255), 235.0), ((255, 0, 0), 81.481)])
def test_luma_keeps_studio_swing(rgb, expected):
    assert luma(np.array([[rgb]], np.uint8)).item() == pytest.approx(expected, abs=METRIC)


@pytest.mark.parametrize(("measure", "side"), [(cpsnr, 6), (cpsnr_original, 8)])
def test_image_too_small_to_displace_is_an_error(measure, side):
    with pytest.raises(ValueError, match="too small"):
        measure(np.zeros((side, side, 3)), np.zeros((side, side, 3)))


@pytest.mark.parametrize("measure", [psnr, ssim, cpsnr, cpsnr_original])
def test_images_of_different_size_are_an_error(measure):
    with pytest.raises(ValueError):
        measure(np.zeros((32, 32, 3)), np.ones((32, 28, 3)))
