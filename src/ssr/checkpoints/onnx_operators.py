"""Which torch operators does the ONNX exporter lack or round too coarsely, and how are they written instead?"""

from collections.abc import Callable
from typing import Any

import torch

Translations = dict[Callable, Callable]


def translations() -> Translations:
    """For `torch.onnx.export(custom_translation_table=…)`. Needs onnxscript.

    - Medians over an axis of known length, which the exporter does not know: of an even number the lower middle value,
      as in torch.
    - The sigmoid as a quotient. ONNX Runtime's own is right to 1e-7 only: where it should say 1e-7, it may say 0, and a
      network that divides by such a weight (`DateFusion`) is then off by 1e-4 instead of 1e-6.
    """
    from onnxscript import opset18

    op: Any = opset18  # its types know no values that are the result of another operator

    def ascending(values: Any, dim: int, n: int) -> Any:
        return op.TopK(values, op.Constant(value_ints=[n]), axis=dim, largest=0)  # values and where they were

    def squeezed(values: Any, dim: int, keepdim: bool) -> Any:
        return values if keepdim else op.Squeeze(values, op.Constant(value_ints=[dim]))

    def median(values: Any, dim: int, keepdim: bool = False) -> tuple[Any, ...]:
        n = values.shape[dim]
        middle = op.Constant(value_ints=[(n - 1) // 2])
        return tuple(squeezed(op.Gather(each, middle, axis=dim), dim, keepdim) for each in ascending(values, dim, n))

    def nanmedian(values: Any, dim: int, keepdim: bool = False) -> tuple[Any, ...]:
        missing, zero, one = op.IsNaN(values), op.Constant(value_ints=[0]), op.Constant(value_ints=[1])
        count = op.ReduceSum(op.Cast(op.Not(missing), to=7), op.Constant(value_ints=[dim]), keepdims=1)  # 7: int64
        middle = op.Div(op.Max(op.Sub(count, one), zero), op.Constant(value_ints=[2]))
        last = op.Where(missing, op.Constant(value_float=float("inf")), values)
        found, where = (op.GatherElements(each, middle, axis=dim) for each in ascending(last, dim, values.shape[dim]))
        found = op.Where(op.Equal(count, zero), op.Constant(value_float=float("nan")), found)
        return squeezed(found, dim, keepdim), squeezed(where, dim, keepdim)

    def sigmoid(values: Any) -> Any:
        one = op.Constant(value_float=1.0)
        return op.Div(one, op.Add(one, op.Exp(op.Neg(values))))

    return {
        torch.ops.aten.median.dim: median,
        torch.ops.aten.nanmedian.dim: nanmedian,
        torch.ops.aten.sigmoid.default: sigmoid,
    }
