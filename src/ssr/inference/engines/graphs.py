"""How does a network become a graph for one shape, and is the graph the network?"""

import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ssr.atomic import one_line
from ssr.inference.engines.rrdb_graph import rrdb_graph
from ssr.models.esrgan import RRDBNet
from ssr.models.protocol import SuperResolver

TOLERANCE = 1e-4
"""Largest difference to PyTorch, for inputs in [0, 1] and both in float32, with which a graph is used."""
PROBE_PX = 24
"""Side of the windows that both are compared on, at least."""


class NotAGraphError(Exception):
    """Why a network cannot leave PyTorch; whoever asked says so and stays there."""


def why_not_a_graph(network: SuperResolver) -> str | None:
    """What rules a graph out before one is tried."""
    if network.sees_place:
        return "its result depends on the place of a window, which a graph is not told"
    if not isinstance(network, nn.Module):
        return f"{type(network).__name__} is not a PyTorch module"
    if not any(isinstance(part, nn.Conv2d) for part in network.modules()):
        return f"{type(network).__name__} has no convolutions"
    return None


def openvino_graph(network: nn.Module, shape: Sequence[int], *, is_16_bit: bool = False) -> Any:
    """A graph for inputs of one shape `b t c h w`, as an `openvino.Model`.

    Raises:
        NotAGraphError: OpenVINO has no form for it.
    """
    if isinstance(network, RRDBNet):
        return rrdb_graph(network, shape, is_16_bit=is_16_bit)
    import openvino

    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of tracing: that it is deprecated, and what it takes for constant
            model = openvino.convert_model(network, example_input=probe(shape, 0))
            model.reshape(list(shape))
    except Exception as error:
        missing = re.search(r"[Nn]o conversion rule found for operations: [^\n]+", str(error))
        why = missing[0] if missing else one_line(error)
        raise NotAGraphError(f"OpenVINO cannot convert {type(network).__name__} ({why})") from error
    return model


def precision_hint(network: nn.Module, *, is_16_bit: bool) -> str:
    """What to tell OpenVINO when it compiles or reads a graph: types that are written down stand."""
    return "bf16" if is_16_bit and not isinstance(network, RRDBNet) else "f32"


def check_graph(network: SuperResolver, make_runner: Callable[[Sequence[int]], Callable[[Tensor], Tensor]]) -> float:
    """Largest difference between PyTorch and a graph on two small inputs with missing pixels.

    Args:
        make_runner: a graph for a shape `b t c h w`, in float32.

    Raises:
        NotAGraphError: they differ, as where a network decides by what it sees.
    """
    side = -(-PROBE_PX // network.size_multiple) * network.size_multiple
    shape = (1, network.n_revisits or 2, network.n_channels, side, side + network.size_multiple)
    run = make_runner(shape)
    worst = 0.0
    for seed in (1, 2):
        low_res = probe(shape, seed)
        with torch.inference_mode():
            found = float((run(low_res) - network(low_res)).abs().max())
        if not found <= TOLERANCE:
            raise NotAGraphError(
                f"its graph differs from {type(network).__name__} in PyTorch by {found:.1e}, more than {TOLERANCE:.0e}"
            )
        worst = max(worst, found)
    return worst


def probe(shape: Sequence[int], seed: int) -> Tensor:
    """Noise in [0, 1]; the first date lacks a strip, all dates a corner, whose sizes change with the seed."""
    low_res = torch.rand(tuple(shape), generator=torch.Generator().manual_seed(seed))
    low_res[:, 0, :, : 4 + 2 * seed] = 0
    low_res[..., : 2 + seed, : 2 + seed] = 0
    return low_res
