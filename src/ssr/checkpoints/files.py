"""How do weights get from and to disk without running anything that a file says?"""

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ssr.atomic import one_line, whole_file
from ssr.errors import WeightsError

StateDict = dict[str, Tensor]
KNOWN_KEYS = ("params_ema", "params")


def read_weights(path: Path, *, key: str | None = None) -> StateDict:
    """Tensors by name from `.safetensors`, `{params, params_ema}`, either of them, or a bare state dict.

    Args:
        key: the entry to take; by default the moving average where there is one. As in BasicSR, `params` serves when
            the asked-for moving average is absent.

    Raises:
        WeightsError: no such file, not a weight file, truncated, or it holds code instead of tensors.
    """
    content = _read_tensors(path)
    if not any(known in content for known in KNOWN_KEYS):
        return _checked(path, content)
    wanted = [key] if key else list(KNOWN_KEYS)
    if key == "params_ema":
        wanted.append("params")
    for candidate in wanted:
        if candidate in content:
            return _checked(path, content[candidate])
    raise WeightsError(f"{path}: has no entry {key!r}; found {', '.join(sorted(map(str, content)))}")


def read_training_state(path: Path) -> dict[str, Any]:
    """What `write_torch` wrote: tensors, numbers, strings and containers of them."""
    return _read_tensors(path)


def read_text_entry(path: Path, name: str) -> dict[str, str]:
    """An entry of text by name that stands beside the tensors of a torch file; nothing where there is none.

    The tensors stay on disk.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)  # noqa: TID251 - tensors only
    except Exception:  # noqa: BLE001 - whoever reads the tensors says what is wrong with the file
        return {}
    entry = content.get(name) if isinstance(content, dict) else None
    is_text = isinstance(entry, dict) and all(isinstance(text, str) for pair in entry.items() for text in pair)
    return dict(entry) if is_text and isinstance(entry, dict) else {}


def write_torch(path: Path, content: Mapping[str, Any]) -> None:
    """Write a torch file under a temporary name, then rename it."""
    with whole_file(path, RuntimeError) as part:
        torch.save(dict(content), part)


def write_safetensors(path: Path, state: StateDict, *, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file under a temporary name, then rename it."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    with whole_file(path, SafetensorError, RuntimeError) as part:
        save_file(tensors, part, metadata=dict(metadata))


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_tensors(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise WeightsError(f"{path}: no such weight file")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251 - tensors only
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: refused, it holds more than tensors (or is no weight file at all); "
            f"save the network's state_dict alone, without the network"
        ) from error
    except Exception as error:
        cause = one_line(error)
        told = f" ({cause})" if " " in cause else ""  # some errors of torch are a bare number
        raise WeightsError(
            f"{path}: not readable as weights, truncated or of another kind{told}; "
            f"expected a whole .pth or .safetensors file"
        ) from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: expected a mapping of names to tensors, found {type(content).__name__}")
    return content


def _checked(path: Path, state: Any) -> StateDict:
    if (
        isinstance(state, dict)
        and state
        and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items())
    ):
        return {name.removeprefix("module."): tensor for name, tensor in state.items()}
    raise WeightsError(f"{path}: expected tensors by name, found {type(state).__name__} with other content")
