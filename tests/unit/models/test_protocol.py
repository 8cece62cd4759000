import pytest
import torch

from ssr.models.bicubic import Bicubic
from ssr.models.datefusion import DateFusion
from ssr.models.discriminators import UNetDiscriminatorSN
from ssr.models.esrgan import RRDBNet
from ssr.models.protocol import SuperResolver, registered_px
from ssr.models.shiftandadd import ShiftAndAdd


@pytest.mark.parametrize("network", [Bicubic(), DateFusion(n_features=4, n_date_features=4, n_blocks=1)])
def test_networks_say_what_inference_needs_to_know(network):
    assert isinstance(network, SuperResolver)
    assert min(network.scale, network.n_channels, network.halo_px, network.size_multiple) >= 1
    assert network.n_revisits is None or network.n_revisits >= 1


@pytest.mark.parametrize("thing", [UNetDiscriminatorSN(n_channels=3, n_features=4), torch.nn.Identity(), object()])
def test_other_things_are_no_super_resolvers(thing):
    assert not isinstance(thing, SuperResolver)


def test_networks_that_register_their_dates_say_how_far_and_others_make_up_for_nothing() -> None:
    assert registered_px(DateFusion()) == registered_px(ShiftAndAdd()) == 1.5
    assert registered_px(Bicubic()) == registered_px(RRDBNet(n_features=8, n_blocks=1, n_growth=4)) == 0.0
