"""ONNX files: networks exported and compared, foreign files opened, bad ones refused."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("onnx", reason="the extra 'export' is not installed")
pytest.importorskip("onnxruntime", reason="the extra 'export' is not installed")
pytest.importorskip("onnxscript", reason="the extra 'export' is not installed")

import onnx
from onnx import TensorProto, helper, numpy_helper

from ssr.build.networks import bundled_model
from ssr.checkpoints import onnx_export
from ssr.checkpoints.onnx_export import TOLERANCE, Axes, export_onnx, export_series_network
from ssr.checkpoints.onnx_files import OnnxRunner, open_onnx
from ssr.errors import InputError, MissingExtraError, OutputError, WeightsError
from ssr.models.bicubic import Bicubic
from ssr.models.highresnet import HighResNet
from ssr.models.srcnn import SRCNN
from tests.support.scenes import textured, tiny_date_fusion, tiny_rrdbnet, unit, with_seed

slow = pytest.mark.slow
NETWORKS = [
    pytest.param(lambda: tiny_rrdbnet(), 2, id="esrgan"),
    pytest.param(lambda: tiny_rrdbnet(scale=2), 2, id="esrgan_x2", marks=slow),
    pytest.param(lambda: tiny_rrdbnet(scale=1, n_channels=4), 2, id="esrgan_x1", marks=slow),
    pytest.param(lambda: with_seed(SRCNN(n_revisits=4, n_features=16)), 4, id="srcnn", marks=slow),
    pytest.param(lambda: with_seed(SRCNN(n_revisits=4, n_features=16, sees_reference=True)), 4, id="srcnn_ref"),
    pytest.param(lambda: with_seed(HighResNet(n_revisits=5, n_features=16)), 5, id="highresnet", marks=slow),
    pytest.param(lambda: Bicubic(), 4, id="bicubic_4_dates"),
    pytest.param(lambda: Bicubic(), 5, id="bicubic_5_dates", marks=slow),
    pytest.param(lambda: tiny_date_fusion(), 3, id="date_fusion", marks=slow),
    pytest.param(lambda: bundled_model(), 1, id="compact-8_1_date", marks=slow),
    pytest.param(lambda: bundled_model(), 8, id="compact-8_8_dates", marks=slow),
]


def export(network, path: Path, n_revisits: int, **options) -> float:
    sizes = {"n_channels": network.n_channels, "size_multiple": network.size_multiple}
    return export_series_network(network, path, n_revisits=n_revisits, metadata={"scale": 4}, **sizes, **options)


def photograph(n_dates: int, n_channels: int, height: int, width: int) -> Tensor:
    """Two windows with structure, of which parts of some dates, and one corner of all, are missing."""
    frames = np.stack([unit(textured(n_dates, height, width, seed=seed)) for seed in (1, 2)])
    low_res = torch.from_numpy(frames)[:, :, [0, 1, 2, 0, 1][:n_channels]]
    low_res[0, 0, :, : height // 2] = 0
    low_res[1, :, :, :5, :7] = 0
    return low_res


@pytest.mark.parametrize(("make", "n_dates"), NETWORKS)
def test_networks_give_the_same_from_onnx(make, n_dates, tmp_path):
    network = make()
    difference = export(network, tmp_path / "a.onnx", n_dates)
    assert difference < TOLERANCE
    runner, metadata = open_onnx(tmp_path / "a.onnx")
    assert metadata == {"scale": 4, "n_out_channels": 3}
    multiple = network.size_multiple
    for height, width in ((4 * multiple, 32), (28, 12 * multiple), (60, 52)):
        low_res = photograph(n_dates, network.n_channels, height, width)
        with torch.no_grad():
            torch.testing.assert_close(runner(low_res), network(low_res), rtol=0, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


def test_batch_height_and_width_are_free_and_named(tmp_path):
    export(Bicubic(), tmp_path / "a.onnx", 4)
    assert open_onnx(tmp_path / "a.onnx")[0].input_shapes == [("batch", 4, 3, "height", "width")]
    onnx.checker.check_model(str(tmp_path / "a.onnx"), full_check=True)


def test_stacked_dates_have_one_axis_less(tmp_path):
    network = tiny_rrdbnet()
    export(network, tmp_path / "a.onnx", 2, stacked=True)
    runner, _ = open_onnx(tmp_path / "a.onnx")
    assert runner.input_shapes == [("batch", 6, "height", "width")]
    low_res = photograph(2, 3, 20, 24)
    with torch.no_grad():
        torch.testing.assert_close(runner(low_res.flatten(1, 2)), network(low_res), rtol=0, atol=1e-5)


def test_a_tile_fixes_every_number(tmp_path):
    """QGIS Deepness refuses files whose batch is not 1 or whose sides are not equal numbers."""
    export(Bicubic(), tmp_path / "a.onnx", 1, stacked=True, tile_px=24, properties={"tile_size": "24"})
    graph = onnx.load(tmp_path / "a.onnx").graph
    shapes = [[dim.dim_value for dim in each.type.tensor_type.shape.dim] for each in (*graph.input, *graph.output)]
    assert shapes == [[1, 3, 24, 24], [1, 3, 96, 96]]
    properties = {each.key: each.value for each in onnx.load(tmp_path / "a.onnx").metadata_props}
    assert properties["tile_size"] == "24"


def test_a_file_does_not_tell_on_which_computer_it_was_made(tmp_path):
    export(Bicubic(), tmp_path / "a.onnx", 4)
    assert str(Path(onnx_export.__file__).parent).encode() not in (tmp_path / "a.onnx").read_bytes()


def test_exporting_leaves_the_network_as_it_was(tmp_path):
    network = tiny_rrdbnet().train()
    export(network, tmp_path / "a.onnx", 2)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())


class Denoiser(nn.Module):
    """Two inputs, of which one is a number per image."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, noisy: Tensor, level: Tensor) -> Tensor:
        return self.convolution(noisy) * level.view(-1, 1, 1, 1)


