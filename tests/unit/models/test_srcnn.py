"""Both WorldStrat networks: what a pixel can see, and what the number of dates does."""

import pytest
import torch

from ssr.models.highresnet import HighResNet
from ssr.models.srcnn import SRCNN

WORLDSTRAT = [
    SRCNN(n_revisits=2, n_features=16),
    SRCNN(n_revisits=1, n_features=16, n_residual_blocks=3, shuffle_kernel_size=3),
    SRCNN(n_revisits=2, n_features=16, kernel_size=5, sees_reference=True, scale=2),
    SRCNN(n_revisits=1, n_features=3, shuffle_kernel_size=3, scale=1),
    HighResNet(n_revisits=1, n_features=16),
    HighResNet(n_revisits=3, n_features=16),
    HighResNet(n_revisits=8, n_features=16, sees_reference=True, shuffle_kernel_size=3),
]


@pytest.mark.parametrize("network", WORLDSTRAT, ids=lambda n: f"{type(n).__name__}-{n.n_revisits}-halo{n.halo_px}")
def test_pixel_beyond_the_halo_changes_no_bit(network):
    side = network.halo_px + 12
    low_res = torch.rand(1, network.n_revisits, 3, 12, side, generator=torch.Generator().manual_seed(0))
    changed = low_res.clone()
    changed[..., -1] += 1e3
    with torch.no_grad():
        before, after = network.eval()(low_res), network(changed)
    first_touched = network.scale * (side - 1 - network.halo_px)
    assert torch.equal(before[..., :first_touched], after[..., :first_touched])
    assert not torch.equal(before, after)


@pytest.mark.parametrize("n_dates", range(1, 10))
def test_high_res_net_takes_any_number_of_dates(n_dates):
    network = HighResNet(n_features=16).eval()
    assert network(torch.rand(1, n_dates, 3, 8, 8)).shape == (1, 3, 32, 32)


def test_evaluation_is_repeatable_and_training_drops_out():
    network, low_res = SRCNN(n_revisits=2, n_features=16), torch.rand(1, 2, 3, 8, 8)
    assert not torch.equal(network(low_res), network(low_res))
    network.eval()
    assert torch.equal(network(low_res), network(low_res))
