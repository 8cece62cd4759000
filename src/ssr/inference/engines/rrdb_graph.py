"""How is ESRGAN written as an OpenVINO graph?

By hand, since tracing its 350 convolutions takes fifteen seconds and this a tenth of one, and since OpenVINO's own
bfloat16 keeps the sums of 69 dense blocks in bfloat16 too: 7 % of a photograph's pixels then move by more than a step
of 255, instead of 0.15 %. Here every type is written down: convolutions multiply 16 bits; the first and last layer and
all sums have 32.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ssr.models.esrgan import RESIDUAL_SCALE, ResidualDenseBlock, RRDBNet
from ssr.models.layers import LEAKY_SLOPE


def rrdb_graph(network: RRDBNet, shape: Sequence[int], *, is_16_bit: bool) -> Any:
    """The network for inputs of one shape `b t c h w`, as an `openvino.Model`; it wants the hint of float32.

    Args:
        is_16_bit: multiply in bfloat16.
    """
    import openvino
    from openvino import opset13 as op

    write = _Writer(op, openvino.Type.f32, openvino.Type.bf16 if is_16_bit else openvino.Type.f32)
    n, t, c, height, width = shape
    given = op.parameter(list(shape), np.float32, name="low_res")
    stacked = op.reshape(given, write.whole([n, t * c, height, width]), special_zero=False)
    if network.unshuffle > 1:
        stacked = op.space_to_depth(stacked, "depth_first", network.unshuffle)
        height, width = height // network.unshuffle, width // network.unshuffle
    first = write.convolved(stacked, network.conv_first, write.exact)
    features = first
    for block in network.body:
        inner = features
        for name in ("rdb1", "rdb2", "rdb3"):
            inner = _dense_block(write, inner, block.get_submodule(name))
        features = op.add(features, op.multiply(inner, write.number(RESIDUAL_SCALE, write.exact)))
    body = write.convolved(write.fast(features), network.conv_body, write.short)
    features = write.fast(op.add(first, write.full(body)))
    for k, factor in network.enlargements.items():
        height, width = height * factor, width * factor
        features = op.interpolate(
            features,
            write.whole([height, width]),
            "nearest",
            "sizes",
            axes=write.whole([2, 3]),
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        features = write.leaky(write.convolved(features, network.get_submodule(f"conv_up{k}"), write.short))
    features = write.full(write.leaky(write.convolved(features, network.conv_hr, write.short)))
    return openvino.Model([write.convolved(features, network.conv_last, write.exact)], [given], "esrgan")


def _dense_block(write: "_Writer", features: Any, block: nn.Module) -> Any:
    """The block, its residual factor drawn into the weights."""
    assert isinstance(block, ResidualDenseBlock)
    op = write.op
    seen = [write.fast(features)]
    for k in range(1, 5):
        pieces = seen[0] if k == 1 else op.concat(seen, 1)
        seen.append(write.leaky(write.convolved(pieces, block.get_submodule(f"conv{k}"), write.short)))
    last = write.convolved(op.concat(seen, 1), block.get_submodule("conv5"), write.short, factor=RESIDUAL_SCALE)
    return op.add(features, write.full(last))


class _Writer:
    """Writes layers whose types are said: `exact` is float32, `short` what convolutions multiply."""

    def __init__(self, op: Any, exact: Any, short: Any) -> None:
        self.op = op
        self.exact = exact
        self.short = short

    def convolved(self, features: Any, layer: nn.Module, kind: Any, *, factor: float = 1.0) -> Any:
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        one = [1, 1]
        made = self.op.convolution(features, self.tensor(layer.weight * factor, kind), one, one, one, one)
        return self.op.add(made, self.tensor(layer.bias.reshape(1, -1, 1, 1) * factor, kind))

    def leaky(self, features: Any) -> Any:
        return self.op.prelu(features, self.number(LEAKY_SLOPE, self.short))

    def fast(self, features: Any) -> Any:
        return features if self.short == self.exact else self.op.convert(features, self.short)

    def full(self, features: Any) -> Any:
        return features if self.short == self.exact else self.op.convert(features, self.exact)

    def number(self, value: float, kind: Any) -> Any:
        return self.tensor(torch.tensor([value]), kind)

    def tensor(self, values: Tensor, kind: Any) -> Any:
        """Rounded before it is converted: the conversion of constants cuts off."""
        values = values.detach().float().cpu()
        if kind != self.exact:
            values = values.bfloat16().float()
        constant = self.op.constant(np.ascontiguousarray(values.numpy()))
        return constant if kind == self.exact else self.op.convert(constant, kind)

    def whole(self, values: list[int]) -> Any:
        return self.op.constant(np.array(values, np.int64))
