"""How does an ONNX file become a network?"""

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssr.atomic import one_line
from ssr.errors import InputError, MissingExtraError, WeightsError

METADATA_KEY = "ssr"
FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


def open_onnx(path: Path) -> tuple["OnnxRunner", dict[str, Any] | None]:
    """An ONNX file as a callable, and what it says of itself if this program wrote it.

    Raises:
        WeightsError: no such file, truncated, not ONNX, tensors outside its folder, not one output.
        MissingExtraError: onnx or onnxruntime is not installed.
    """
    onnx, onnxruntime = import_onnx("onnx"), import_onnx("onnxruntime")
    if not path.is_file():
        raise WeightsError(f"{path}: no such ONNX file")
    try:
        _refuse_escaping_tensors(onnx.load(path, load_external_data=False), onnx.TensorProto, path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what is wrong is raised, it need not be printed as well
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except WeightsError:
        raise
    except Exception as error:
        raise WeightsError(
            f"{path}: cannot be run as ONNX; truncated, of another kind, or with operators that the installed "
            f"onnxruntime lacks ({one_line(error)})"
        ) from error
    return OnnxRunner(session, path), _metadata(session.get_modelmeta().custom_metadata_map, path)


class OnnxRunner:
    """A session of ONNX Runtime on the CPU that takes and gives torch tensors.

    input_shapes: per input; a number where an axis has a fixed length.
    """

    def __init__(self, session: Any, path: Path) -> None:
        self.session = session
        self.path = path
        self.inputs = session.get_inputs()
        self.input_shapes: list[tuple[int | str | None, ...]] = [tuple(each.shape) for each in self.inputs]
        strange = [each.type for each in (*self.inputs, *session.get_outputs()) if each.type not in FLOATS]
        if strange or len(session.get_outputs()) != 1:
            found = strange[0] if strange else f"{len(session.get_outputs())} outputs"
            raise WeightsError(f"{path}: expected floating-point inputs and one such output, found {found}")

    def __call__(self, *tensors: Tensor) -> Tensor:
        """One window after another where the file fixes the batch to one.

        Raises:
            InputError: the file does not take tensors of these shapes.
        """
        if self.input_shapes[0][:1] == (1,) and len(tensors[0]) != 1:
            return torch.cat([self(*(tensor[k : k + 1] for tensor in tensors)) for k in range(len(tensors[0]))])
        given = {
            declared.name: np.ascontiguousarray(tensor.detach().cpu().numpy(), FLOATS[declared.type])
            for declared, tensor in zip(self.inputs, tensors, strict=True)
        }
        try:
            result = self.session.run(None, given)[0]
        except Exception as error:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            raise InputError(
                f"{self.path}: does not take {shapes}, it says it takes {self.input_shapes} ({one_line(error)})"
            ) from error
        return torch.from_numpy(result).to(tensors[0].device, tensors[0].dtype)


def _refuse_escaping_tensors(model: Any, tensor_type: type, path: Path) -> None:
    folder = path.parent.resolve()
    for tensor in _tensors_within(model, tensor_type):
        for entry in tensor.external_data:
            if entry.key == "location" and not (folder / entry.value).resolve().is_relative_to(folder):
                raise WeightsError(
                    f"{path}: refused, its tensor {tensor.name!r} lies outside of the file's folder ({entry.value})"
                )


def _tensors_within(message: Any, tensor_type: type) -> Iterator[Any]:
    """Every tensor of a model, wherever its graphs, subgraphs, functions and attributes hold one."""
    if isinstance(message, tensor_type):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from _tensors_within(part, tensor_type)


def _metadata(properties: Mapping[str, str], path: Path) -> dict[str, Any] | None:
    if METADATA_KEY not in properties:
        return None
    try:
        found = json.loads(properties[METADATA_KEY])
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: what it says of itself is not JSON ({one_line(error)})") from error
    if not isinstance(found, dict):
        raise WeightsError(f"{path}: expected a mapping in what it says of itself, found {type(found).__name__}")
    return found


def import_onnx(package: str) -> Any:
    """One of the packages of the extra `export`."""
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise MissingExtraError(package, "export", "reading and writing ONNX files") from error
