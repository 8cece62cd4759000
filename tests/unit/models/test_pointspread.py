"""The instrument in closed form: its contrast, its transpose and the inverse that the two have together."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ssr.models.pointspread import PointSpread, blurred, mirrored, sentinel2_sigma_px
from ssr.sentinel2.bands import MTF_AT_NYQUIST
from tests.support.tolerances import FLOAT32

SCALES = [1, 2, 3, 4, 8]
SIZES = [(1, 1), (1, 7), (2, 1), (3, 5), (13, 9), (40, 33)]
SIGMAS = {"area": None, "sentinel2": sentinel2_sigma_px()}

every_scale = pytest.mark.parametrize("scale", SCALES)
every_filter = pytest.mark.parametrize("sigma_px", SIGMAS.values(), ids=SIGMAS)
every_size = pytest.mark.parametrize("shape_hw", SIZES, ids=str)


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@every_scale
@every_filter
@every_size
def test_constants_stay_and_sizes_follow_the_scale(scale, sigma_px, shape_hw):
    point_spread, (h, w) = PointSpread(scale, sigma_px), shape_hw
    seen = point_spread.see(torch.full((2, 4, h * scale, w * scale), 0.37))
    torch.testing.assert_close(seen, torch.full((2, 4, h, w), 0.37), atol=1e-6, rtol=0)
    assert point_spread.spread(seen).shape == (2, 4, h * scale, w * scale)
    assert point_spread.solve(seen).shape == seen.shape


@every_scale
@every_filter
def test_seeing_and_spreading_are_transposes(scale, sigma_px):
    point_spread, side = PointSpread(scale, sigma_px), 16
    x, y = noise(1, 2, side * scale, side * scale).double(), torch.zeros(1, 2, side, side, dtype=torch.float64)
    y[..., 5:-5, 5:-5] = noise(1, 2, 6, 6, seed=1).double()
    left, right = (point_spread.see(x) * y).sum(), (x * point_spread.spread(y)).sum()
    torch.testing.assert_close(left, right, atol=1e-9, rtol=1e-9)


@every_scale
@every_filter
@every_size
def test_solution_makes_up_for_the_difference(scale, sigma_px, shape_hw):
    """Up to the edges, as both continue in the same mirror; the inverse is cut at 1e-4 of its largest weight."""
    point_spread, (h, w) = PointSpread(scale, sigma_px), shape_hw
    x, difference = noise(2, 3, h * scale, w * scale), noise(2, 3, h, w, seed=1)
    changed = point_spread.see(x + point_spread.spread(point_spread.solve(difference)))
    limit = (1e-6 if sigma_px is None else 5e-4) * difference.abs().max().item()
    torch.testing.assert_close(changed, point_spread.see(x) + difference, atol=limit, rtol=0)


@pytest.mark.parametrize("scale", [2, 4])
@every_filter
def test_correction_is_the_smallest_that_makes_up(scale, sigma_px):
    """D⁺ = Dᵀ(DDᵀ)⁻¹: against NumPy's pseudo-inverse of the same instrument written as one matrix."""
    h, w = 10, 9
    point_spread = PointSpread(scale, sigma_px)
    n_fine = h * w * scale**2
    pixels = torch.eye(n_fine, dtype=torch.float64).view(n_fine, 1, h * scale, w * scale)
    matrix = point_spread.see(pixels).flatten(1).T.numpy()
    difference = noise(1, 1, h, w).double()
    expected = np.linalg.pinv(matrix) @ difference.flatten().numpy()
    found = point_spread.spread(point_spread.solve(difference)).flatten().numpy()
    # At an edge the mirror counts pixels twice, so the smallest change is another there.
    inner = np.zeros((h * scale, w * scale), bool)
    inner[3 * scale : -3 * scale, 3 * scale : -3 * scale] = True
    limit = 1e-6 if sigma_px is None else 0.05 * np.abs(expected).max()
    np.testing.assert_allclose(found[inner.ravel()], expected[inner.ravel()], atol=limit, rtol=0)


