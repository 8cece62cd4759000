import pytest
import torch
import torch.nn.functional as F

from ssr.losses.consistency import Consistency
from ssr.models.pointspread import PointSpread, sentinel2_sigma_px
from tests.support.tolerances import FLOAT32


def by_area(image):
    return F.avg_pool2d(image, 4)


def chip(n_dates=3, n_channels=3):
    generator = torch.Generator().manual_seed(0)
    low_res = 0.1 + 0.8 * torch.rand(2, n_dates, n_channels, 6, 6, generator=generator)
    return torch.rand(2, 3, 24, 24, generator=generator), low_res


def test_error_is_that_against_the_mean_of_the_dates():
    image, low_res = chip()
    expected = (by_area(image).double() - low_res.double().mean(1)).abs().mean().item()
    assert Consistency(by_area)(image, low_res).item() == pytest.approx(expected, rel=FLOAT32)


def test_what_agrees_costs_nothing():
    image, _ = chip()
    see = PointSpread(4, sentinel2_sigma_px()).see
    low_res = see(image)[:, None].repeat(1, 5, 1, 1, 1)
    assert Consistency(see)(image, low_res).item() == pytest.approx(0, abs=1e-6)


def test_dates_without_data_do_not_count():
    image, low_res = chip()
    low_res[0, 1, :, 2:4] = 0
    expected = by_area(image) - low_res.mean(1)
    expected[0, :, 2:4] = by_area(image)[0, :, 2:4] - low_res[0, [0, 2], :, 2:4].mean(0)
    assert Consistency(by_area)(image, low_res).item() == pytest.approx(expected.abs().mean().item(), rel=FLOAT32)


def test_places_without_any_date_cost_nothing():
    image, low_res = chip()
    low_res[:] = 0
    image.requires_grad_(True)
    loss = Consistency(by_area)(image, low_res)
    assert loss.item() == 0
    assert not torch.autograd.grad(loss, image)[0].any()


def test_first_channels_of_a_date_are_those_of_the_image():
    image, low_res = chip(n_channels=5)
    assert Consistency(by_area)(image, low_res) == Consistency(by_area)(image, low_res[:, :, :3])


def test_border_is_left_out():
    image, low_res = chip()
    expected = (by_area(image) - low_res.mean(1))[..., 2:-2, 2:-2].abs().mean().item()
    assert Consistency(by_area, border_px=2)(image, low_res).item() == pytest.approx(expected, rel=FLOAT32)


def test_gradient_brings_the_image_nearer():
    image, low_res = chip()
    loss = Consistency(PointSpread(4, sentinel2_sigma_px()).see)
    image.requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(image, low_res), image)
    assert loss(image - gradient, low_res) < loss(image, low_res)
