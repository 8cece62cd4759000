"""Every published network, by its published mapping, gives the recorded outputs and has the published tensors."""

import numpy as np
import pytest
import torch

from ssr.build.data import build_data
from ssr.build.networks import (
    build_model,
    bundled_model,
    channels_per_date,
    load_model,
    load_weights,
    model_of,
    network_from_options,
)
from ssr.build.training import build_loss, build_schedule
from ssr.checkpoints.files import write_safetensors, write_torch
from ssr.checkpoints.published import load_strictly, needed_tensors
from ssr.config.data import ImageryFolder, S2NaipData, SimulatedData
from ssr.config.networks import BicubicModel, DateFusionModel, ESRGANModel, HighResNetModel, SRCNNModel, Weights
from ssr.config.training import Loss, Training
from ssr.data.simulate import Degradation
from ssr.errors import ConfigError, WeightsError
from ssr.models.protocol import SuperResolver
from tests.support.tolerances import PARITY_RELATIVE
from tests.support.uniform import golden_input
from tests.unit.data.layouts import write_picture, write_s2naip_pair
from tests.unit.models.golden import GOLDEN, NETWORKS, PUBLISHED_SHAPES, published_state

GENERATORS = [name for name in NETWORKS if "discriminator" not in name]

FULL_SIZE = {
    "esrgan_8S2": {"type": "SSR_RRDBNet", "num_in_ch": 24},
    "srcnn_s2naip": {"type": "SRCNN", "output_size": 128},
    "highresnet_s2naip": {"type": "HighResNet", "output_size": 128},
    "unet_discriminator_sn_27ch": {"type": "SSR_UNetDiscriminatorSN", "num_in_ch": 27},
    "osm_obj_discriminator_27ch": {"type": "OSMObjDiscriminator", "num_in_ch": 27},
}
TINY_MODELS = [
    DateFusionModel(n_features=8, n_date_features=4, n_blocks=1),
    DateFusionModel(n_channels=4, n_features=8, n_date_features=4, n_blocks=2, scale=2),
    ESRGANModel(n_revisits=2, n_features=8, n_blocks=1, n_growth=4),
    ESRGANModel(n_revisits=1, n_features=8, n_blocks=2, n_growth=4, scale=8),
    SRCNNModel(n_revisits=3, n_features=16, n_residual_blocks=2),
    HighResNetModel(n_revisits=4, n_features=16, sees_reference=True),
]


def golden_network(name: str) -> torch.nn.Module:
    recorded = NETWORKS[name]
    network = network_from_options({"type": recorded["network"], **recorded["arguments"]})
    load_strictly(network, published_state(name), source=name)
    return network.eval()


def assert_parity(output: torch.Tensor, expected: np.ndarray) -> None:
    assert output.shape == expected.shape
    assert np.abs(output.detach().numpy() - expected).max() <= PARITY_RELATIVE * np.abs(expected).max()


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_equal_those_of_the_original(name):
    low_res = golden_input(f"{name}/input0", NETWORKS[name]["input_shapes"][0])
    network = golden_network(name)
    if name.startswith("rrdbnet"):
        low_res = low_res.unflatten(1, (network.n_revisits, network.n_channels))
    expected = np.load(GOLDEN / f"{name}.npz")["output0"]
    assert_parity(network(low_res), expected.squeeze(1) if expected.ndim == 5 else expected)


def test_object_logits_equal_those_of_the_original():
    name = "osm_obj_discriminator"
    crops = golden_input(f"{name}/input1", NETWORKS[name]["input_shapes"][1])
    assert_parity(golden_network(name).judge_objects(crops), np.load(GOLDEN / f"{name}.npz")["output1"])


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL_SIZE)
def test_full_size_networks_have_exactly_the_published_tensors(name):
    own = {n: list(t.shape) for n, t in network_from_options(FULL_SIZE[name]).state_dict().items()}
    assert own == needed_tensors(PUBLISHED_SHAPES[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "n_parameters"),
    [
        ({"num_in_ch": 3}, 16_697_987),
        ({"num_in_ch": 6}, 16_699_715),
        ({"num_in_ch": 12}, 16_703_171),
        ({"num_in_ch": 24}, 16_710_083),
        ({"num_in_ch": 48}, 16_723_907),
        ({"num_in_ch": 32}, 16_714_691),
        ({"num_in_ch": 72}, 16_737_731),
        ({"num_in_ch": 96}, 16_751_555),
        ({"num_in_ch": 24, "num_feat": 32, "num_grow_ch": 16}, 4_184_803),
        ({"num_in_ch": 24, "num_feat": 32, "num_grow_ch": 16, "num_block": 10}, 1_844_803),
        ({"num_in_ch": 24, "num_feat": 16, "num_grow_ch": 8, "num_block": 10}, 463_907),
        ({"num_in_ch": 24, "num_feat": 128, "num_grow_ch": 64}, 66_782_083),
        ({"num_in_ch": 24, "num_feat": 128, "num_grow_ch": 64, "num_block": 30}, 86_917_891),
        ({"num_in_ch": 24, "num_feat": 256, "num_grow_ch": 128}, 267_011_843),
    ],
)
def test_esrgan_variants_have_the_published_number_of_parameters(arguments, n_parameters):
    with torch.device("meta"):
        network = network_from_options({"type": "SSR_RRDBNet", **arguments})
    assert sum(p.numel() for p in network.parameters()) == n_parameters


