import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from ssr.losses.reconstruction import (
    MEASURES,
    lacking_psnr_without_bias,
    repeated_difference,
    shifted_l1,
    spectral_angle,
    structural_dissimilarity,
)
from ssr.metrics.displaced import cpsnr
from tests.support.tolerances import FLOAT32


def pair(b: int = 1, side: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(b, 3, side, side, generator=generator)
    return (truth + 0.1 * torch.randn(truth.shape, generator=generator)).clamp(0, 1), truth


def windowed_dissimilarity(a: np.ndarray, b: np.ndarray) -> float:
    """(1 - SSIM) / 2 of one channel, one 5×5 window after another, by the definition of Wang et al. 2004."""
    x = np.arange(5) - 2
    kernel = np.exp(-(x[:, None] ** 2 + x[None] ** 2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    a, b = (np.pad(image.astype(float), 2, mode="reflect") for image in (a, b))
    values = []
    for i in range(a.shape[0] - 4):
        for j in range(a.shape[1] - 4):
            p, q = a[i : i + 5, j : j + 5], b[i : i + 5, j : j + 5]
            mp, mq = (kernel * p).sum(), (kernel * q).sum()
            vp, vq = (kernel * (p - mp) ** 2).sum(), (kernel * (q - mq) ** 2).sum()
            cov = (kernel * (p - mp) * (q - mq)).sum()
            similarity = (2 * mp * mq + 1e-4) * (2 * cov + 9e-4) / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4))
            values.append(np.clip((1 - similarity) / 2, 0, 1))
    return float(np.mean(values))


def test_structural_dissimilarity_is_that_of_its_definition():
    a, b = pair(side=10)
    expected = np.mean([windowed_dissimilarity(a[0, k].numpy(), b[0, k].numpy()) for k in range(3)])
    assert structural_dissimilarity(a, b).item() == pytest.approx(expected, abs=FLOAT32)


def test_structural_dissimilarity_agrees_with_scikit_image_inside():
    a, b = (image[0].permute(1, 2, 0).double().numpy() for image in pair(side=32))
    _, similarity = structural_similarity(
        a, b, data_range=1, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    ours = structural_dissimilarity(*pair(side=32), window_px=11).item()
    inner = (1 - similarity[5:-5, 5:-5].mean()) / 2
    assert ours == pytest.approx(inner, abs=0.02)  # the borders are reflected here and cut there


@pytest.mark.parametrize(("value", "expected"), [(0.25, None), (1.0, None)])
def test_flat_images_differ_by_their_luminance_term(value, expected):
    """Without structure, SSIM is (2ab + c1) / (a² + b² + c1)."""
    a, b = torch.full((1, 3, 8, 8), 0.5), torch.full((1, 3, 8, 8), value)
    expected = (1 - (value + 1e-4) / (0.25 + value**2 + 1e-4)) / 2
    assert structural_dissimilarity(a, b).item() == pytest.approx(expected, abs=FLOAT32)


@pytest.mark.parametrize("name", MEASURES)
def test_equal_images_lose_nothing(name):
    _, truth = pair()
    assert MEASURES[name](truth, truth.clone()).item() == pytest.approx(0, abs=1e-6)


def test_opposite_images_are_clamped_to_one():
    a = torch.zeros(1, 1, 16, 16)
    a[..., ::2] = 1.0
    assert 0.5 < structural_dissimilarity(a, 1 - a).item() <= 1.0


def test_absolute_and_squared_errors_are_means():
    image, truth = pair(b=2)
    difference = (image - truth).double()
    assert MEASURES["l1"](image, truth).item() == pytest.approx(difference.abs().mean().item(), rel=FLOAT32)
    assert MEASURES["mse"](image, truth).item() == pytest.approx(difference.square().mean().item(), rel=FLOAT32)


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-3, 3), (1, 0)], ids=str)
def test_displacement_up_to_three_pixels_costs_nothing(shift):
    _, truth = pair(b=2)
    moved = truth.roll(shift, (-2, -1))
    assert shifted_l1(moved, truth).item() == 0
    assert torch.nn.functional.l1_loss(moved, truth).item() > 0.1 or shift == (0, 0)


def test_displacement_of_four_pixels_is_an_error():
    _, truth = pair()
    assert shifted_l1(truth.roll(4, -1), truth).item() > 0.1


