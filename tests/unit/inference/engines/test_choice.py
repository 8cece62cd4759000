"""Which engine is chosen, and is the reason said?"""

from importlib.util import find_spec
from typing import Any

import pytest
import torch

from ssr.device import Compute
from ssr.errors import ConfigError, MissingExtraError
from ssr.inference.engines import choice
from ssr.inference.engines.choice import available_engines, known_engine, place
from ssr.inference.engines.operations import bytes_a_pixel, operations_a_pixel
from ssr.inference.engines.placed import PlacedNetwork
from ssr.inference.predictor import Predictor
from ssr.models.bicubic import Bicubic
from ssr.models.esrgan import RRDBNet
from ssr.models.protocol import SuperResolver
from ssr.models.subsets import SubsetAverage
from tests.support.networks import NoiseByPlace, tiny_sr3
from tests.support.scenes import BF16, FP32, textured, tiny_date_fusion, tiny_rrdbnet, unit
from tests.support.tolerances import FLOAT32

HAS_OPENVINO = find_spec("openvino") is not None
needs_openvino = pytest.mark.skipif(not HAS_OPENVINO, reason="needs the extra 'export'")
LARGE = 10**9


def test_small_work_stays_with_torch_and_large_work_leaves_it(engines_cache: Any) -> None:
    if not HAS_OPENVINO:
        pytest.skip("needs the extra 'export'")
    small = place(tiny_rrdbnet(), FP32, n_dates=2, n_pixels=100)
    large = place(tiny_rrdbnet(), FP32, n_dates=2, n_pixels=10**12)
    assert (small.engine, large.engine) == ("torch", "openvino")
    assert small.reason == "the fastest measured for this model on so few pixels, as it starts at once"
    assert large.reason == "the fastest measured for this model on so many pixels"


@pytest.mark.parametrize("network", [tiny_date_fusion(), Bicubic(), NoiseByPlace()], ids=lambda n: type(n).__name__)
def test_what_was_not_measured_faster_elsewhere_stays(network: Any) -> None:
    placement = place(network, FP32, n_dates=2, n_pixels=LARGE, name="compact-8")
    assert placement.network is network
    assert placement.reason == "the fastest measured for compact-8"


def test_what_goes_row_by_row_stays() -> None:
    placement = place(tiny_rrdbnet(), FP32, n_dates=2, n_pixels=10**12, streams=True)
    assert (placement.engine, placement.reason.endswith("it computes no pixel twice")) == ("torch", True)


def test_another_device_than_the_processor_stays_with_torch() -> None:
    for engine in ("auto", "openvino"):
        if engine == "openvino" and not HAS_OPENVINO:
            continue
        placement = place(tiny_rrdbnet(), Compute(torch.device("cuda"), "bf16"), engine, n_dates=2, n_pixels=LARGE)
        assert placement.engine == "torch"
        assert "cuda" in placement.reason


@needs_openvino
@pytest.mark.parametrize(
    ("network", "reason"),
    [(NoiseByPlace(), "place"), (tiny_sr3(), "place"), (Bicubic(), "Bicubic is not a PyTorch module")],
    ids=lambda value: type(value).__name__,
)
def test_a_network_that_cannot_leave_torch_stays_and_says_why(network: Any, reason: str) -> None:
    placement = place(network, FP32, "openvino", n_dates=2, n_pixels=LARGE)
    assert placement.network is network
    assert placement.reason.startswith("openvino cannot run this model: ")
    assert reason in placement.reason


@needs_openvino
def test_a_placed_network_keeps_the_protocol_and_goes_into_averages(engines_cache: Any) -> None:
    network = tiny_rrdbnet()
    placement = place(network, FP32, "openvino", n_dates=2, n_pixels=100)
    assert isinstance(placement.network, PlacedNetwork)
    assert isinstance(placement.network, SuperResolver)
    series = unit(textured(4, 24, 24))[None]
    found, expected = (
        Predictor(SubsetAverage(inner, [[0, 1], [2, 3]]), FP32).predict(series)
        for inner in (placement.network, network)
    )
    assert abs(found - expected).max() <= FLOAT32


def test_onnx_computes_in_float32_and_says_so(engines_cache: Any) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = tiny_rrdbnet()
    placement = place(network, BF16, "onnx", n_dates=2, n_pixels=100)
    assert (placement.engine, placement.compute.precision) == ("onnx", "fp32")
    series = unit(textured(2, 20, 24))[None]
    found, expected = (Predictor(inner, FP32).predict(series) for inner in (placement.network, network))
    assert abs(found - expected).max() <= FLOAT32
    assert len(list(engines_cache.glob("*.onnx"))) == 1


def test_an_engine_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(choice.PACKAGES, "openvino", "no_such_package")
    assert not available_engines()["openvino"]
    with pytest.raises(MissingExtraError, match=r"no_such_package.*\[export\]"):
        place(tiny_rrdbnet(), FP32, "openvino", n_dates=2, n_pixels=100)
    placement = place(tiny_rrdbnet(), FP32, n_dates=2, n_pixels=10**12)
    assert placement.engine == "torch"
    assert "pip install 'satlas-super-resolution[export]'" in placement.reason


@pytest.mark.parametrize("name", ["", "tensorrt", "Torch"])
def test_an_unknown_engine_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="expected auto, torch, openvino, onnx"):
        known_engine(name)


def test_operations_of_the_published_network_are_its_weights_times_their_places() -> None:
    """Closed form: two operations a weight and place; layers behind the first doubling have four places, then 16."""
    network = RRDBNet(n_revisits=8, n_blocks=2)
    weights = {name: parameter.numel() for name, parameter in network.named_parameters() if name.endswith("weight")}
    places = {"conv_up1": 4, "conv_up2": 16, "conv_hr": 16, "conv_last": 16}
    expected = 2 * sum(n * places.get(name.split(".")[0], 1) for name, n in weights.items())
    assert operations_a_pixel(network, 8) == pytest.approx(expected, rel=1e-9)
    assert operations_a_pixel(Bicubic(), 8) == 0


def test_sixteen_bits_need_less_memory() -> None:
    network = tiny_rrdbnet()
    assert bytes_a_pixel(network, 2, is_16_bit=True) < bytes_a_pixel(network, 2, is_16_bit=False)
