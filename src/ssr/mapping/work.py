"""What is done with a cell, by whom, and what becomes of it?

A worker is made once and kept: it holds the network. Its three stages can run in one process or in three.
"""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from ssr.atomic import one_line
from ssr.errors import OutputError, SSRError
from ssr.mapping.store import Store

Stage = Literal["read", "predict", "encode", "all"]
LONGEST_ERROR = 2000


class Task(NamedTuple):
    """A cell to do: its name and place, the hash of its input, and the sources that show it."""

    cell: str
    partition: str
    input: str
    sources: tuple[int, ...] = ()


class Product(NamedTuple):
    """What a cell became: files by role, and what is noted of it."""

    contents: Mapping[str, bytes]
    notes: Mapping[str, Any]


class Stages(Protocol):
    """A worker."""

    def read(self, task: Task) -> Any:
        """The input of a cell, from disk or the web."""
        ...

    def predict(self, task: Task, loaded: Any) -> Any:
        """What the network makes of it."""
        ...

    def encode(self, task: Task, predicted: Any) -> Product:
        """The files that this becomes."""
        ...


@dataclass(frozen=True)
class Job:
    """How workers are made and where their work goes; all of it can be sent to another process.

    prepare: a function at the top of a module: stage and settings to a worker of that stage.
    """

    prepare: Callable[[Stage, Mapping[str, Any]], Stages]
    settings: Mapping[str, Any]
    store: Store


class Outcome(NamedTuple):
    """What became of a try; `is_store` if the store is to blame, not the cell."""

    task: Task
    error: str | None = None
    is_store: bool = False


def do_cell(stages: Stages, store: Store, task: Task) -> Outcome:
    """Read, predict, encode and keep a cell; errors become a part of the outcome."""
    try:
        product = stages.encode(task, stages.predict(task, stages.read(task)))
    except Exception as error:  # noqa: BLE001  # whatever it is, the other cells can be done
        return Outcome(task, told(error))
    return keep(store, task, product)


def keep(store: Store, task: Task, product: Product) -> Outcome:
    """Put what a cell became into the store."""
    try:
        store.keep(task.partition, task.cell, task.input, product.contents, product.notes)
    except OutputError as error:
        return Outcome(task, str(error), is_store=True)
    return Outcome(task)


def told(error: BaseException) -> str:
    """An error for the marker of a cell: one line of what a user can mend, else where it happened too."""
    if isinstance(error, SSRError):
        return str(error)
    places = traceback.extract_tb(error.__traceback__)
    where = f" at {places[-1].name}, line {places[-1].lineno}" if places else ""
    return f"{type(error).__name__}: {one_line(error)}{where}"[:LONGEST_ERROR]