def test_any_module_with_any_inputs_is_exported(tmp_path):
    network = with_seed(Denoiser())
    examples = [(torch.rand(b, 2, h, w), torch.rand(b)) for b, h, w in ((2, 9, 8), (1, 12, 30), (3, 5, 6))]
    axes = [Axes("noisy", {0: "batch", 2: "height", 3: "width"}), Axes("level", {0: "batch"})]
    export_onnx(network, tmp_path / "a.onnx", examples=examples, inputs=axes, output="clean", properties={})
    runner, metadata = open_onnx(tmp_path / "a.onnx")
    assert metadata is None
    assert [each.name for each in runner.inputs] == ["noisy", "level"]
    noisy, level = torch.rand(4, 2, 7, 11), torch.rand(4)
    with torch.no_grad():
        torch.testing.assert_close(runner(noisy, level), network(noisy, level))


class Steps(nn.Module):
    """A branch that tracing cannot follow."""

    def forward(self, low_res: Tensor) -> Tensor:
        return low_res[:, 0] if low_res.mean() > 0.5 else low_res[:, 1]


def test_what_cannot_be_exported_is_an_error_and_leaves_nothing(tmp_path):
    network = Steps()
    network.n_channels, network.size_multiple = 3, 1
    with pytest.raises(OutputError, match=r"a\.onnx: the network cannot be exported"):
        export(network, tmp_path / "a.onnx", 2)
    assert not list(tmp_path.iterdir())


def test_a_file_that_differs_from_torch_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(OnnxRunner, "__call__", lambda _, low_res: Bicubic()(low_res) + 2e-4)
    (tmp_path / "a.onnx").write_text("old")
    with pytest.raises(OutputError, match=r"a\.onnx: not written, its results differ from torch by 2\.0e-04"):
        export(Bicubic(), tmp_path / "a.onnx", 2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]
    assert (tmp_path / "a.onnx").read_text() == "old"


def test_numbers_that_are_none_count_as_different(tmp_path, monkeypatch):
    monkeypatch.setattr(OnnxRunner, "__call__", lambda _, low_res: Bicubic()(low_res) * torch.nan)
    with pytest.raises(OutputError, match="differ from torch by nan"):
        export(Bicubic(), tmp_path / "a.onnx", 2)


def test_more_tensors_than_a_file_holds_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "MOST_TENSOR_BYTES", 1000)
    with pytest.raises(OutputError, match=r"GB of tensors are too many"):
        export(tiny_rrdbnet(), tmp_path / "a.onnx", 2)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_without_a_package_the_extra_is_named(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.*satlas-super-resolution\[export\]"):
        export(Bicubic(), tmp_path / "a.onnx", 2)


def graph_file(
    path: Path,
    *,
    shape: tuple[int | str, ...] = ("b", 3, "h", "w"),
    kind: int = TensorProto.FLOAT,
    n_outputs: int = 1,
    initializers: tuple[TensorProto, ...] = (),
    properties: dict[str, str] | None = None,
) -> Path:
    """An ONNX file by hand: every pixel four times in each direction."""
    scales = numpy_helper.from_array(np.array([1, 1, 4, 4], np.float32), "scales")
    nodes, outputs = [], []
    for k in range(n_outputs):
        nodes.append(
            helper.make_node(
                "Resize", ["image", "", "scales"], [f"out{k}"], mode="nearest", nearest_mode="floor",
                coordinate_transformation_mode="asymmetric",
            )
        )  # fmt: skip
        outputs.append(helper.make_tensor_value_info(f"out{k}", kind, None))
    image = helper.make_tensor_value_info("image", kind, shape)
    graph = helper.make_graph(nodes, "nearest", [image], outputs, [scales, *initializers])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, properties or {})
    path.write_bytes(model.SerializeToString())
    return path


def test_a_file_made_elsewhere_is_run_as_it_says(tmp_path):
    runner, metadata = open_onnx(graph_file(tmp_path / "a.onnx"))
    images = torch.rand(2, 3, 5, 7)
    assert metadata is None
    assert torch.equal(runner(images), images.repeat_interleave(4, 2).repeat_interleave(4, 3))


