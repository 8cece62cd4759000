import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from ssr.losses.reconstruction import ReconstructionLoss, structural_dissimilarity
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


def test_equal_images_lose_nothing():
    _, truth = pair()
    terms = ReconstructionLoss(l1=1.0, mse=1.0, ssim=1.0)(truth, truth.clone())
    assert {name: term.item() for name, term in terms.items()} == {
        "l1": 0,
        "mse": 0,
        "ssim": pytest.approx(0, abs=1e-6),
    }


def test_opposite_images_are_clamped_to_one():
    a = torch.zeros(1, 1, 16, 16)
    a[..., ::2] = 1.0
    assert 0.5 < structural_dissimilarity(a, 1 - a).item() <= 1.0


def test_terms_are_weighted_means():
    image, truth = pair(b=2)
    terms = ReconstructionLoss(l1=0.4, mse=0.3, ssim=0.3)(image, truth)
    difference = (image - truth).double()
    assert terms["l1"].item() == pytest.approx(0.4 * difference.abs().mean().item(), rel=FLOAT32)
    assert terms["mse"].item() == pytest.approx(0.3 * difference.square().mean().item(), rel=FLOAT32)
    assert terms["ssim"].item() == pytest.approx(0.3 * structural_dissimilarity(image, truth).item(), rel=FLOAT32)


def test_term_without_weight_is_left_out():
    assert list(ReconstructionLoss(l1=0.0, mse=1.0)(*pair())) == ["mse"]


@pytest.mark.parametrize(("border_px", "expected"), [(0, 1 - (6 / 10) ** 2), (1, 1 - (6 / 8) ** 2), (2, 0.0), (3, 0.0)])
def test_border_is_left_out(border_px, expected):
    truth = torch.zeros(1, 3, 10, 10)
    image = torch.ones_like(truth)
    image[..., 2:-2, 2:-2] = 0
    loss = ReconstructionLoss(border_px=border_px)(image, truth)["l1"].item()
    assert loss == pytest.approx(expected, abs=FLOAT32)


@pytest.mark.parametrize("weights", [{"l1": 1.0}, {"l1": 0.0, "mse": 1.0}, {"l1": 0.0, "ssim": 1.0}])
def test_gradient_descends(weights):
    image, truth = pair()
    image.requires_grad_(True)
    loss = ReconstructionLoss(**weights)
    before = sum(loss(image, truth).values())
    (gradient,) = torch.autograd.grad(before, image)
    assert gradient.isfinite().all()
    assert sum(loss(image - 1e-3 * gradient / gradient.abs().max(), truth).values()) < before
