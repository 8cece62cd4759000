"""Which other designs were tried for ESRGAN, and what did they bring? Each against the original's way, in turn.

- NNPACK: Winograd's transform of 8×8 tiles, which multiplies a fifth as often; float32.
- regrouped: a dense block's convolutions by input instead of by output, sums instead of concatenation.
- OpenVINO int8: all inner convolutions in eight bits, one range for all; how near it stays is told beside it.

None of these is used; docs/performance.md says why. A shallow network of random weights: rates compare, not absolutes.
"""

import argparse
import json
from copy import deepcopy
from functools import partial
from typing import Any

import esrgan_speed
import numpy as np
import timing
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssr.inference.engines import rrdb_graph
from ssr.inference.engines.openvino_engine import OpenVinoRunner
from ssr.inference.predictor import Predictor
from ssr.models.esrgan import RESIDUAL_SCALE, ResidualDenseBlock, RRDBNet
from ssr.models.layers import leaky

INT8_RANGE = 2.0
LEAST_INT8_CHANNELS = 32


def main(n_blocks: int = 3, n_rounds: int = 3, window_px: int = 128) -> dict[str, Any]:
    compute = timing.one_core()
    torch.backends.nnpack.is_available()  # makes it ready
    network = RRDBNet(n_revisits=esrgan_speed.N_DATES, n_blocks=n_blocks).eval()
    window, chip = esrgan_speed.windows(window_px), torch.from_numpy(esrgan_speed.windows(esrgan_speed.CHIP_PX))
    exact = esrgan_speed.network_result(network, window)
    in_float, in_bytes = (openvino_runner(network, compute, window_px, is_int8=is_int8) for is_int8 in (False, True))
    designs = {
        "torch, channels last (used)": partial(Predictor(deepcopy(network), compute).predict, window),
        "torch, dense blocks regrouped by input": partial(Predictor(regrouped(network), compute).predict, window),
        "torch, NNPACK": partial(Predictor(with_nnpack(network), compute).predict, window),
        "OpenVINO float32 (used)": lambda: in_float(torch.from_numpy(window)).numpy(),
        "OpenVINO int8": lambda: in_bytes(torch.from_numpy(window)).numpy(),
    }
    n_chip, n_window = esrgan_speed.CHIP_PX**2, window_px**2
    ways = {"original's way": (partial(esrgan_speed.original, network, chip), n_chip)}
    ways |= {name: (run, n_window) for name, run in designs.items()}
    timed = timing.in_turn(ways, n_rounds)
    told: dict[str, Any] = {name: timed[name].told(n) for name, (_, n) in ways.items()}
    for name, run in designs.items():
        told[name]["within_a_step"] = esrgan_speed.within_a_step(run().clip(1 / 255, 1), exact)
    return {"blocks": n_blocks, "matrix_gflops_per_core": timing.matrix_gflops(compute), "ways": told}


def with_nnpack(network: RRDBNet) -> RRDBNet:
    changed = deepcopy(network)
    for part in list(changed.modules()):
        for name, layer in list(part.named_children()):
            if isinstance(layer, nn.Conv2d):
                setattr(part, name, ByNNPACK(layer))
    return changed


class ByNNPACK(nn.Module):
    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight.detach().contiguous(), layer.bias

    def forward(self, maps: Tensor) -> Tensor:
        return torch._nnpack_spatial_convolution(maps.contiguous(), self.weight, self.bias, 1)


def regrouped(network: RRDBNet) -> RRDBNet:
    changed = deepcopy(network)
    for block in changed.body:
        for name in ("rdb1", "rdb2", "rdb3"):
            setattr(block, name, ByInput(getattr(block, name)))
    return changed


class ByInput(nn.Module):
    """One convolution for each input of a dense block, to all that later ones want of it."""

    def __init__(self, block: ResidualDenseBlock) -> None:
        super().__init__()
        layers = [block.get_submodule(f"conv{k}") for k in range(1, 6)]
        self.n_made = [len(layer.weight) for layer in layers]
        self.biases = nn.ParameterList(layer.bias for layer in layers)
        starts = np.cumsum([0, layers[0].weight.shape[1], *self.n_made[:4]])
        self.weights = nn.ParameterList(
            torch.cat([layer.weight[:, starts[k] : starts[k + 1]] for layer in layers[k:]]).detach() for k in range(5)
        )

    def forward(self, features: Tensor) -> Tensor:
        sums = [bias.view(1, -1, 1, 1) for bias in self.biases]
        seen = features
        for k, weight in enumerate(self.weights):
            parts = F.conv2d(seen, weight, padding=1).split(self.n_made[k:], 1)
            for later, part in enumerate(parts, start=k):
                sums[later] = sums[later] + part
            if k < 4:
                seen = leaky(sums[k])
        return features + RESIDUAL_SCALE * sums[4]


def openvino_runner(network: RRDBNet, compute: Any, window_px: int, *, is_int8: bool) -> OpenVinoRunner:
    """Compiled for the windows that it will see, while the writer of graphs is changed for int8."""
    runner = OpenVinoRunner(network, compute, keeps=False)
    kept = rrdb_graph._Writer.convolved
    if is_int8:
        rrdb_graph._Writer.convolved = _in_eight_bits
    try:
        runner(torch.from_numpy(esrgan_speed.windows(window_px)))
    finally:
        rrdb_graph._Writer.convolved = kept
    return runner


def _in_eight_bits(write: Any, features: Any, layer: nn.Conv2d, kind: Any, *, factor: float = 1.0) -> Any:
    op, weight = write.op, layer.weight * factor
    made_of = write.tensor(weight, kind)
    if weight.shape[1] >= LEAST_INT8_CHANNELS and len(weight) >= LEAST_INT8_CHANNELS:
        features = _rounded(op, features, INT8_RANGE, 256)
        made_of = _rounded(op, made_of, float(weight.detach().abs().max()), 255)
    made = op.convolution(features, made_of, [1, 1], [1, 1], [1, 1], [1, 1])
    return op.add(made, write.tensor(layer.bias.reshape(1, -1, 1, 1) * factor, kind))


def _rounded(op: Any, values: Any, most: float, n_levels: int) -> Any:
    low, high = (op.constant(np.array(value, np.float32)) for value in (-most, most))
    return op.fake_quantize(values, low, high, low, high, n_levels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--window", type=int, default=128)
    given = parser.parse_args()
    print(json.dumps(main(given.blocks, given.rounds, given.window), indent=1))