def test_a_batch_fixed_to_one_is_given_one_after_another(tmp_path):
    runner, _ = open_onnx(graph_file(tmp_path / "a.onnx", shape=(1, 3, "h", "w")))
    images = torch.rand(3, 3, 5, 7)
    assert torch.equal(runner(images), images.repeat_interleave(4, 2).repeat_interleave(4, 3))


def test_half_precision_is_converted_and_back(tmp_path):
    runner, _ = open_onnx(graph_file(tmp_path / "a.onnx", kind=TensorProto.FLOAT16))
    images = torch.randint(0, 256, (1, 3, 5, 7)) / 256.0
    result = runner(images)
    assert result.dtype == torch.float32
    assert torch.equal(result, images.repeat_interleave(4, 2).repeat_interleave(4, 3))


def test_shapes_that_a_file_does_not_take_are_named(tmp_path):
    runner, _ = open_onnx(graph_file(tmp_path / "a.onnx"))
    with pytest.raises(InputError, match=r"a\.onnx: does not take \(1, 4, 5, 7\)"):
        runner(torch.rand(1, 4, 5, 7))


@pytest.mark.parametrize(
    ("changes", "named"), [({"kind": TensorProto.UINT8}, "found tensor\\(uint8\\)"), ({"n_outputs": 2}, "2 outputs")]
)
def test_graphs_of_another_kind_are_refused(tmp_path, changes, named):
    with pytest.raises(WeightsError, match=rf"a\.onnx.*{named}"):
        open_onnx(graph_file(tmp_path / "a.onnx", **changes))


def test_a_file_truncated_anywhere_is_named(tmp_path):
    whole = graph_file(tmp_path / "whole.onnx").read_bytes()
    path = tmp_path / "part.onnx"
    for size in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:size])
        with pytest.raises(WeightsError, match=r"part\.onnx") as raised:
            open_onnx(path)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"hello", b"<!DOCTYPE html>", bytes(4096), b"PK\x03\x04", b"\x80\x02}q\x00."])
def test_a_file_that_is_no_onnx_is_named(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match=r"a\.onnx"):
        open_onnx(tmp_path / "a.onnx")


def test_absent_files_and_folders_are_named(tmp_path):
    for path in (tmp_path / "absent.onnx", tmp_path):
        with pytest.raises(WeightsError, match=f"{path.name}: no such ONNX file"):
            open_onnx(path)


def outside(location: str, name: str = "secret") -> TensorProto:
    """Four bytes that lie in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "4")):
        tensor.external_data.add(key=key, value=value)
    return tensor


@pytest.mark.parametrize("location", ["../secret.bin", "sub/../../secret.bin", "{absolute}", "link.bin"])
def test_tensors_outside_of_the_folder_are_refused(tmp_path, location):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"\0\0\0\0")
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "link.bin").symlink_to(secret)
    path = graph_file(folder / "a.onnx", initializers=(outside(location.format(absolute=secret)),))
    with pytest.raises(WeightsError, match="refused, its tensor 'secret' lies outside"):
        open_onnx(path)


def test_tensors_outside_are_found_in_subgraphs_too(tmp_path):
    path = graph_file(tmp_path / "a.onnx")
    model = onnx.load(path)
    inner = helper.make_graph([], "inner", [], [], [outside("../secret.bin")])
    node = helper.make_node("If", ["condition"], ["x"], then_branch=inner, else_branch=inner)
    model.graph.node.append(node)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match="refused, its tensor 'secret' lies outside"):
        open_onnx(path)


def test_tensors_beside_the_file_are_read(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "bias.bin").write_bytes(np.float32(0.5).tobytes())
    path = graph_file(tmp_path / "a.onnx", initializers=(outside("sub/bias.bin", "bias"),))
    model = onnx.load(path, load_external_data=False)
    model.graph.node[0].output[0] = "fine"
    model.graph.node.append(helper.make_node("Add", ["fine", "bias"], ["out0"]))
    path.write_bytes(model.SerializeToString())
    assert torch.equal(open_onnx(path)[0](torch.full((1, 3, 2, 2), 0.25)), torch.full((1, 3, 8, 8), 0.75))
    (tmp_path / "sub" / "bias.bin").unlink()
    with pytest.raises(WeightsError, match=r"a\.onnx"):
        open_onnx(path)


@pytest.mark.parametrize("text", ["{", "[]", "3", "[" * 100_000])
def test_damaged_metadata_are_named(tmp_path, text):
    path = graph_file(tmp_path / "a.onnx", properties={"ssr": text})
    with pytest.raises(WeightsError, match=r"a\.onnx.*says of itself"):
        open_onnx(path)


def test_metadata_are_read(tmp_path):
    path = graph_file(tmp_path / "a.onnx", properties={"ssr": json.dumps({"scale": 4}), "author": "someone"})
    assert open_onnx(path)[1] == {"scale": 4}
