"""How does a network become an ONNX file?"""

import copy
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ssr.atomic import one_line, whole_file
from ssr.checkpoints.onnx_files import METADATA_KEY, import_onnx, open_onnx
from ssr.checkpoints.onnx_operators import translations
from ssr.errors import OutputError

TOLERANCE = 1e-4
"""Largest difference to torch, for inputs in [0, 1], with which a file is kept."""

OPSET = 18
MOST_TENSOR_BYTES = 1_500_000_000
"""One ONNX file holds at most 2 GB, and the exporter splits it before that."""


@dataclass(frozen=True)
class Axes:
    """One input of a graph: its name, and the axes of free length by name."""

    name: str
    free: Mapping[int, str]


def export_series_network(
    network: Callable[[Tensor], Tensor],
    path: Path,
    *,
    n_revisits: int,
    n_channels: int,
    size_multiple: int,
    metadata: Mapping[str, Any],
    stacked: bool = False,
    tile_px: int | None = None,
    properties: Mapping[str, str] | None = None,
) -> float:
    """Write a network `b t c h w → b c H W` as ONNX and compare it with torch.

    Args:
        network: the network on the CPU; a module is exported as in evaluation mode.
        n_revisits: dates; their number is fixed in the file.
        metadata: what the file says of itself under `ssr`, as JSON.
        stacked: take the dates on the channel axis, `b t·c h w`, as tools for single images do.
        tile_px: fix the batch to one and the size to so many pixels, for tools that ask the file for it.
        properties: further entries, for other tools.

    Returns:
        Largest difference to torch.

    Raises:
        OutputError: it cannot be exported or written, or differs by more than TOLERANCE. Nothing is left behind.
    """
    sides = [(-(-40 // size_multiple) + k) * size_multiple for k in range(5)]
    sizes = [(2, sides[1], sides[2]), (1, sides[3], sides[0]), (3, sides[0], sides[4])]
    if tile_px is not None:
        sizes = [(1, tile_px, tile_px)] * 2
    examples = [_example((b, n_revisits, n_channels, h, w), seed) for seed, (b, h, w) in enumerate(sizes)]
    free = {0: "batch", 2 if stacked else 3: "height", 3 if stacked else 4: "width"}
    with torch.no_grad():
        n_out_channels = network(examples[-1]).shape[1]
    return export_onnx(
        _Series(network, (n_revisits, n_channels) if stacked else None),
        path,
        examples=[(example.flatten(1, 2) if stacked else example,) for example in examples],
        inputs=[Axes("low_res", {} if tile_px else free)],
        output="super_res",
        properties={METADATA_KEY: json.dumps({**metadata, "n_out_channels": n_out_channels}), **(properties or {})},
    )


def export_onnx(
    network: nn.Module,
    path: Path,
    *,
    examples: Sequence[tuple[Tensor, ...]],
    inputs: Sequence[Axes],
    output: str,
    properties: Mapping[str, str],
) -> float:
    """Write a module with any inputs and one output as ONNX and compare it with torch.

    Args:
        network: in float32; it is exported from the CPU, in evaluation mode, and stays as it is.
        examples: the first is traced; on the others, of other sizes along the free axes, results are compared.
        properties: text that the file carries (`metadata_props`).

    Returns:
        Largest difference to torch.

    Raises:
        OutputError: it cannot be exported or written, or differs by more than TOLERANCE. Nothing is left behind.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        import_onnx(package)
    network = copy.deepcopy(network).cpu().eval()
    n_bytes = sum(tensor.nbytes for tensor in network.state_dict().values())
    if n_bytes > MOST_TENSOR_BYTES:
        raise OutputError(
            f"{path}: cannot be written, {n_bytes / 1e9:.1f} GB of tensors are too many for one ONNX file"
        )
    try:
        # The exporter announces its own future and writes its progress to the console; neither concerns a user.
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                network,
                examples[0],
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=[axes.name for axes in inputs],
                output_names=[output],
                dynamic_shapes=[dict(axes.free) for axes in inputs] if any(axes.free for axes in inputs) else None,
                custom_translation_table=translations(),
            )
    except torch.onnx.OnnxExporterError as error:
        raise OutputError(f"{path}: the network cannot be exported to ONNX ({one_line(_root(error))})") from error
    assert program is not None
    _forget_where_it_was_made(program.model.graph)
    program.model.metadata_props.update(properties)
    with whole_file(path, RuntimeError, ValueError) as part:
        program.save(part)
        return _largest_difference(network, part, examples[1:], path)


def _forget_where_it_was_made(graph: Any) -> None:
    """The exporter notes for every node from which line of which file on this computer it comes."""
    graph.metadata_props.clear()
    for node in graph.all_nodes():
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()


def _root(error: BaseException) -> BaseException:
    """The exporter wraps what went wrong three times."""
    return error if error.__cause__ is None else _root(error.__cause__)


class _Series(nn.Module):
    """A network, a module or not, whose dates may come on the channel axis."""

    def __init__(self, network: Callable[[Tensor], Tensor], dates_and_channels: tuple[int, int] | None) -> None:
        super().__init__()
        self.network = network
        self.dates_and_channels = dates_and_channels

    def forward(self, low_res: Tensor) -> Tensor:
        return self.network(low_res.unflatten(1, self.dates_and_channels) if self.dates_and_channels else low_res)


def _example(shape: tuple[int, ...], seed: int) -> Tensor:
    """Noise in [0, 1] in which the first date, and a corner of all dates, is missing in part."""
    low_res = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    low_res[:, 0, :, :8] = 0
    low_res[..., :4, :4] = 0
    return low_res


def _largest_difference(network: nn.Module, part: Path, examples: Sequence[tuple[Tensor, ...]], path: Path) -> float:
    runner, _ = open_onnx(part)
    with torch.no_grad():
        differences = [float((runner(*example) - network(*example)).abs().max()) for example in examples]
    if not all(difference <= TOLERANCE for difference in differences):
        raise OutputError(
            f"{path}: not written, its results differ from torch by {max(differences):.1e}, more than {TOLERANCE:.0e}"
        )
    return max(differences)