@pytest.mark.parametrize(
    ("arguments", "n_parameters"),
    [
        ({"type": "SSR_UNetDiscriminatorSN", "num_in_ch": 27}, 4_390_721),
        ({"type": "OSMObjDiscriminator", "num_in_ch": 27}, 5_156_580),
    ],
)
def test_discriminators_have_the_published_number_of_parameters(arguments, n_parameters):
    assert sum(p.numel() for p in network_from_options(arguments).parameters()) == n_parameters


@pytest.mark.parametrize(
    ("n_in", "n_revisits", "expected"),
    [
        (24, None, (8, 3)),
        (3, None, (1, 3)),
        (36, None, (12, 3)),
        (36, 12, (12, 3)),
        (32, None, (8, 4)),
        (72, None, (8, 9)),
        (96, None, (8, 12)),
        (32, 8, (8, 4)),
        (8, 2, (2, 4)),
        (7, None, (1, 7)),
    ],
)
def test_stacked_channels_are_split_into_dates(n_in, n_revisits, expected):
    options = {"type": "SSR_RRDBNet", "num_in_ch": n_in, "num_block": 1, "num_feat": 4, "num_grow_ch": 2}
    network = network_from_options(options, n_revisits=n_revisits)
    assert (network.n_revisits, network.n_channels) == expected
    assert channels_per_date(n_in) == expected[1] or n_revisits is not None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"type": "SSR_RRDBNet"}, "num_in_ch"),
        ({"num_in_ch": 24}, "type"),
        ({"type": "SwinIR"}, "type"),
        ({"type": "SSR_RRDBNet", "num_in_ch": 24, "num_blocks": 3}, "num_blocks"),
        ({"type": "SSR_RRDBNet", "num_in_ch": 24, "scale": 5}, "scale"),
        ({"type": "SSR_RRDBNet", "num_in_ch": "24"}, "num_in_ch"),
        ({"type": "SSR_RRDBNet", "num_in_ch": True}, "num_in_ch"),
        ({"type": "SSR_RRDBNet", "num_in_ch": 24.0}, "num_in_ch"),
        ({"type": "SSR_UNetDiscriminatorSN"}, "num_in_ch"),
        ({"type": "SRCNN", "mask_channels": 1}, "mask_channels"),
    ],
)
def test_wrong_network_options_are_named(options, named):
    with pytest.raises(ConfigError, match=named):
        network_from_options(options)


def test_channels_that_are_no_whole_dates_are_refused():
    with pytest.raises(ConfigError, match=r"25.*8 dates"):
        network_from_options({"type": "SSR_RRDBNet", "num_in_ch": 25}, n_revisits=8)


@pytest.mark.parametrize("n_revisits", [0, -1])
def test_impossible_number_of_dates_is_a_config_error(n_revisits):
    with pytest.raises(ConfigError):
        network_from_options({"type": "SSR_RRDBNet", "num_in_ch": 24, "num_block": 1}, n_revisits=n_revisits)


@pytest.mark.parametrize("config", [*TINY_MODELS, BicubicModel(scale=3)], ids=repr)
def test_every_model_keeps_the_protocol(config):
    network = build_model(config)
    assert isinstance(network, SuperResolver)
    assert (network.scale, network.n_channels) == (config.scale, config.n_channels)
    assert network.n_revisits == getattr(config, "n_revisits", None)
    low_res = torch.rand(2, network.n_revisits or 3, network.n_channels, 12, 16)
    with torch.no_grad():
        assert network(low_res).shape == (
            2,
            3 if config.type != "date_fusion" else config.n_channels,
            *(side * config.scale for side in (12, 16)),
        )


@pytest.mark.parametrize("config", TINY_MODELS, ids=repr)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_model_is_found_again_from_its_own_weights(config, suffix, tmp_path):
    state, path = build_model(config).state_dict(), tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        write_torch(path, {"params": state})
    else:
        write_safetensors(path, state, metadata={})
    # HighResNet's own tensors do not tell how many dates it was trained on, and it takes any number.
    forgotten = {"n_revisits": None} if config.type == "highresnet" and config.n_revisits != 1 else {}
    assert model_of(state, source=path) == config.model_copy(update=forgotten)
    loaded = load_model(path)
    assert not loaded.training
    assert all(torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), state.values(), strict=True))


@pytest.mark.parametrize("n_revisits", [1, 2, 5])
def test_high_res_net_weights_of_another_number_of_dates_are_found_again(n_revisits, tmp_path):
    config = HighResNetModel(n_revisits=n_revisits, n_features=16)
    path = tmp_path / "weights.safetensors"
    write_safetensors(path, build_model(config).state_dict(), metadata={})
    assert load_model(path, config).n_revisits == n_revisits
    assert isinstance(load_model(path), SuperResolver)


