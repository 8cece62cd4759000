"""Which engine runs a network, and why?"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

import torch

from ssr.device import Compute
from ssr.errors import ConfigError, MissingExtraError
from ssr.inference.engines.graphs import NotAGraphError, why_not_a_graph
from ssr.inference.engines.operations import operations_a_pixel
from ssr.inference.engines.placed import CHOICES, EngineChoice, EngineName, PlacedNetwork
from ssr.models.esrgan import RRDBNet
from ssr.models.protocol import SuperResolver

OTHERS = "pip install 'satlas-super-resolution[export]'"
PACKAGES: dict[EngineName, str] = {"torch": "torch", "openvino": "openvino", "onnx": "onnxruntime"}

WORTH_A_START = 5e12
"""Operations from which on OpenVINO's start (import, graph, comparison, compilation) is made up for
(docs/performance.md)."""


@dataclass(frozen=True)
class Placement:
    """A network where it will run.

    Attributes:
        compute: device and precision that it really has there.
        reason: one line.
    """

    network: SuperResolver
    engine: EngineName
    compute: Compute
    reason: str

    @property
    def software(self) -> str:
        """The engine and its version, which results depend on."""
        return f"{self.engine} {version(PACKAGES[self.engine])}"


def known_engine(name: str) -> EngineChoice:
    """The name, if it is one."""
    for choice in CHOICES:
        if name == choice:
            return choice
    raise ConfigError(f"engine {name!r} is not known; expected {', '.join(CHOICES)}")


def available_engines() -> dict[EngineName, bool]:
    """Which engines are installed. Imports none."""
    return {name: find_spec(package) is not None for name, package in PACKAGES.items()}


def place(
    network: SuperResolver,
    compute: Compute,
    engine: EngineChoice = "auto",
    *,
    n_dates: int,
    n_pixels: int,
    streams: bool = False,
    name: str = "this model",
) -> Placement:
    """Put a network on an engine. One that cannot leave PyTorch stays there, and the reason says why.

    Args:
        n_dates: that it will see at once.
        n_pixels: low-resolution pixels that it will compute in all, windows' context included.
        streams: PyTorch would see the scene row by row (`streaming`), which computes no pixel twice.
        name: what to call the network in the reason.

    Raises:
        MissingExtraError: the engine that was asked for is not installed.
    """
    if engine == "auto":
        wanted, reason = _best(network, compute, n_dates, n_pixels, streams=streams, name=name)
    else:
        wanted, reason = engine, "asked for with --engine"
        if not available_engines()[engine]:
            raise MissingExtraError(PACKAGES[engine], "export", f"the engine {engine!r}")
    if wanted == "torch":
        return Placement(network, "torch", compute, reason)
    obstacle = _obstacle(network, compute, wanted)
    if not obstacle:
        try:
            return _placed(network, compute, wanted, n_dates, reason)
        except NotAGraphError as error:
            obstacle = str(error)
    return Placement(network, "torch", compute, f"{wanted} cannot run {name}: {obstacle}")


def _best(
    network: SuperResolver, compute: Compute, n_dates: int, n_pixels: int, *, streams: bool, name: str
) -> tuple[EngineName, str]:
    """What was measured to be fastest (docs/performance.md)."""
    if compute.device.type != "cpu":
        return "torch", f"the engine that computes on {compute.device.type}"
    if not isinstance(network, RRDBNet):
        return "torch", f"the fastest measured for {name}"
    if streams:
        return "torch", f"the fastest measured for {name} on a scene of this size, as it computes no pixel twice"
    if compute.precision == "fp16":
        return "torch", "the one that computes in fp16"
    if operations_a_pixel(network, n_dates) * n_pixels < WORTH_A_START:
        return "torch", f"the fastest measured for {name} on so few pixels, as it starts at once"
    if not available_engines()["openvino"]:
        return "torch", f"the fastest that is installed; {OTHERS} adds one that runs {name} faster"
    return "openvino", f"the fastest measured for {name} on so many pixels"


def _obstacle(network: SuperResolver, compute: Compute, engine: EngineName) -> str | None:
    if compute.device.type != "cpu":
        return f"it runs on the CPU here, and the device is {compute.device.type}"
    if compute.precision == "fp16":
        return "fp16 is not multiplied by this processor"
    return why_not_a_graph(network)


def _placed(network: SuperResolver, compute: Compute, engine: EngineName, n_dates: int, reason: str) -> Placement:
    run: Callable[[torch.Tensor], torch.Tensor]
    if engine == "onnx":
        from ssr.inference.engines.onnx_engine import OnnxEngine

        exported = OnnxEngine(network)
        exported.prepare(network.n_revisits or n_dates)
        run = exported
        compute = Compute(compute.device, "fp32")  # ONNX Runtime has no 16-bit convolutions on the CPU
    else:
        from ssr.inference.engines.openvino_engine import OpenVinoRunner

        compiling = OpenVinoRunner(network, compute)
        compiling.prepare()
        run = compiling
    return Placement(PlacedNetwork(network, run, engine), engine, compute, reason)
