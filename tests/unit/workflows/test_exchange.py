"""Models in other forms and back, to the bit."""

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from ssr.build.networks import build_discriminator, bundled_model
from ssr.checkpoints.bundled import bundled_weights
from ssr.checkpoints.files import read_training_state, read_weights, sha256_of, write_safetensors
from ssr.config.networks import BicubicModel, DateFusionModel, ESRGANModel, SRCNNModel, UNetDiscriminator
from ssr.errors import ConfigError, OutputError, WeightsError
from ssr.models.esrgan import RRDBNet
from ssr.workflows.exchange import convert, from_pretrained, save_pretrained
from ssr.workflows.foreign import open_onnx_model
from ssr.workflows.models import NamedModel
from tests.support.scenes import rrdbnet_options, tiny_date_fusion, tiny_rrdbnet, with_seed, write_weights, write_yaml
from tests.unit.models.golden import NETWORKS, published_state

TINY = ESRGANModel(n_revisits=2, n_features=8, n_blocks=1, n_growth=4)
TINY_X2 = TINY.model_copy(update={"scale": 2})


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Weights that were trained and their moving average, as training leaves them."""
    network = tiny_rrdbnet()
    average = {name: tensor * 0.9 for name, tensor in network.state_dict().items()}
    torch.save({"params": network.state_dict(), "params_ema": average}, tmp_path / "net_g.pth")
    return tmp_path / "net_g.pth"


@pytest.mark.parametrize(("key", "entry"), [(None, "params_ema"), ("params", "params"), ("params_ema", "params_ema")])
def test_published_weights_go_to_safetensors_and_back_to_the_bit(published, tmp_path, key, entry):
    expected = read_weights(published, key=key)
    convert(published, tmp_path / "a.safetensors", key=key)
    assert_same(read_weights(tmp_path / "a.safetensors"), expected)
    convert(tmp_path / "a.safetensors", tmp_path / "b.pth")
    content = read_training_state(tmp_path / "b.pth")
    assert list(content) == [entry]
    assert_same(content[entry], expected)
    assert list(content[entry]) == sorted(expected)  # safetensors sorts by name


def test_what_happened_is_told(published, tmp_path):
    result = convert(published, tmp_path / "a.safetensors")
    assert (result.source, result.out, result.kind) == (published, tmp_path / "a.safetensors", "safetensors")
    assert result.model == TINY.model_dump()
    assert result.n_tensors == len(tiny_rrdbnet().state_dict())
    assert result.sha256 == sha256_of(published)
    assert result.largest_difference is None
    assert result.notes == ()


def test_a_file_says_where_it_comes_from(published, tmp_path):
    convert(published, tmp_path / "a.safetensors")
    metadata = metadata_of(tmp_path / "a.safetensors")
    assert json.loads(metadata["model"]) == TINY.model_dump()
    assert metadata["source"] == "net_g.pth"
    assert metadata["source_sha256"] == sha256_of(published)
    assert metadata["entry"] == "params_ema"


def test_what_a_file_said_before_is_kept(tmp_path):
    write_safetensors(tmp_path / "a.safetensors", tiny_rrdbnet().state_dict(), metadata={"licence": "CC-BY"})
    convert(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert metadata_of(tmp_path / "b.safetensors")["licence"] == "CC-BY"


def test_half_precision_stays_half_precision(tmp_path):
    state = {name: tensor.bfloat16() for name, tensor in tiny_rrdbnet().state_dict().items()}
    torch.save(state, tmp_path / "a.pth")
    convert(tmp_path / "a.pth", tmp_path / "b.safetensors")
    assert_same(read_weights(tmp_path / "b.safetensors"), state)
    convert(tmp_path / "b.safetensors", tmp_path / "c.pth")
    assert list(read_training_state(tmp_path / "c.pth")) == ["params"]  # a bare file is no average


@pytest.mark.parametrize("scale", [1, 2])
def test_scales_that_shapes_do_not_tell_come_back_right(tmp_path, scale):
    network = tiny_rrdbnet(scale=scale)
    write_weights(tmp_path / "a.pth", network)
    config = TINY.model_copy(update={"scale": scale})
    convert(tmp_path / "a.pth", tmp_path / "a.safetensors", model=config)
    result = convert(tmp_path / "a.safetensors", tmp_path / "model")
    assert result.model == config.model_dump()
    back = from_pretrained(tmp_path / "model")
    assert (back.scale, back.n_revisits, back.size_multiple) == (scale, 2, network.size_multiple)
    low_res = torch.rand(1, 2, 3, 8, 12)
    with torch.no_grad():
        assert torch.equal(back(low_res), network(low_res))


@pytest.mark.parametrize(
    "options",
    [
        {"model": TINY_X2.model_dump()},
        {"network_g": rrdbnet_options(2, scale=2)},
    ],
    ids=["native", "original"],
)
def test_an_option_file_names_the_network(tmp_path, options):
    write_weights(tmp_path / "a.pth", tiny_rrdbnet(scale=2))
    write_yaml(tmp_path / "a.yml", options)
    result = convert(tmp_path / "a.pth", tmp_path / "a.safetensors", model=tmp_path / "a.yml")
    assert result.model == TINY_X2.model_dump()


def test_an_option_file_without_a_network_is_refused(tmp_path):
    write_weights(tmp_path / "a.pth", tiny_rrdbnet())
    write_yaml(tmp_path / "a.yml", {"name": "x"})
    with pytest.raises(ConfigError, match=r"a\.yml.*model"):
        convert(tmp_path / "a.pth", tmp_path / "a.safetensors", model=tmp_path / "a.yml")


def test_a_network_that_does_not_fit_is_refused_and_nothing_written(published, tmp_path):
    with pytest.raises(WeightsError, match=r"net_g\.pth: does not fit"):
        convert(published, tmp_path / "a.safetensors", model=TINY.model_copy(update={"n_blocks": 2}))
    assert not (tmp_path / "a.safetensors").exists()


@pytest.mark.parametrize("name", [n for n in NETWORKS if n.startswith(("srcnn", "highresnet"))])
def test_redundant_tensors_of_published_files_are_left_out_with_a_note(tmp_path, name):
    state = published_state(name)
    torch.save({"params_ema": state}, tmp_path / "a.pth")
    result = convert(tmp_path / "a.pth", tmp_path / "a.safetensors")
    found = read_weights(tmp_path / "a.safetensors")
    assert result.notes == (f"{len(state) - len(found)} tensors that take no part in the network were left out",)
    assert len(found) < len(state)
    assert_same(found, {n: state[n] for n in found})


@pytest.mark.parametrize("judges_objects", [False, True])
def test_discriminators_keep_the_names_of_spectral_normalisation(tmp_path, judges_objects):
    options = UNetDiscriminator(n_channels=27, n_features=8, judges_objects=judges_objects)
    state = build_discriminator(options).state_dict()
    assert {"conv1.weight_orig", "conv1.weight_u", "conv1.weight_v"} <= set(state)
    torch.save({"params": state}, tmp_path / "net_d.pth")
    convert(tmp_path / "net_d.pth", tmp_path / "d.safetensors")
    assert json.loads(metadata_of(tmp_path / "d.safetensors")["model"]) == options.model_dump()
    convert(tmp_path / "d.safetensors", tmp_path / "back.pth")
    assert_same(read_training_state(tmp_path / "back.pth")["params"], state)
    for out in ("folder", "d.onnx"):
        with pytest.raises(WeightsError, match="found a discriminator"):
            convert(tmp_path / "d.safetensors", tmp_path / out)


def test_tensors_of_an_unknown_network_are_taken_as_they_are(tmp_path):
    shared = torch.arange(6.0)
    torch.save({"params": {"x.weight": shared.view(2, 3).T, "y.weight": shared}}, tmp_path / "a.pth")
    result = convert(tmp_path / "a.pth", tmp_path / "a.safetensors")
    assert result.model is None
    assert "no network known here" in result.notes[0]
    assert_same(read_weights(tmp_path / "a.safetensors"), {"x.weight": shared.view(2, 3).T, "y.weight": shared})
    with pytest.raises(WeightsError, match=r"found tensors such as x\.weight"):
        convert(tmp_path / "a.pth", tmp_path / "folder")


def test_the_bundled_model_goes_by_its_name(tmp_path):
    convert("compact-8", tmp_path / "folder")
    network, low_res = from_pretrained(tmp_path / "folder"), torch.rand(1, 2, 3, 9, 9)
    assert torch.equal(network(low_res), bundled_model()(low_res))
    assert_same(read_weights(tmp_path / "folder" / "model.safetensors"), read_weights(bundled_weights()))


def test_a_network_from_onnx_is_the_network(published, tmp_path):
    pytest.importorskip("onnxruntime", reason="the extra 'export' is not installed")
    result = convert(published, tmp_path / "a.onnx")
    assert result.largest_difference is not None
    assert result.largest_difference < 1e-4
    foreign, own = open_onnx_model(tmp_path / "a.onnx"), with_weights(tiny_rrdbnet(), published)
    for name in ("scale", "n_revisits", "n_channels", "halo_px", "size_multiple", "sees_place"):
        assert getattr(foreign, name) == getattr(own, name)
    low_res = torch.rand(2, 2, 3, 10, 14)
    with torch.no_grad():
        torch.testing.assert_close(foreign(low_res), own(low_res), rtol=0, atol=1e-4)


def with_weights(network: RRDBNet, path: Path) -> RRDBNet:
    network.load_state_dict(read_weights(path))
    return network


def test_dates_of_an_onnx_file_are_asked_for(tmp_path):
    write_weights(tmp_path / "a.pth", tiny_date_fusion())
    with pytest.raises(ConfigError, match="--dates"):
        convert(tmp_path / "a.pth", tmp_path / "a.onnx")
    write_weights(tmp_path / "b.pth", tiny_rrdbnet())
    with pytest.raises(ConfigError, match="3 dates are asked for, the network takes 2"):
        convert(tmp_path / "b.pth", tmp_path / "a.onnx", n_revisits=3)
    write_weights(tmp_path / "c.pth", tiny_rrdbnet(scale=2))
    with pytest.raises(ConfigError, match="the tile is 33 px, expected a multiple of 2"):
        convert(tmp_path / "c.pth", tmp_path / "a.onnx", model=TINY_X2, tile_px=33)
    assert not (tmp_path / "a.onnx").exists()


@pytest.mark.parametrize("choice", [{"n_revisits": 2}, {"stacked": True}, {"tile_px": 32}])
def test_choices_for_onnx_are_refused_elsewhere(published, tmp_path, choice):
    with pytest.raises(ConfigError, match="choices for ONNX files"):
        convert(published, tmp_path / "a.safetensors", **choice)


@pytest.mark.parametrize("out", ["a.txt", "a.pt", "model-1.0"])
def test_a_suffix_that_says_nothing_is_refused_unless_told(published, tmp_path, out):
    with pytest.raises(ConfigError, match=r"\.safetensors, \.pth, \.onnx, or a folder"):
        convert(published, tmp_path / out)
    with pytest.raises(ConfigError, match="to is 'zip'"):
        convert(published, tmp_path / out, to="zip")
    assert convert(published, tmp_path / out, to="folder").kind == "folder"
    assert from_pretrained(tmp_path / out).scale == 4


@pytest.mark.parametrize("out", ["a.safetensors", "a.pth", "a.onnx", "folder"])
def test_results_are_replaced_only_when_asked(published, tmp_path, out):
    target = tmp_path / out
    if out == "folder":
        target.mkdir()
        target = target / "config.json"
    target.write_text("old")
    with pytest.raises(OutputError, match="exists already"):
        convert(published, tmp_path / out)
    assert target.read_text() == "old"
    if out != "a.onnx":
        convert(published, tmp_path / out, overwrite=True)
        assert target.read_bytes() != b"old"


def test_sources_that_are_no_weights_are_named(published, tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"")
    for source, named in (("a.onnx", "is a graph"), ("absent.pth", "no such weight file"), ("", "is missing")):
        with pytest.raises(WeightsError, match=named):
            convert(tmp_path / source, tmp_path / "b.safetensors")
    convert(published, tmp_path / "model")
    with pytest.raises(ConfigError, match="a folder says itself"):
        convert(tmp_path / "model", tmp_path / "b.safetensors", key="params")


class Touches:
    """Unpickled, this makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("writes", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, 2))])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".bin"])
