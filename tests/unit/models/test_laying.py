"""Samples on the fine grid, against a sum over every sample and fine pixel."""

import pytest
import torch
import torch.nn.functional as F

from ssr.models.laying import FAINT, lay
from tests.support.tolerances import FLOAT32

SIGMA_PX = torch.tensor(0.15)


def series(*, b: int = 2, t: int = 3, c: int = 2, h: int = 5, w: int = 6, max_shift_px: float = 0.5):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(b, t, c, h, w, generator=generator)
    weight = torch.rand(b, t, 1, h, w, generator=generator)
    shift_px = (2 * torch.rand(b, t, 2, 1, 1, generator=generator) - 1) * max_shift_px
    return values, weight, shift_px.expand(-1, -1, -1, h, w)


def by_definition(values, weight, shift_px, scale: int):
    """Every sample speaks for every fine pixel; places in coarse pixels."""
    b, t, c, h, w = values.shape
    total, density = torch.zeros(b, c, h * scale, w * scale), torch.zeros(b, 1, h * scale, w * scale)
    fine_y = ((torch.arange(h * scale) + 0.5) / scale)[:, None]
    fine_x = (torch.arange(w * scale) + 0.5) / scale
    for k in range(t):
        for i in range(h):
            for j in range(w):
                x, y = shift_px[:, k, :, i, j].unbind(1)
                away_x = fine_x - (j + 0.5 + x)[:, None, None]
                away_y = fine_y - (i + 0.5 + y)[:, None, None]
                share = torch.exp(-0.5 * (away_x**2 + away_y**2) / SIGMA_PX**2) * weight[:, k, :, i, j, None]
                total += share.unsqueeze(1) * values[:, k, :, i, j, None, None]
                density += share.unsqueeze(1)
    return F.pixel_unshuffle(total / (density + FAINT), scale), F.pixel_unshuffle(density, scale)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_laid_samples_are_the_weighted_mean_by_definition(scale):
    values, weight, shift_px = series()
    detail, density = lay(values, weight, shift_px, scale=scale, sigma_px=SIGMA_PX)
    expected, expected_density = by_definition(values, weight, shift_px, scale)
    torch.testing.assert_close(density, expected_density, atol=1e-3, rtol=0)  # samples two cells away are left out
    torch.testing.assert_close(detail, expected, atol=1e-2, rtol=0)


@pytest.mark.parametrize("shift", [-1.5, -0.9, 0.0, 0.6, 1.5])
def test_every_cell_inside_is_spoken_for_at_displacements_up_to_the_largest(shift):
    shift_px = torch.full((1, 1, 2, 9, 9), shift)
    _, density = lay(torch.zeros(1, 1, 1, 9, 9), torch.ones(1, 1, 1, 9, 9), shift_px, scale=4, sigma_px=SIGMA_PX)
    assert density[..., 2:-2, 2:-2].amax(1).min() > 0.3


def test_dates_at_one_place_give_their_weighted_mean():
    values = torch.tensor([1.0, 4.0]).view(1, 2, 1, 1, 1).expand(1, 2, 1, 3, 3)
    weight = torch.tensor([0.75, 0.25]).view(1, 2, 1, 1, 1).expand(1, 2, 1, 3, 3) * 1000
    detail, _ = lay(values, weight, torch.zeros(1, 2, 2, 3, 3), scale=2, sigma_px=torch.tensor(0.3))
    torch.testing.assert_close(detail, torch.full_like(detail, 1.75), atol=1e-3, rtol=0)  # but for FAINT of 1000


def test_order_of_dates_does_not_matter():
    values, weight, shift_px = series()
    order = [2, 0, 1]
    here = lay(values, weight, shift_px, scale=4, sigma_px=SIGMA_PX)
    there = lay(values[:, order], weight[:, order], shift_px[:, order], scale=4, sigma_px=SIGMA_PX)
    torch.testing.assert_close(here, there, atol=FLOAT32, rtol=0)


def test_date_without_weight_says_nothing():
    values, weight, shift_px = series()
    weight[:, 1] = 0
    others = [0, 2]
    with_it = lay(values, weight, shift_px, scale=4, sigma_px=SIGMA_PX)
    without = lay(values[:, others], weight[:, others], shift_px[:, others], scale=4, sigma_px=SIGMA_PX)
    torch.testing.assert_close(with_it, without, atol=FLOAT32, rtol=0)


def test_where_no_date_speaks_the_detail_is_zero_and_so_is_its_gradient():
    values, weight, shift_px = series()
    weight = torch.zeros_like(weight).requires_grad_(True)
    detail, density = lay(values, weight, shift_px, scale=4, sigma_px=SIGMA_PX)
    detail.sum().backward()
    assert detail.eq(0).all()
    assert density.eq(0).all()
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1)])
def test_any_size_works(shape):
    values, weight, shift_px = series(h=shape[0], w=shape[1])
    detail, density = lay(values, weight, shift_px, scale=4, sigma_px=SIGMA_PX)
    assert detail.shape == (2, 32, *shape)
    assert density.shape == (2, 16, *shape)
