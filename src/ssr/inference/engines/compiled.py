"""Where do compiled graphs live, and when is one of them ours?"""

import hashlib
import inspect
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import nn

from ssr import __version__
from ssr.checkpoints.cache import cache_folder

MOST_FILES = 12
"""The folder keeps so many; those used longest ago leave."""


def engines_folder() -> Path:
    """Beside the downloaded weights."""
    return cache_folder().parent / "engines"


def network_key(network: nn.Module) -> str:
    """A hash of all that a network computes: its code, its settings and every tensor."""
    digest = hashlib.sha256(__version__.encode())
    for text in _settings(network):
        digest.update(text.encode())
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().contiguous().cpu().view(-1).numpy().tobytes())
    return digest.hexdigest()


def file_for(key: str, shape: Sequence[int], *settings: object, suffix: str) -> Path:
    """Where a graph of a network for a shape lies. settings: whatever else a compiled graph depends on."""
    said = repr((key, tuple(shape), *settings))
    return engines_folder() / f"{hashlib.sha256(said.encode()).hexdigest()[:32]}{suffix}"


def forget_old(folder: Path) -> None:
    """Remove what was used longest ago beyond MOST_FILES; another process may remove the same."""
    found = sorted(((_used(path), path) for path in folder.glob("[0-9a-f]*")), reverse=True)
    for _, path in found[MOST_FILES:]:
        path.unlink(missing_ok=True)


def mark_used(path: Path) -> None:
    """So that it is not the next to be forgotten."""
    os.utime(path)


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _settings(network: nn.Module) -> Iterator[str]:
    """The source of every module's class, and what its objects hold beside tensors."""
    seen: set[type] = set()
    for name, part in network.named_modules():
        kind = type(part)
        held = {key: value for key, value in vars(part).items() if not key.startswith("_") and not callable(value)}
        yield f"{name} {kind.__module__}.{kind.__qualname__} {sorted(held.items(), key=lambda item: item[0])!r}"
        if kind not in seen and kind.__module__.startswith("ssr."):
            seen.add(kind)
            yield inspect.getsource(inspect.getmodule(kind) or kind)
