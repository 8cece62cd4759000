"""Do the presets have the sizes that were published?"""

import pytest
import torch

from ssr.build.networks import build_discriminator, build_model
from ssr.config.files import load_config
from ssr.config.networks import ESRGANModel, UNetDiscriminator
from ssr.config.presets import PRESETS, preset
from ssr.config.schema import InferConfig
from ssr.errors import ConfigError
from ssr.sentinel2.bands import BAND_SETS, CHANNELS_OF_A_DATE, n_channels_of
from tests.support.scenes import write_yaml

N_PARAMETERS = {
    "esrgan_1S2": 16_697_987,
    "esrgan_2S2": 16_699_715,
    "esrgan_4S2": 16_703_171,
    "esrgan_8S2": 16_710_083,
    "esrgan_16S2": 16_723_907,
    "esrgan_10m": 16_714_691,
    "esrgan_20m": 16_737_731,
    "esrgan_60m": 16_751_555,
    "esrgan_small-1": 4_184_803,
    "esrgan_small-2": 1_844_803,
    "esrgan_small-3": 463_907,
    "esrgan_larger1": 66_782_083,
    "esrgan_medium": 86_917_891,
    "esrgan_larger2": 267_011_843,
    "esrgan_large": 347_538_947,
    "srcnn_s2naip": 1_773_816,
    "highresnet_s2naip": 3_249_019,
    "sr3_s2naip": 97_819_587,
}
"""Counted on the original's networks; SRCNN's and HighResNet's with the parameters that never take part."""

N_STACKED = {"esrgan_10m": 32, "esrgan_20m": 72, "esrgan_60m": 96, "esrgan_16S2": 48, "esrgan_orig_18S2": 54}


def n_parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def on_paper(name: str) -> torch.nn.Module:
    """The network without memory for its numbers."""
    with torch.device("meta"):
        return build_model(PRESETS[name])


@pytest.mark.parametrize("name", [name for name in N_PARAMETERS if name.startswith(("esrgan", "sr3"))])
def test_presets_have_the_published_number_of_parameters(name):
    assert n_parameters(on_paper(name)) == N_PARAMETERS[name]


MASK_ENCODER = 1 + 1 + 9 + 1 + 1
"""Two convolutions of one channel and their slopes; the first weight is of size zero."""
UNUSED_FUSION = (1024 + 128) * 128 * 9 + 2 * (128 + 1) + 2 * (128 * 128 * 9 + 128 + 1)
"""What HighResNet inherits from SRCNN and never calls: two double convolutions."""


@pytest.mark.parametrize(
    ("name", "n_idle"), [("srcnn_s2naip", MASK_ENCODER), ("highresnet_s2naip", MASK_ENCODER + UNUSED_FUSION)]
)
def test_worldstrat_networks_lack_only_what_never_takes_part(name, n_idle):
    assert n_parameters(on_paper(name)) == N_PARAMETERS[name] - n_idle


@pytest.mark.parametrize(("name", "n_stacked"), N_STACKED.items())
def test_stacked_channels_are_dates_times_bands(name, n_stacked):
    assert PRESETS[name].n_revisits * PRESETS[name].n_channels == n_stacked
    assert on_paper(name).conv_first.weight.shape[1] == n_stacked


def test_band_sets_stand_in_the_published_order():
    assert BAND_SETS["60m"] == ("tci", "b01", "b08", "b09", "b10", "b05", "b06", "b07", "b11", "b12")
    assert BAND_SETS["20m"] == ("tci", "b08", "b05", "b06", "b07", "b11", "b12")
    assert BAND_SETS["10m"] == ("tci", "b08")
    assert CHANNELS_OF_A_DATE == (3, 4, 9, 12)
    assert n_channels_of(("tci", "b08")) == 4


@pytest.mark.parametrize(
    ("n_channels", "judges_objects", "expected", "n_tensors"), [(27, False, 4_390_721, 28), (27, True, 5_156_580, 50)]
)
def test_discriminators_have_the_published_size(n_channels, judges_objects, expected, n_tensors):
    network = build_discriminator(UNetDiscriminator(n_channels=n_channels, judges_objects=judges_objects))
    assert n_parameters(network) == expected
    assert len(network.state_dict()) == n_tensors


def test_a_preset_is_named_in_an_option_file(tmp_path):
    options = {"data_dir": "chips", "save_path": "out", "model": "esrgan_2S2"}
    config, _ = load_config(write_yaml(tmp_path / "a.yml", options), InferConfig)
    assert config.model == ESRGANModel(n_revisits=2)


def test_a_name_that_is_none_names_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match=r"a\.yml: option 'model': no preset 'esrgan_8s2'; did you mean 'esrgan_8S2'"):
        preset("esrgan_8s2", source="a.yml")
    with pytest.raises(ConfigError, match="there are: esrgan_1S2, "):
        preset("xyz", source="a.yml")
