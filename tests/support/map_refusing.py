"""Object stores, in memory and on disk, that refuse every so-manieth write, as overloaded ones do."""

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from ssr.mapping.store import Store
from ssr.mapping.work import Stage
from tests.support.map_stages import ToyStages, prepare_toy


@dataclass
class Told:
    """How many writes were asked for, and how many refused."""

    n_asked: int = 0
    n_refused: int = 0


class Refusing(MemoryFileSystem):
    """Half of the refusals come after nothing was written, half after all was: a client cannot know."""

    protocol = "refusing"
    cachable = False
    every = 10
    told = Told()

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> None:
        told = type(self).told
        told.n_asked += 1
        if told.n_asked % self.every == 0:
            told.n_refused += 1
            if told.n_refused % 2:
                super().pipe_file(path, value, **kwargs)
            raise OSError("503 SlowDown: please reduce your request rate")
        super().pipe_file(path, value, **kwargs)


@contextmanager
def refusing_store(*, every: int) -> Iterator[tuple[Store, Told]]:
    """A new one."""
    fsspec.register_implementation("refusing", Refusing, clobber=True)
    Refusing.every, Refusing.told = every, Told()
    yield Store(f"refusing://{uuid.uuid4().hex}", "recipe"), Refusing.told


class RefusingDisk(LocalFileSystem):
    """A folder that many processes write into as into an object store; each has one write in ten refused."""

    protocol = "refusing-disk"
    cachable = False
    every = 10
    n_asked = 0

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> None:
        kind = type(self)
        kind.n_asked += 1
        is_refused = kind.n_asked % self.every == 0
        if not is_refused or kind.n_asked % (2 * self.every) == 0:  # every second refusal comes after the write
            self.makedirs(self._parent(path), exist_ok=True)
            super().pipe_file(path, value, **kwargs)
        if is_refused:
            log = Path(os.environ[REFUSALS])
            with log.open("a") as file:
                file.write("refused\n")
            raise OSError("503 SlowDown: please reduce your request rate")


REFUSALS = "SSR_TEST_REFUSALS"
"""Names the file in which every process notes what it refused."""


def prepare_refusing(stage: Stage, settings: Mapping[str, Any]) -> ToyStages:
    """Toy workers whose process knows `refusing-disk://`."""
    register_refusing_disk()
    return prepare_toy(stage, settings)


def register_refusing_disk() -> None:
    fsspec.register_implementation("refusing-disk", RefusingDisk, clobber=True)
