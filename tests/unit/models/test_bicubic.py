import pytest
import torch

from ssr.models.bicubic import Bicubic, enlarge
from tests.support.tolerances import FLOAT32


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_constant_image_stays_constant(scale):
    enlarged = enlarge(torch.full((1, 3, 5, 6), 0.37), scale)
    torch.testing.assert_close(enlarged, torch.full((1, 3, 5 * scale, 6 * scale), 0.37), atol=FLOAT32, rtol=0)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("is_across", [True, False])
def test_ramp_stays_a_ramp_with_pixel_areas_aligned(scale, is_across):
    """Cubic convolution with a = -3/4 bends a ramp between its pixels, antisymmetrically, so pixel means are exact."""
    n = 16
    ramp = torch.arange(n, dtype=torch.float32) / n
    image = ramp.expand(1, 1, n, n) if is_across else ramp[:, None].expand(1, 1, n, n)
    mean = torch.nn.functional.avg_pool2d(enlarge(image, scale), scale)
    inner = slice(3, -3)
    torch.testing.assert_close(mean[..., inner, inner], image[..., inner, inner], atol=FLOAT32, rtol=0)


def test_interpolation_between_two_pixels_has_the_weights_of_cubic_convolution():
    """Keys 1981: at offset d from the left pixel, weights w(1+d), w(d), w(1-d), w(2-d); here a = -3/4, d = 1/8."""
    a, d = -0.75, 0.125
    far, near = (lambda x: a * (x**3 - 5 * x**2 + 8 * x - 4)), (lambda x: (a + 2) * x**3 - (a + 3) * x**2 + 1)
    expected = torch.tensor([far(1 + d), near(d), near(1 - d), far(2 - d)])
    weights = torch.stack([enlarge(torch.eye(8)[k].expand(1, 1, 8, 8), 4)[0, 0, 16, 4 * 3 + 2] for k in range(2, 6)])
    torch.testing.assert_close(weights, expected, atol=FLOAT32, rtol=0)


def test_middle_date_is_enlarged_and_no_data_does_not_count():
    values = torch.tensor([0.0, 0.2, 0.9, 0.4])  # the first date has no data
    low_res = values.view(1, 4, 1, 1, 1).expand(2, 4, 3, 6, 6)
    result = Bicubic()(low_res)
    torch.testing.assert_close(result, torch.full((2, 3, 24, 24), 0.4), atol=FLOAT32, rtol=0)


def test_of_two_dates_the_darker_one_is_taken():
    low_res = torch.tensor([0.2, 0.4]).view(1, 2, 1, 1, 1).expand(1, 2, 3, 6, 6)
    torch.testing.assert_close(Bicubic()(low_res), torch.full((1, 3, 24, 24), 0.2), atol=FLOAT32, rtol=0)


def test_series_without_any_data_stays_without():
    assert torch.equal(Bicubic(scale=2)(torch.zeros(1, 3, 3, 6, 6)), torch.zeros(1, 3, 12, 12))


def test_context_beyond_the_halo_does_not_matter():
    low_res = torch.rand(1, 1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    changed = low_res.clone()
    changed[..., 10] = 1.0
    before, after = Bicubic()(low_res), Bicubic()(changed)
    first = 4 * (10 - Bicubic.halo_px)
    assert torch.equal(before[..., :first], after[..., :first])
    assert not torch.equal(before, after)
