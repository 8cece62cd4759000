"""Does `convert` read its arguments and say what it wrote?"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from ssr.checkpoints.files import read_weights, sha256_of
from ssr.cli.convert import convert
from ssr.errors import ConfigError, OutputError, WeightsError
from tests.support.scenes import tiny_date_fusion, tiny_rrdbnet, write_weights, write_yaml


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command alone, in the test's folder."""
    monkeypatch.chdir(tmp_path)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(convert)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_what_was_read_and_written_is_told_in_words(run: Callable[..., Result]) -> None:
    write_weights(Path("net_g.pth"), tiny_rrdbnet())
    shown = run("net_g.pth", "-o", "a.safetensors")
    assert shown.exit_code == 0, shown.exception
    assert shown.stdout.splitlines() == [
        f"read    net_g.pth: 42 tensors, SHA-256 {sha256_of(Path('net_g.pth'))}",
        "model   esrgan (n_revisits 2, n_channels 3, n_out_channels 3, scale 4, n_features 8, n_blocks 1, n_growth 4)",
        "wrote   a.safetensors",
    ]


def test_json_is_one_object(run: Callable[..., Result]) -> None:
    write_weights(Path("net_g.pth"), tiny_rrdbnet())
    shown = json.loads(run("net_g.pth", "-o", "model", "--json").stdout)
    assert (shown["source"], shown["out"], shown["kind"]) == ("net_g.pth", "model", "folder")
    assert shown["model"]["type"] == "esrgan"


def test_notes_go_to_standard_error(run: Callable[..., Result]) -> None:
    torch.save({"x.weight": torch.zeros(2)}, "a.pth")
    shown = run("a.pth", "-o", "b.safetensors")
    assert "note: the tensors fit no network known here" in shown.stderr
    assert "model" not in shown.stdout


def test_onnx_says_how_near_it_is_to_torch(run: Callable[..., Result]) -> None:
    pytest.importorskip("onnxscript", reason="the extra 'export' is not installed")
    write_weights(Path("a.pth"), tiny_date_fusion())
    shown = run("a.pth", "-o", "a.onnx", "--dates", 1, "--stacked", "--tile", 16)
    assert shown.exit_code == 0, shown.exception
    assert "checked against torch: differs by at most " in shown.stdout


def test_options_reach_the_workflow(run: Callable[..., Result]) -> None:
    network = tiny_rrdbnet(scale=2)
    state = {name: tensor + 1 for name, tensor in network.state_dict().items()}
    torch.save({"params": state, "params_ema": network.state_dict()}, "a.pth")
    write_yaml(
        Path("a.yml"),
        {"model": {"type": "esrgan", "n_revisits": 2, "scale": 2, "n_features": 8, "n_blocks": 1, "n_growth": 4}},
    )
    shown = run("a.pth", "-o", "out-1.0", "--to", "folder", "--key", "params", "--model", "a.yml", "--json")
    assert json.loads(shown.stdout)["model"]["scale"] == 2
    assert torch.equal(read_weights(Path("out-1.0/model.safetensors"))["conv_hr.bias"], state["conv_hr.bias"])


@pytest.mark.parametrize(
    ("arguments", "error", "named"),
    [
        (("absent.pth", "-o", "a.safetensors"), WeightsError, "absent.pth"),
        (("a.pth", "-o", "a.txt"), ConfigError, "a.txt"),
        (("a.pth", "-o", "b.pth", "--dates", 2), ConfigError, "ONNX"),
        (("a.pth", "-o", "b.pth", "--to", "zip"), ConfigError, "zip"),
        (("a.pth", "-o", "a.pth"), OutputError, "exists already"),
    ],
)
def test_what_a_user_can_mend_is_named(
    run: Callable[..., Result], arguments: tuple[object, ...], error: type[Exception], named: str
) -> None:
    write_weights(Path("a.pth"), tiny_rrdbnet())
    raised = run(*arguments).exception
    assert isinstance(raised, error)
    assert named in str(raised)


def test_results_are_replaced_when_asked(run: Callable[..., Result]) -> None:
    write_weights(Path("a.pth"), tiny_rrdbnet())
    Path("b.safetensors").write_text("old")
    assert run("a.pth", "-o", "b.safetensors", "--overwrite").exit_code == 0
    assert read_weights(Path("b.safetensors"))
