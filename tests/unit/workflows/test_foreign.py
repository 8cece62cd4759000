"""ONNX files and community weights as networks of this program."""

import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ssr.errors import ConfigError, MissingExtraError, OutputError, WeightsError
from ssr.inference.predictor import super_resolve_array
from ssr.models.bicubic import Bicubic
from ssr.workflows.foreign import export_network, open_community, open_onnx_model
from tests.support.networks import tiny_sr3
from tests.support.scenes import FP32, textured, tiny_rrdbnet, unit, write_weights

SINGLE = {"n_revisits": 1, "n_growth": 32}


def nearest_file(path: Path, shape: tuple[int | str, ...], n_outputs: int = 1) -> Path:
    """An ONNX file made by hand that repeats every pixel of its first three channels 4×4 times."""
    pytest.importorskip("onnxruntime", reason="the extra 'export' is not installed")
    onnx = pytest.importorskip("onnx", reason="the extra 'export' is not installed")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    scales = onnx.numpy_helper.from_array(np.array([1, 1, 4, 4], np.float32), "scales")
    first, last, axis = (
        onnx.numpy_helper.from_array(np.array([k]), name) for k, name in ((0, "a"), (3, "b"), (1, "c"))
    )
    manner = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    nodes = [
        helper.make_node("Slice", ["image", "a", "b", "c"], ["three"]),
        helper.make_node("Resize", ["three", "", "scales"], ["fine"], **manner),
    ]
    graph = helper.make_graph(
        nodes,
        "nearest",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("fine", kind, None)],
        [scales, first, last, axis],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_foreign_onnx_file_repeats_pixels_as_it_says(tmp_path):
    path = nearest_file(tmp_path / "nearest.onnx", ("b", 3, "h", "w"))
    network = open_onnx_model(path, scale=4, n_channels=3, halo_px=0)
    assert (network.takes, network.n_revisits) == ("single", None)
    low_res = unit(textured(1, 50, 40))
    result = super_resolve_array(network, low_res, compute=FP32, core_px=32)
    np.testing.assert_array_equal(result, low_res[0].repeat(4, 1).repeat(4, 2))


def test_with_a_number_of_dates_they_are_stacked(tmp_path):
    path = nearest_file(tmp_path / "nearest.onnx", ("b", 6, "h", "w"))
    network = open_onnx_model(path, scale=4, n_channels=3, halo_px=0, n_revisits=2)
    assert network.takes == "stacked"
    low_res = torch.from_numpy(unit(textured(2, 8, 9)))[None]
    assert torch.equal(network(low_res), low_res[:, 0].repeat_interleave(4, 2).repeat_interleave(4, 3))


@pytest.mark.parametrize(
    ("shape", "declared", "error", "named"),
    [
        (("b", 3, "h", "w"), {}, ConfigError, "does not say its scale, n_channels, halo_px; declare them"),
        (("b", 3, "h", "w"), {"scale": 4, "n_channels": 3}, ConfigError, "does not say its halo_px"),
        (("b", 3, "h", "w"), {"scale": 0, "n_channels": 3, "halo_px": 0}, ConfigError, "scale is 0"),
        (
            ("b", 3, "h", "w"),
            {"scale": 4, "n_channels": 3, "halo_px": 0, "takes": "series"},
            ConfigError,
            "has 4 axes.*'series'",
        ),
        (("b", 3, 64, 64), {"scale": 4, "n_channels": 3, "halo_px": 0}, WeightsError, "windows of 64×64 px only"),
        ((3, "h", "w"), {"scale": 4, "n_channels": 3, "halo_px": 0}, WeightsError, "nearest"),
    ],
)
def test_what_a_foreign_file_does_not_say_must_be_declared(tmp_path, shape, declared, error, named):
    path = nearest_file(tmp_path / "nearest.onnx", shape)
    with pytest.raises(error, match=named):
        open_onnx_model(path, **declared)


