"""Does `bench` say what this machine is, what would be chosen and why, and are its figures consistent?"""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from ssr.errors import ConfigError, MissingExtraError, SSRError
from ssr.inference import measuring
from ssr.inference.engines import choice
from tests.support.scenes import tiny_rrdbnet, write_weights

Invoke = Callable[..., Result]
SMALL = ("--window", 16, "--scene", 40, "--on", "cpu", "--precision", "fp32")
needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="needs the extra 'export'")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Small matrices for a moment, and a cache of compiled graphs of this test's own."""
    monkeypatch.setattr(measuring, "MATRIX_SIDE", 128)
    monkeypatch.setattr(measuring, "MATRIX_SECONDS", 0.02)
    monkeypatch.setenv("SSR_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def esrgan(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "esrgan_tiny.pth", tiny_rrdbnet())


def test_machine_choice_and_rate_are_told_in_words(invoke: Invoke) -> None:
    shown = invoke("bench", *SMALL, "--dates", 2)
    assert shown.exit_code == 0, shown.exception
    lines = shown.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "device",
        "matrix",
        "engines",
        "compact-8",
        "engine",
        "windows",
        "rate",
    ]
    assert lines[0].startswith("device  cpu fp32, ")
    assert "torch" in lines[2]
    assert lines[3] == "compact-8 on a scene of 40×40 px"
    assert lines[4] == "engine  torch: the fastest measured for compact-8"
    assert "with torch on 64×2×3×16×16" in lines[6]


def test_with_device_alone_nothing_runs_the_model(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "measure", pytest.fail)
    shown = invoke("bench", "--device", *SMALL)
    assert shown.exit_code == 0, shown.exception
    assert "rate" not in shown.stdout
    assert "\nengine  torch: " in shown.stdout


def test_the_object_holds_what_the_words_say_and_shares_follow_from_rates(invoke: Invoke, esrgan: Path) -> None:
    told: Any = json.loads(invoke("bench", *SMALL, "--model", esrgan, "--json").stdout)
    assert told["model"] == "esrgan_tiny"
    assert told["job"]["engine"] == "torch"
    assert told["job"]["kept"] == 1, "a scene of 40 px is one window"
    (rate,) = told["rates"]
    assert rate["window"] == [64, 2, 3, 16, 16]
    assert rate["low_res_px_per_s"] > 0
    multiplied = rate["low_res_px_per_s"] * rate["operations_a_pixel"] / 1e9
    assert rate["share_of_matrix_rate"] == pytest.approx(
        multiplied / told["machine"]["matrix_gflops"]["fp32"], abs=1e-3
    )


@needs_openvino
def test_an_engine_asked_for_is_measured_beside_torch(invoke: Invoke, esrgan: Path) -> None:
    told = json.loads(invoke("bench", *SMALL, "--model", esrgan, "--engine", "openvino", "--json").stdout)
    assert [rate["engine"] for rate in told["rates"]] == ["torch", "openvino"]
    assert (told["job"]["engine"], told["job"]["reason"]) == ("openvino", "asked for with --engine")


def test_less_memory_means_smaller_windows(invoke: Invoke) -> None:
    jobs = [
        json.loads(invoke("bench", "--device", "--scene", 4000, "--memory", memory, "--json").stdout)["job"]
        for memory in ("1100MB", "8GB")
    ]
    assert jobs[0]["memory_bytes"] < 1.1e9 < jobs[1]["memory_bytes"] < 8e9
    assert jobs[0]["kept"] < jobs[1]["kept"]


@pytest.mark.parametrize("command", [("bench", "--device"), ("scene", "x", "-o", "y.tif"), ("infer", "x")])
def test_an_unknown_engine_is_refused_with_those_there_are(
    invoke: Invoke, command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "x").mkdir()
    error = invoke(*command, "--engine", "tensorrt").exception
    assert isinstance(error, ConfigError)
    assert str(error) == "engine 'tensorrt' is not known; expected auto, torch, openvino, onnx"


@pytest.mark.parametrize("command", [("bench", "--device"), ("scene", "x", "-o", "y.tif")])
@pytest.mark.parametrize("size", ["2XB", "much", "0"])
def test_a_size_with_an_unknown_unit_is_refused(invoke: Invoke, command: tuple[str, ...], size: str) -> None:
    error = invoke(*command, "--memory", size).exception
    assert isinstance(error, ConfigError)
    assert str(error) == f"--memory: expected a size such as 2GB or 1500MB, found {size!r}"


def test_what_is_not_installed_is_passed_over_under_auto_and_refused_by_name(
    invoke: Invoke, esrgan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(choice.PACKAGES, "openvino", "no_such_package")
    monkeypatch.setattr(choice, "WORTH_A_START", 0)
    asked = ("bench", "--device", *SMALL, "--model", esrgan)
    shown = invoke(*asked).stdout
    assert "engines torch, onnx\n" in shown
    assert "engine  torch: the fastest that is installed; pip install 'satlas-super-resolution[export]'" in shown
    error = invoke(*asked, "--engine", "openvino").exception
    assert isinstance(error, MissingExtraError)
    assert "[export]" in str(error)


def test_an_unknown_model_is_refused(invoke: Invoke) -> None:
    assert isinstance(invoke("bench", "--model", "compact-9").exception, SSRError)