@pytest.mark.parametrize("out", ["a.safetensors", "a.pth", "a.onnx", "folder"])
def test_code_in_a_file_is_not_run(tmp_path, writes, suffix, out):
    trace = tmp_path / "trace"
    writes({"params": Touches(trace), **tiny_rrdbnet().state_dict()}, tmp_path / f"evil{suffix}")
    with pytest.raises(WeightsError, match="evil"):
        convert(tmp_path / f"evil{suffix}", tmp_path / out)
    assert [path.name for path in tmp_path.iterdir()] == [f"evil{suffix}"]


@pytest.mark.parametrize("described", ["{", "[]", "3"])
def test_a_damaged_description_is_named(tmp_path, described):
    write_safetensors(
        tmp_path / "a.safetensors", tiny_rrdbnet().state_dict(), metadata={"ssr": "0.1", "model": described}
    )
    with pytest.raises(WeightsError, match=r"a\.safetensors.*'model'"):
        convert(tmp_path / "a.safetensors", tmp_path / "b.pth")


def test_a_description_of_another_program_is_not_ours(tmp_path):
    write_safetensors(tmp_path / "a.safetensors", tiny_rrdbnet().state_dict(), metadata={"model": "mine, v2"})
    assert convert(tmp_path / "a.safetensors", tmp_path / "b.pth").model == TINY.model_dump()