def test_declarations_go_before_what_our_own_files_say(tmp_path):
    pytest.importorskip("onnxscript", reason="the extra 'export' is not installed")
    export_network(Bicubic(scale=2), tmp_path / "a.onnx", n_revisits=3, stacked=True)
    network = open_onnx_model(tmp_path / "a.onnx", halo_px=7)
    assert (network.scale, network.n_revisits, network.takes, network.halo_px) == (2, 3, "stacked", 7)
    low_res = torch.from_numpy(unit(textured(3, 10, 12)))[None]
    torch.testing.assert_close(network(low_res), Bicubic(scale=2)(low_res), rtol=0, atol=1e-5)


def test_a_tile_for_deepness_says_what_it_asks_for(tmp_path):
    onnx = pytest.importorskip("onnx", reason="the extra 'export' is not installed")
    export_network(Bicubic(), tmp_path / "a.onnx", n_revisits=1, stacked=True, tile_px=16)
    properties = {each.key: each.value for each in onnx.load(tmp_path / "a.onnx").metadata_props}
    del properties["ssr"]
    asked = {"model_type": '"Superresolution"', "resolution": "1000", "tile_size": "16", "tiles_overlap": "0"}
    assert properties == asked
    with pytest.raises(WeightsError, match="windows of 16×16 px only"):
        open_onnx_model(tmp_path / "a.onnx")


def test_a_network_that_sees_its_place_is_no_graph(tmp_path):
    network = Bicubic()
    network.sees_place = True
    with pytest.raises(OutputError, match="noise by place"):
        export_network(network, tmp_path / "a.onnx", n_revisits=1)


def spandrel_of(state: dict[str, torch.Tensor]):
    spandrel = pytest.importorskip("spandrel", reason="the extra 'community' is not installed")
    return spandrel.ModelLoader().load_from_state_dict(dict(state))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_community_weights_give_what_spandrel_gives(tmp_path, suffix):
    from ssr.checkpoints.files import write_safetensors

    own = tiny_rrdbnet(**SINGLE)
    reference = spandrel_of(own.state_dict())
    if suffix == ".pth":
        write_weights(tmp_path / "a.pth", own)
    else:
        write_safetensors(tmp_path / "a.safetensors", own.state_dict(), metadata={})
    network = open_community(tmp_path / f"a{suffix}")
    assert (network.scale, network.n_channels, network.size_multiple, network.n_revisits) == (4, 3, 1, None)
    assert (network.halo_px, network.takes) == (64, "single")
    images = torch.from_numpy(unit(textured(2, 12, 9)))
    result = network(images[:, None])
    for k in range(2):
        assert torch.equal(result[k], reference(images[k : k + 1])[0])
    with torch.no_grad():  # and our own network is an oracle beside spandrel's; spandrel clamps
        torch.testing.assert_close(result, own(images[:, None]).clamp(0, 1), rtol=0, atol=1e-5)


def test_names_of_the_first_esrgan_are_known_too(tmp_path):
    """`model.1.sub.0.RDB1.conv1.0.weight`, as the ESRGAN paper's code wrote them."""
    reference = spandrel_of(tiny_rrdbnet(**SINGLE).state_dict())
    first = reference.model.state_dict()
    assert "model.1.sub.0.RDB1.conv1.0.weight" in first
    torch.save(first, tmp_path / "first.pth")
    image = torch.from_numpy(unit(textured(1, 11, 13)))[None]
    assert torch.equal(open_community(tmp_path / "first.pth")(image), reference(image[:, 0]))


def test_several_dates_become_the_median_of_their_results(tmp_path):
    write_weights(tmp_path / "a.pth", tiny_rrdbnet(**SINGLE))
    network = open_community(tmp_path / "a.pth")
    dates = torch.from_numpy(unit(textured(3, 10, 10)))[None]
    alone = torch.stack([network(dates[:, [k]]) for k in range(3)])
    assert torch.equal(network(dates), alone.median(0).values)


