"""Toy workers for maps: what a cell becomes follows from its name, so any run can be compared with any other."""

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ssr.errors import ImageReadError
from ssr.mapping.work import Product, Stage, Task


class ToyStages:
    """Settings: seconds a cell takes, cells that fail, cells whose worker dies (once per file in `deaths`)."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def read(self, task: Task) -> bytes:
        if task.cell in self.settings.get("truncated", ()):
            raise ImageReadError(f"{task.cell}: cannot be decoded, truncated or damaged")
        return task.cell.encode() * 10

    def predict(self, task: Task, loaded: bytes) -> bytes:
        if task.cell in self.settings.get("poisoned", ()):
            raise ValueError("this cell cannot be computed")
        if task.cell in self.settings.get("deadly", ()):
            os._exit(1)
        until = time.perf_counter() + self.settings.get("busy_s", 0.0)
        while time.perf_counter() < until:
            pass
        time.sleep(self.settings.get("sleeping_s", 0.0))
        return hashlib.sha512(loaded).digest()

    def encode(self, task: Task, predicted: bytes) -> Product:
        return Product({"image": predicted * 20, "trust": predicted}, {"n": len(predicted)})


def prepare_toy(stage: Stage, settings: Mapping[str, Any]) -> ToyStages:
    del stage
    return ToyStages(settings)


def prepare_none(stage: Stage, settings: Mapping[str, Any]) -> ToyStages:
    raise ImageReadError("weights.pth: no such file")


def tasks_of(n: int, *, per_partition: int = 100) -> Iterator[Task]:
    """So many cells, in partitions of a hundred."""
    for k in range(n):
        yield Task(f"cell-{k:06d}", f"part-{k // per_partition:04d}", hashlib.sha256(b"%d" % k).hexdigest()[:12])


def hashes_in(folder: Path) -> dict[str, str]:
    """Every file below a folder with its SHA-256: two stores are equal if these are."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