@pytest.mark.parametrize("name", [n for n in GENERATORS if n not in ("rrdbnet_x1", "rrdbnet_x2")])
def test_model_is_recognised_from_published_tensors(name, tmp_path):
    """Scales 1 and 2 have the tensors of scale 4 and are told apart by options alone."""
    path = tmp_path / "published.pth"
    write_torch(path, {"params": published_state(name)})
    network, expected = load_model(path), golden_network(name)
    for attribute in ("scale", "n_revisits", "n_channels", "halo_px", "size_multiple"):
        assert getattr(network, attribute) == getattr(expected, attribute)
    low_res = torch.rand(1, network.n_revisits, 3, 8, 8)
    assert torch.equal(network(low_res), expected(low_res))


@pytest.mark.parametrize("name", ["unet_discriminator_sn", "osm_obj_discriminator"])
def test_discriminator_weights_are_no_model(name):
    with pytest.raises(WeightsError, match=r"net_d\.pth.*unet_sn"):
        model_of(published_state(name), source="net_d.pth")


def test_unknown_tensors_are_no_model():
    with pytest.raises(WeightsError, match=r"other\.pth.*layer"):
        model_of({"layer.weight": torch.zeros(1)}, source="other.pth")


def test_weights_of_another_model_say_which_model_they_fit(tmp_path):
    path = tmp_path / "two_dates.pth"
    write_torch(path, {"params": build_model(TINY_MODELS[2]).state_dict()})
    with pytest.raises(WeightsError, match=r"two_dates\.pth.*conv_first.*fits esrgan .*n_features 8"):
        load_model(path, ESRGANModel(n_revisits=8, n_features=8, n_blocks=1, n_growth=4))


def test_weights_may_be_loaded_as_far_as_they_fit(tmp_path):
    path = tmp_path / "two_dates.pth"
    state = build_model(TINY_MODELS[2]).state_dict()
    write_torch(path, {"params": state})
    wider = ESRGANModel(n_revisits=8, n_features=8, n_blocks=1, n_growth=4)
    loaded, notes = load_weights(Weights(path=path, strict=False), wider)
    assert torch.equal(loaded.conv_last.weight, state["conv_last.weight"])
    assert loaded.conv_first.weight.shape[1] == 24
    assert len(notes) == 2
    assert "conv_first.weight: skipped, (8, 6, 3, 3) in the file, (8, 24, 3, 3) in the network" in notes


def test_bundled_model_takes_any_number_of_dates():
    network = bundled_model()
    assert network.n_revisits is None
    assert network.scale == 4
    assert network(torch.rand(1, 2, 3, 16, 16)).isfinite().all()


def test_simulated_pairs_have_the_scale_that_is_asked_for(tmp_path):
    write_picture(tmp_path / "a.png", side_px=100)
    config = SimulatedData(imagery=(ImageryFolder(folder=tmp_path),), n_revisits=(2,), chip_px=8)
    for scale in (4, 2):
        batch = build_data(config, batch_size=2, scale=scale).batch(0)
        assert batch.low_res.shape == (2, 2, 3, 8, 8)
        assert batch.high_res.shape == (2, 3, 8 * scale, 8 * scale)


def test_simulated_dates_have_the_clouds_that_are_asked_for_and_by_default_those_of_the_simulation(tmp_path):
    write_picture(tmp_path / "a.png", side_px=100)
    given = {"imagery": (ImageryFolder(folder=tmp_path),), "n_revisits": (8,), "chip_px": 8}
    sources = [SimulatedData(**given, cloud_probability=p) for p in (0.0, 1.0)]
    clear, cloudy = (build_data(config, batch_size=8, scale=4).batch(0).low_res for config in sources)
    assert (cloudy > 0.75).float().mean() > (clear > 0.75).float().mean() + 0.05
    assert SimulatedData(**given).cloud_probability == Degradation().cloud_probability


def test_pairs_on_disk_are_built_from_their_options(tmp_path):
    write_s2naip_pair(tmp_path, "10_20", n_dates=3)
    config = S2NaipData(sentinel2=tmp_path / "sentinel2", naip=tmp_path / "naip", n_revisits=2)
    source = build_data(config, batch_size=1, scale=4)
    assert source.batch(0).names == ("m_2608053_sw_17_060_20191203/10_20",)
    assert source.batch(0).low_res.shape == (1, 2, 3, 32, 32)


def test_loss_and_schedule_take_their_values_from_the_options():
    loss = build_loss(Loss(l1=0.4, mse=0.3, ssim=0.3, border_px=2))
    assert (loss.weights, loss.border_px) == ({"l1": 0.4, "mse": 0.3, "ssim": 0.3}, 2)
    training = Training(n_steps=10, learning_rate=1e-3, schedule="multistep", milestones=(5,), gamma=0.1)
    assert [build_schedule(training).rate(k) for k in (0, 4, 5)] == [1e-3, 1e-3, pytest.approx(1e-4)]
