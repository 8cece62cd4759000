import pytest
from pydantic import TypeAdapter, ValidationError

from ssr.build.networks import build_model
from ssr.config.networks import Model, UNetDiscriminator
from ssr.config.training import Perceptual
from ssr.models.bicubic import Bicubic
from ssr.models.datefusion import DateFusion
from ssr.models.esrgan import RRDBNet
from ssr.models.gridfusion import GridFusion
from ssr.models.highresnet import HighResNet
from ssr.models.srcnn import SRCNN

KINDS = {
    "date_fusion": DateFusion,
    "grid_fusion": GridFusion,
    "esrgan": RRDBNet,
    "srcnn": SRCNN,
    "highresnet": HighResNet,
    "bicubic": Bicubic,
}


@pytest.mark.parametrize("name", KINDS)
def test_type_alone_names_a_whole_model(name):
    config = TypeAdapter(Model).validate_python({"type": name})
    network = build_model(config)
    assert isinstance(network, KINDS[name])
    assert network.scale == 4


def test_discriminator_needs_its_channels():
    with pytest.raises(ValidationError, match="n_channels"):
        UNetDiscriminator()


@pytest.mark.parametrize("given", [{"network": "vgg19"}, {"network": "vgg16", "layers": {"conv1_2": 1.0}}])
def test_lpips_as_a_loss_has_networks_and_layers_of_its_own(given):
    with pytest.raises(ValidationError, match="expected network vgg16 or squeezenet1_1 and no layers"):
        Perceptual(distance="lpips", **given)
