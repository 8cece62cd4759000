"""Dates laid on the fine grid, with random weights in every layer."""

import pytest
import torch

from ssr.models.bicubic import enlarge
from ssr.models.gridfusion import GridFusion

SWAPPED_SUM = 1e-4
"""Sums over dates in another order, through a dozen layers."""


def random_network(**arguments: int) -> GridFusion:
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        network = GridFusion(**({"n_features": 12, "n_date_features": 8, "n_blocks": 1} | arguments)).eval()
        torch.nn.init.normal_(network.to_pixels.weight, std=0.05)
        torch.nn.init.normal_(network.to_pixels.bias, std=0.05)
    return network.requires_grad_(False)


def random_series(n_dates: int, *, side: int = 32, seed: int = 0) -> torch.Tensor:
    """Noisy dates of one textured place."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.rand(1, 1, 3, side, side, generator=generator) * 0.6 + 0.2
    return (place + 0.03 * torch.randn(1, n_dates, 3, side, side, generator=generator)).clamp(1 / 255, 1)


@pytest.mark.parametrize("n_dates", range(1, 11))
def test_any_number_of_dates_gives_one_finite_image(n_dates):
    result = random_network()(random_series(n_dates))
    assert result.shape == (1, 3, 128, 128)
    assert result.isfinite().all()


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]])
def test_order_of_dates_does_not_matter(order):
    low_res, network = random_series(4), random_network()
    torch.testing.assert_close(network(low_res[:, order]), network(low_res), atol=SWAPPED_SUM, rtol=0)


@pytest.mark.parametrize("position", [0, 2, 4])
def test_date_without_data_changes_nothing(position):
    low_res, network = random_series(4), random_network()
    empty = torch.zeros_like(low_res[:, :1])
    padded = torch.cat([low_res[:, :position], empty, low_res[:, position:]], 1)
    torch.testing.assert_close(network(padded), network(low_res), atol=SWAPPED_SUM, rtol=0)


def test_scenes_of_a_batch_do_not_influence_each_other():
    a, b, network = random_series(3, seed=1), random_series(3, seed=2), random_network()
    together = network(torch.cat([a, b]))
    torch.testing.assert_close(together, torch.cat([network(a), network(b)]), atol=SWAPPED_SUM, rtol=0)


@pytest.mark.parametrize("n_dates", [1, 3])
def test_untrained_network_enlarges_a_steady_series_as_bicubic_does(n_dates):
    """With nothing to correct, the fused base is the date itself."""
    date = random_series(1)
    network = GridFusion(n_features=12, n_date_features=8, n_blocks=1).eval()
    with torch.no_grad():
        result = network(date.expand(-1, n_dates, -1, -1, -1))
    torch.testing.assert_close(result, enlarge(date[:, 0], 4), atol=SWAPPED_SUM, rtol=0)


@pytest.mark.parametrize("n_dates", [1, 5])
def test_series_without_any_data_gives_a_finite_image_and_gradient(n_dates):
    network = random_network().requires_grad_(True)
    result = network(torch.zeros(1, n_dates, 3, 28, 28))
    result.sum().backward()
    assert result.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("value", [1 / 255, 0.5, 1.0])
def test_flat_series_gives_a_finite_image(value):
    assert random_network()(torch.full((1, 3, 3, 28, 28), value)).isfinite().all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 3), (13, 40)])
def test_any_size_works(shape):
    low_res = torch.rand(1, 2, 3, *shape, generator=torch.Generator().manual_seed(0))
    result = random_network(scale=2)(low_res)
    assert result.shape == (1, 3, 2 * shape[0], 2 * shape[1])
    assert result.isfinite().all()


@pytest.mark.parametrize("n_channels", [1, 4])
@pytest.mark.parametrize("scale", [1, 3])
def test_channels_and_scale_are_free(n_channels, scale):
    low_res = torch.rand(2, 3, n_channels, 12, 12, generator=torch.Generator().manual_seed(0))
    assert random_network(n_channels=n_channels, scale=scale)(low_res).shape == (2, n_channels, 12 * scale, 12 * scale)


@pytest.mark.parametrize("n_blocks", [1, 3])
def test_pixel_beyond_the_receptive_field_changes_no_bit(n_blocks):
    network = random_network(n_blocks=n_blocks, scale=2)
    reach = network.receptive_px
    low_res = random_series(3, side=reach + 12)
    changed = low_res.clone()
    changed[:, 1, :, :, -1] = 0.99
    before, after = network(low_res), network(changed)
    first_touched = 2 * (low_res.shape[-1] - 1 - reach)
    assert torch.equal(before[..., :first_touched], after[..., :first_touched])
    assert not torch.equal(before, after)


def test_halo_of_a_shallow_network_is_no_more_than_its_receptive_field():
    assert 0 < random_network().halo_px <= random_network().receptive_px


def test_bfloat16_is_near_single_precision():
    low_res, network = random_series(4), random_network()
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(low_res)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, network(low_res), atol=2e-2, rtol=0)  # bfloat16 keeps 8 bits of a value near 1