def test_sizes_that_the_network_asks_for_are_declared(tmp_path):
    """A network of scale 2 folds pixels into channels; spandrel asks for multiples of 4 there."""
    write_weights(tmp_path / "a.pth", tiny_rrdbnet(scale=2, **SINGLE))
    network = open_community(tmp_path / "a.pth", halo_px=3)
    assert (network.scale, network.size_multiple, network.halo_px) == (2, 4, 4)
    result = super_resolve_array(network, unit(textured(1, 37, 41)), compute=FP32, core_px=32)
    assert result.shape == (3, 74, 82)


def test_parameters_of_community_networks_move_along(tmp_path):
    write_weights(tmp_path / "a.pth", tiny_rrdbnet(**SINGLE))
    network = open_community(tmp_path / "a.pth").to(torch.float64)
    image = torch.from_numpy(unit(textured(1, 8, 8)))[None].double()
    assert network(image).dtype == torch.float64


@pytest.mark.parametrize(
    ("state", "named"),
    [
        (tiny_rrdbnet(n_revisits=8, n_growth=32).state_dict(), "takes 24 channels and gives 3"),
        (tiny_rrdbnet(n_channels=4, **SINGLE).state_dict(), "takes 4 channels"),
        ({"layer.weight": torch.zeros(3)}, r"knows no network with these tensors \(layer\.weight"),
        (tiny_rrdbnet(n_revisits=1).state_dict(), "cannot make a network of it"),
    ],
    ids=["dates", "four bands", "unknown", "narrow"],
)
def test_networks_that_do_not_take_one_rgb_image_are_refused(tmp_path, state, named):
    pytest.importorskip("spandrel", reason="the extra 'community' is not installed")
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=rf"a\.pth.*{named}") as raised:
        open_community(tmp_path / "a.pth")
    assert "\n" not in str(raised.value)


class Touches:
    """Unpickled, this makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("writes", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, 2))])
@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".safetensors"])
def test_code_in_community_weights_is_not_run(tmp_path, writes, suffix):
    pytest.importorskip("spandrel", reason="the extra 'community' is not installed")
    trace = tmp_path / "trace"
    writes({"params": Touches(trace), **tiny_rrdbnet(**SINGLE).state_dict()}, tmp_path / f"evil{suffix}")
    with pytest.raises(WeightsError, match="evil"):
        open_community(tmp_path / f"evil{suffix}")
    assert not trace.exists()


def test_without_spandrel_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(MissingExtraError, match=r"satlas-super-resolution\[community\]"):
        open_community(write_weights(tmp_path / "a.pth", tiny_rrdbnet(**SINGLE)))


@pytest.mark.slow
@pytest.mark.parametrize("context", ["window", "local"])
def test_an_sr3_gives_its_denoiser_and_sampling_with_it_gives_its_image(context, tmp_path):
    """The graph is asked at every step what the U-Net was asked; 25 such answers must add up to the same image."""
    pytest.importorskip("diffusers", reason="the extra 'diffusion' is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra 'export' is not installed")
    network, low_res = tiny_sr3(context=context), torch.rand(2, 2, 3, 8, 12)
    assert export_network(network, tmp_path / "denoiser.onnx") <= 1e-4
    session = onnxruntime.InferenceSession(str(tmp_path / "denoiser.onnx"), providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == ["condition", "noisy", "signal"]
    with torch.no_grad():
        expected = network(low_res)

    def ask(condition, noisy, signal):
        given = {"condition": condition.numpy(), "noisy": noisy.numpy(), "signal": signal.numpy()}
        return torch.from_numpy(session.run(None, given)[0])

    network.denoise = ask
    torch.testing.assert_close(network(low_res), expected, atol=1e-3, rtol=0)
    with pytest.raises(WeightsError, match="expected one input, found 3"):
        open_onnx_model(tmp_path / "denoiser.onnx", scale=4, n_channels=3, halo_px=16)


@pytest.mark.parametrize("asked", [{"n_revisits": 2}, {"stacked": True}, {"tile_px": 8}])
def test_a_denoiser_has_no_dates_to_choose(asked, tmp_path):
    with pytest.raises(ConfigError, match="an SR3 gives its denoiser as it is"):
        export_network(tiny_sr3(), tmp_path / "denoiser.onnx", **asked)
    assert not (tmp_path / "denoiser.onnx").exists()
