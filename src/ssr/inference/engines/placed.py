"""How does a network that another engine runs keep our protocol?"""

from collections.abc import Callable
from typing import Literal, get_args

from torch import Tensor

from ssr.models.protocol import SuperResolver
from ssr.tensors import Image, LowResSeries

EngineName = Literal["torch", "openvino", "onnx"]
EngineChoice = Literal["auto", "torch", "openvino", "onnx"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
CHOICES: tuple[EngineChoice, ...] = get_args(EngineChoice)

Runner = Callable[[Tensor], Tensor]
"""`b t c h w` to `b c H W`, float32 on the CPU."""


class PlacedNetwork:
    """A network whose sums another engine does; averages, fidelity and trust go around it as around any.

    Args:
        network: what it was in PyTorch.
        engine: who runs it.
    """

    sees_place = False

    def __init__(self, network: SuperResolver, run: Runner, engine: EngineName) -> None:
        self.scale = network.scale
        self.n_revisits = network.n_revisits
        self.n_channels = network.n_channels
        self.halo_px = network.halo_px
        self.size_multiple = network.size_multiple
        self.run = run
        self.engine = engine

    def __call__(self, low_res: LowResSeries) -> Image:
        return self.run(low_res)