@pytest.mark.parametrize(
    ("network", "config"),
    [
        (tiny_rrdbnet(scale=2), TINY_X2),
        (tiny_date_fusion(), DateFusionModel(n_features=8, n_date_features=8, n_blocks=1)),
    ],
    ids=["esrgan", "date_fusion"],
)
def test_a_network_comes_back_from_its_folder(tmp_path, network, config):
    save_pretrained(network, config, tmp_path / "model")
    back, low_res = from_pretrained(str(tmp_path / "model")), torch.rand(1, 2, 3, 8, 10)
    with torch.no_grad():
        assert torch.equal(back(low_res), network(low_res))
    assert not back.training


def test_an_opened_model_can_be_saved(tmp_path):
    save_pretrained(NamedModel(tiny_rrdbnet(), "tiny", "0"), TINY, tmp_path / "model")
    assert_same(read_weights(tmp_path / "model" / "model.safetensors"), tiny_rrdbnet().state_dict())


@pytest.mark.parametrize(
    ("network", "config", "named"),
    [
        (with_seed(RRDBNet(n_features=8, n_blocks=1, n_growth=4)), SRCNNModel(), "does not fit"),
        (lambda low_res: low_res, BicubicModel(), "has no tensors"),
    ],
    ids=["another network", "no network"],
)
def test_a_network_that_its_config_does_not_describe_is_not_saved(tmp_path, network, config, named):
    with pytest.raises(WeightsError, match=named):
        save_pretrained(network, config, tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (TINY.model_dump() | {"n_blocks": 2}, "does not fit"),
        (TINY.model_dump() | {"n_block": 1}, "unknown option 'model.n_block'"),
        ({"type": "transformer"}, "option 'model"),
        ({"type": "unet_sn", "n_channels": 3}, "found a discriminator"),
        (None, "option 'model"),
    ],
)
def test_a_folder_whose_config_is_wrong_is_refused(tmp_path, model, named):
    save_pretrained(tiny_rrdbnet(), TINY, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text("utf-8")) | {"model": model}
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    with pytest.raises((ConfigError, WeightsError), match=named):
        from_pretrained(tmp_path / "model")


def test_a_folder_whose_weights_are_a_pickle_runs_nothing(tmp_path):
    save_pretrained(tiny_rrdbnet(), TINY, tmp_path / "model")
    trace = tmp_path / "trace"
    torch.save({"params": Touches(trace)}, tmp_path / "model" / "model.safetensors")
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        from_pretrained(tmp_path / "model")
    assert not trace.exists()
