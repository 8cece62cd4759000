import pytest
import torch

from ssr.device import Compute, available_cores, choose_compute
from ssr.errors import ConfigError


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "tpu9", "cpu:x"])
def test_unknown_device_is_named(name):
    with pytest.raises(ConfigError, match=repr(name)):
        choose_compute(name)


@pytest.mark.parametrize(
    ("name", "is_there"), [("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)]
)
def test_absent_accelerator_is_refused_with_the_way_out(name, is_there):
    if is_there():
        assert choose_compute(name).device.type == name
    else:
        with pytest.raises(ConfigError, match="--device cpu"):
            choose_compute(name)


def test_processor_uses_every_core_of_this_process():
    assert choose_compute("cpu", "fp32") == Compute(torch.device("cpu"), "fp32")
    assert torch.get_num_threads() == available_cores() >= 1


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_precision_is_that_of_the_convolutions(precision, dtype):
    compute = choose_compute("cpu", precision)
    with compute.autocast():
        assert torch.nn.Conv2d(1, 1, 1)(torch.ones(1, 1, 2, 2)).dtype == dtype
    assert str(compute).startswith(f"cpu {precision}")
    assert compute.needs_scaled_gradients is (precision == "fp16")


@pytest.mark.parametrize("precision", ["half", "FP16", "", "float16"])
def test_unknown_precision_is_named_with_those_that_are_known(precision):
    with pytest.raises(ConfigError, match=f"precision {precision!r} is not known; expected auto, fp32, bf16 or fp16"):
        choose_compute("cpu", precision)


def test_automatic_precision_is_one_that_exists():
    assert choose_compute("cpu").precision in ("fp32", "bf16")
