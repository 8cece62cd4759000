"""What happens to many windows when memory runs out?"""

import numpy as np
import pytest
import torch
from torch import Tensor

from ssr.device import Compute
from ssr.errors import InputError
from ssr.inference.engines.torch_engine import TorchEngine
from ssr.models.bicubic import Bicubic
from tests.support.networks import NoiseByPlace
from tests.support.scenes import FP32, textured, unit


class Narrow(Bicubic):
    """Has memory for so many windows at once, and remembers how many came."""

    def __init__(self, n_fitting: int) -> None:
        super().__init__()
        self.n_fitting = n_fitting
        self.came: list[int] = []

    def __call__(self, low_res: Tensor) -> Tensor:
        self.came.append(len(low_res))
        if len(low_res) > self.n_fitting:
            raise torch.OutOfMemoryError(f"{len(low_res)} windows")
        return super().__call__(low_res)


WINDOWS = torch.from_numpy(np.stack([unit(textured(2, 12, 10, seed=seed)) for seed in range(7)]))


def test_a_batch_that_is_too_large_is_halved_and_nothing_is_lost() -> None:
    network = Narrow(2)
    result = TorchEngine(network, FP32)(WINDOWS)
    torch.testing.assert_close(result, Bicubic()(WINDOWS), atol=0, rtol=0)
    assert network.came == [7, 3, 1, 1, 1, 1, 1, 1, 1]


def test_what_passed_once_is_where_the_next_call_begins() -> None:
    network = Narrow(3)
    engine = TorchEngine(network, FP32)
    engine(WINDOWS)
    network.came.clear()
    engine(WINDOWS)
    assert network.came == [3, 3, 1]


def test_one_window_that_does_not_fit_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"does not hold one window of 12×10 px; pass a smaller --memory"):
        TorchEngine(Narrow(0), FP32, name="x.pth")(WINDOWS)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    class Broken(Bicubic):
        def __call__(self, low_res: Tensor) -> Tensor:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        TorchEngine(Broken(), FP32)(WINDOWS)


def test_places_go_with_their_windows_when_a_batch_is_halved() -> None:
    class NarrowByPlace(NoiseByPlace):
        def __call__(self, low_res: Tensor, origins: Tensor | None = None) -> Tensor:
            if len(low_res) > 2:
                raise torch.OutOfMemoryError
            return super().__call__(low_res, origins)

    origins = torch.tensor([(10 * k, 3 * k) for k in range(7)])
    torch.testing.assert_close(
        TorchEngine(NarrowByPlace(), FP32)(WINDOWS, origins), NoiseByPlace()(WINDOWS, origins), atol=0, rtol=0
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_windows_that_are_sent_ahead_arrive_as_they_were() -> None:
    engine = TorchEngine(Narrow(2), Compute(torch.device("cuda"), "fp32"))
    torch.testing.assert_close(engine(WINDOWS), Bicubic()(WINDOWS), atol=1e-6, rtol=0)