def test_each_image_has_a_displacement_of_its_own():
    _, truth = pair(b=2)
    moved = torch.stack([truth[0].roll((2, 1), (-2, -1)), truth[1].roll((-1, -3), (-2, -1))])
    assert shifted_l1(moved, truth).item() == 0


def test_shifted_error_is_the_least_of_all_forty_nine():
    image, truth = pair(b=3, side=15)
    a, b = image.double().numpy(), truth.double().numpy()
    least = [
        min(np.abs(a[n, :, 3:-3, 3:-3] - b[n, :, r : r + 9, c : c + 9]).mean() for r in range(7) for c in range(7))
        for n in range(3)
    ]
    assert shifted_l1(image, truth).item() == pytest.approx(np.mean(least), rel=FLOAT32)


@pytest.mark.parametrize(
    ("a", "b", "radians"),
    [
        ((1, 0, 0), (0, 1, 0), math.pi / 2),
        ((0.2, 0.2, 0.2), (0.8, 0.8, 0.8), 0),
        ((0.5, 0.5, 0), (0.3, 0, 0), math.pi / 4),
        ((0.001, 0, 0), (0, 1, 0), 0),
        ((0, 0, 0), (0, 0, 0), 0),
    ],
    ids=["right angle", "brightness is no colour", "half a right angle", "nearly black", "black"],
)
def test_spectral_angle_of_flat_images(a, b, radians):
    images = (torch.tensor(x, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, 4, 4) for x in (a, b))
    assert spectral_angle(*images).item() == pytest.approx(radians, abs=FLOAT32)


def test_spectral_angle_is_the_arccosine_of_the_normalised_product():
    image, truth = (0.1 + 0.9 * x for x in pair(b=2))
    a, b = image.double(), truth.double()
    cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    assert spectral_angle(image, truth).item() == pytest.approx(cosine.clamp(-1, 1).acos().mean().item(), rel=FLOAT32)


@pytest.mark.parametrize("name", MEASURES)
def test_gradient_descends(name):
    image, truth = pair()
    image.requires_grad_(True)
    before = MEASURES[name](image, truth)
    (gradient,) = torch.autograd.grad(before, image)
    assert gradient.isfinite().all()
    assert MEASURES[name](image - 1e-3 * gradient / gradient.abs().max(), truth) < before


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_gradient_is_finite_where_images_agree(name, value):
    image = torch.full((1, 3, 12, 12), value, requires_grad=True)
    (gradient,) = torch.autograd.grad(MEASURES[name](image, torch.full_like(image, value)), image)
    assert gradient.isfinite().all()


def test_psnr_without_bias_is_60_less_cpsnr_of_images_that_are_not_displaced():
    result, truth = pair(b=3)
    expected = 60 - cpsnr(result, truth, max_shift_px=0).mean().item()
    assert lacking_psnr_without_bias(result, truth).item() == pytest.approx(expected, abs=0.01)  # 1e-6 beside 1e-2


def test_psnr_without_bias_does_not_see_tone():
    result, truth = pair()
    toned = result + torch.tensor([0.1, -0.2, 0.05]).view(3, 1, 1)
    found, expected = lacking_psnr_without_bias(toned, truth), lacking_psnr_without_bias(result, truth)
    assert found.item() == pytest.approx(expected.item(), abs=1e-4)


def test_a_grid_costs_what_its_places_differ_by():
    """Every place of one column of four is 0.04 too bright: places differ from their mean by 0.03 or 0.01."""
    truth = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    grid = truth.clone()
    grid[..., ::4] += 0.04
    assert repeated_difference(grid, truth, period_px=4).item() == pytest.approx((0.03 + 3 * 0.01) / 4, abs=FLOAT32)


def test_tone_is_no_grid_and_texture_hardly_one():
    truth = torch.rand(4, 3, 194, 193, generator=torch.Generator().manual_seed(1))
    noise = 0.1 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(2))
    assert repeated_difference(truth + 0.2, truth, period_px=4).item() == pytest.approx(0, abs=FLOAT32)
    of_mean = 0.1 / 6 * (2 / torch.pi) ** 0.5 * (15 / 16) ** 0.5  # means of 36, less the mean of 16 of them
    assert repeated_difference(truth + noise, truth, period_px=4).item() == pytest.approx(of_mean, rel=0.03)
