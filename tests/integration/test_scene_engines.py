"""Does a scene come out alike whoever runs the network, say who did, and keep within its memory?"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch

from ssr.models.esrgan import RRDBNet
from ssr.workflows.scene import SceneResult, super_resolve_scene
from tests.integration.conftest import command
from tests.support.networks import from_seed
from tests.support.scenes import FP32, textured, tiny_rrdbnet, write_series, write_weights

pytestmark = [
    pytest.mark.skipif(
        not all(find_spec(name) for name in ("openvino", "onnxruntime", "onnxscript")),
        reason="needs the extra 'export'",
    ),
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning"
    ),  # of OpenVINO and ONNX themselves
]
LITTLE = 1_020_000_000
"""So little memory that windows are as small as they become."""
SHARE_WITHIN_A_STEP = 0.999


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSR_CACHE", str(tmp_path / "cache"))


def pixels(path: Path) -> np.ndarray[Any, Any]:
    with rasterio.open(path) as raster:
        return raster.read().astype(np.int16)


def tags(path: Path) -> dict[str, str]:
    with rasterio.open(path) as raster:
        return raster.tags()


def scene(tmp_path: Path, out: str, model: Path | str, engine: Any, **more: Any) -> SceneResult:
    return super_resolve_scene(
        [tmp_path / "dates"], tmp_path / out / "a.tif", model=model, engine=engine, compute=FP32, **more
    )


@pytest.fixture(scope="session")
def esrgan_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`esrgan_small-3` with two blocks of its ten, for two dates; weights as training starts."""
    network = from_seed(lambda: RRDBNet(n_revisits=2, n_features=16, n_growth=8, n_blocks=2))
    return write_weights(tmp_path_factory.mktemp("weights") / "esrgan_small.pth", network)


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
@pytest.mark.parametrize(("n_dates", "shape"), [(2, (61, 43)), (3, (171, 40))], ids=["one window", "ragged windows"])
def test_an_engine_gives_what_torch_gives(
    tmp_path: Path, esrgan_small: Path, engine: Any, n_dates: int, shape: tuple[int, int]
) -> None:
    write_series(tmp_path / "dates", textured(n_dates, *shape))
    more: Any = {"memory_bytes": LITTLE, "more_dates": "average"}
    expected = scene(tmp_path, "torch", esrgan_small, "torch", **more)
    found = scene(tmp_path, engine, esrgan_small, engine, **more)
    assert (expected.engine, found.engine) == ("torch", engine)
    moved = np.abs(pixels(found.output) - pixels(expected.output))
    assert (moved <= 1).mean() >= SHARE_WITHIN_A_STEP
    assert moved.max() <= 2, "float32 in another order: a rounding here and there"


@pytest.mark.slow
def test_the_bundled_model_through_onnx_gives_what_torch_gives(tmp_path: Path) -> None:
    write_series(tmp_path / "dates", textured(3, 70, 57))
    expected = scene(tmp_path, "torch", "compact-8", "torch")
    found = scene(tmp_path, "onnx", "compact-8", "onnx")
    assert (found.engine, found.engine_reason) == ("onnx", "asked for with --engine")
    assert (np.abs(pixels(found.output) - pixels(expected.output)) <= 1).mean() >= SHARE_WITHIN_A_STEP


def test_an_engine_that_cannot_run_a_model_leaves_it_to_torch_and_says_so(tmp_path: Path) -> None:
    write_series(tmp_path / "dates", textured(2, 20, 24))
    result = scene(tmp_path, "out", "shift_and_add", "openvino")
    assert result.engine == "torch"
    assert result.engine_reason.startswith("openvino cannot run shift_and_add: ")
    assert tags(result.output)["SSR_ENGINE"] == f"torch {torch.__version__}".split("+")[0]


@pytest.mark.parametrize("engine", ["torch", "openvino", "onnx"])
def test_the_result_names_the_engine_that_computed_it(tmp_path: Path, engine: Any) -> None:
    write_series(tmp_path / "dates", textured(2, 20, 24))
    model = write_weights(tmp_path / "esrgan.pth", tiny_rrdbnet())
    result = scene(tmp_path, "out", model, engine)
    name, version = tags(result.output)["SSR_ENGINE"].split()
    assert name == engine
    assert version[0].isdigit()


class BrokenOffError(Exception):
    """What stops a run in these tests."""


def test_what_one_engine_left_unfinished_is_not_gone_on_with_by_another(tmp_path: Path) -> None:
    write_series(tmp_path / "dates", textured(3, 2000, 16))
    model = write_weights(tmp_path / "esrgan.pth", tiny_rrdbnet())
    more: Any = {"memory_bytes": LITTLE, "more_dates": "average"}

    def break_off(n_done: int, n_all: int) -> None:
        if n_done >= n_all - 1:
            raise BrokenOffError

    for out in ("same", "other"):
        with pytest.raises(BrokenOffError):
            scene(tmp_path, out, model, "torch", progress=break_off, **more)
        assert list((tmp_path / out).glob(".*.unfinished/*")), "rows were kept"
    same = scene(tmp_path, "same", model, "torch", **more)
    other = scene(tmp_path, "other", model, "openvino", **more)
    whole = scene(tmp_path, "whole", model, "openvino", **more)
    assert any("gone on from there" in note for note in same.notes)
    assert any("of no use" in note for note in other.notes)
    assert other.output.read_bytes() == whole.output.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "allowed"), [("torch", 1_100_000_000), ("openvino", 1_300_000_000)])
def test_a_scene_keeps_within_the_memory_it_was_given(tmp_path: Path, engine: str, allowed: int) -> None:
    """1,500 px: whole, its series and result alone would take 500 MB, and its features 4 GB."""
    write_series(tmp_path / "dates", textured(2, 1500, 1500))
    model = write_weights(tmp_path / "esrgan.pth", tiny_rrdbnet())
    words = command("scene", tmp_path / "dates", "-o", tmp_path / "out.tif", "--model", model, "--engine", engine)
    words += ["--memory", f"{allowed / 1e6:.0f}MB", "--device", "cpu", "--precision", "fp32"]
    assert peak_bytes_of(words) <= allowed


def peak_bytes_of(words: list[str]) -> int:
    """Watched from a small process in between, whose own memory the peak of a child may count."""
    watching = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    watching += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    told = subprocess.run([sys.executable, "-S", "-c", watching, *words], check=True, capture_output=True, text=True)
    return int(told.stdout) * (1 if sys.platform == "darwin" else 1024)
