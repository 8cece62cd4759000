"""An object store in memory that refuses every so-manieth write, as overloaded ones do."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

from ssr.mapping.store import Store


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