@every_scale
@every_size
def test_area_mean_is_average_pooling(scale, shape_hw):
    x = noise(2, 3, shape_hw[0] * scale, shape_hw[1] * scale)
    torch.testing.assert_close(PointSpread(scale, None).see(x), F.avg_pool2d(x, scale), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("scale", "sigma_px"), [(scale, sigma_px) for scale in SCALES[1:] for sigma_px in (0.45, sentinel2_sigma_px(), 0.6)]
)
@pytest.mark.parametrize("axis", [2, 3], ids=["rows", "columns"])
def test_contrast_at_the_nyquist_frequency(scale, sigma_px, axis):
    """A wave of two coarse pixels, crests on their centres, keeps exp(-π²σ²/2) of its contrast."""
    n = 40
    place_px = (torch.arange(n * scale, dtype=torch.float64) + 0.5) / scale - 0.5
    wave = torch.cos(math.pi * place_px).expand(1, 1, 12 * scale, -1)
    wave = wave if axis == 3 else wave.transpose(2, 3)
    seen = PointSpread(scale, sigma_px).see(wave).narrow(axis, 6, n - 12).abs()
    expected = torch.full_like(seen, math.exp(-((math.pi * sigma_px) ** 2) / 2))
    torch.testing.assert_close(seen, expected, rtol=0.02, atol=0)


def test_width_is_that_of_the_calibrated_contrast():
    mean = sum(MTF_AT_NYQUIST[band] for band in ("B02", "B03", "B04")) / 3
    assert math.exp(-((math.pi * sentinel2_sigma_px()) ** 2) / 2) == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_point_spread_is_a_gaussian_around_the_coarse_pixel(scale):
    """An independent dense Gaussian, one weight per pair of pixels."""
    sigma_px, n = sentinel2_sigma_px(), 12
    x = noise(1, 1, n * scale, n * scale).double()
    fine, coarse = (torch.arange(n * scale) + 0.5).double() / scale, torch.arange(n).double() + 0.5
    weight = torch.exp(-0.5 * ((coarse[:, None] - fine) / sigma_px) ** 2)
    weight /= weight.sum(1, keepdim=True)
    expected = weight @ x[0, 0] @ weight.T
    inner = slice(3, -3)
    seen = PointSpread(scale, sigma_px).see(x)[0, 0]
    torch.testing.assert_close(seen[inner, inner], expected[inner, inner], atol=1e-3, rtol=0)  # cut at 1e-4 of the peak


@pytest.mark.parametrize("sigma_px", [1.0, 2.08, 4.0])
@every_size
def test_blur_keeps_constants_and_means(sigma_px, shape_hw):
    flat = torch.full((1, 2, *shape_hw), 0.6)
    torch.testing.assert_close(blurred(flat, sigma_px), flat, atol=1e-6, rtol=0)
    x = noise(1, 2, *shape_hw)
    torch.testing.assert_close(blurred(x, sigma_px).mean((2, 3)), x.mean((2, 3)), atol=1e-6, rtol=0)


@pytest.mark.parametrize("sigma_px", [1.0, 2.08])
def test_blur_is_its_own_transpose(sigma_px):
    x, y = noise(1, 1, 20, 23).double(), noise(1, 1, 20, 23, seed=1).double()
    left, right = (blurred(x, sigma_px) * y).sum(), (x * blurred(y, sigma_px)).sum()
    torch.testing.assert_close(left, right, atol=1e-9, rtol=1e-9)


def test_blur_is_that_of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    x, sigma_px = noise(1, 1, 30, 25), 2.08
    expected = ndimage.gaussian_filter(x[0, 0].double().numpy(), sigma_px, mode="reflect", truncate=6)
    np.testing.assert_allclose(
        blurred(x, sigma_px)[0, 0], expected, atol=2e-3, rtol=0
    )  # ours is cut at 1e-4 of its peak


@given(n=st.integers(1, 9), margin=st.integers(0, 40))
def test_mirror_is_that_of_numpy(n, margin):
    lines = noise(2, 1, n)
    expected = np.pad(lines.numpy(), ((0, 0), (0, 0), (margin, margin)), mode="symmetric")
    assert np.array_equal(mirrored(lines, margin), expected)


@every_scale
@every_filter
def test_correction_reaches_no_further_than_it_says(scale, sigma_px):
    point_spread, n, place = PointSpread(scale, sigma_px), 60, 30
    difference = torch.zeros(1, 1, n, n)
    difference[..., place, place] = 1
    touched = point_spread.spread(point_spread.solve(difference))[0, 0].abs().amax(0).nonzero().flatten() // scale
    assert touched.min() >= place - point_spread.radius_px
    assert touched.max() <= place + point_spread.radius_px


def test_precision_of_the_image_is_kept():
    point_spread = PointSpread(4, sentinel2_sigma_px())
    for dtype in (torch.float32, torch.float64):
        assert point_spread.see(noise(1, 1, 16, 16).to(dtype)).dtype == dtype
    single, double = (point_spread.see(noise(1, 1, 16, 16).to(d)).double() for d in (torch.float32, torch.float64))
    torch.testing.assert_close(single, double, atol=FLOAT32, rtol=0)
