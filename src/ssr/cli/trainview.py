"""How does a training run look while it goes on: a table on a terminal, lines elsewhere?"""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

    from ssr.training.recorder import Figures, Picture

N_REMEMBERED = 100
"""Steps over which the rate is a mean."""


class View(Protocol):
    """What `train` is shown on: told of every step, and of figures as a recorder is."""

    def advance(self, done: int, losses: "Figures") -> None: ...
    def record(self, event: str, step: int, figures: "Figures", pictures: "Sequence[Picture]" = ()) -> None: ...
    def close(self) -> None: ...


@contextmanager
def training_view(name: str, *, n_steps: int, batch_size: int, is_quiet: bool) -> Iterator[View]:
    """A live table where standard output is a terminal, a line for every record elsewhere, or silence."""
    pace = Pace(n_steps=n_steps, batch_size=batch_size)
    view: View = Silence()
    if not is_quiet:
        view = LiveTable(name, pace) if sys.stdout.isatty() else Lines(pace)
    with closing(view):
        yield view


class Pace:
    """How fast a run goes lately, validation and saving included, and how long it will take.

    Args:
        batch_size: chips of a step.
    """

    def __init__(self, *, n_steps: int, batch_size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.clock = clock
        self.started = clock()
        self.done = 0
        self.ends: deque[tuple[int, float]] = deque(maxlen=N_REMEMBERED + 1)

    def advance(self, done: int) -> None:
        """So many steps are done; told twice it counts once."""
        if not self.ends or done > self.done:
            self.done = done
            self.ends.append((done, self.clock()))

    @property
    def steps_per_s(self) -> float | None:
        """None before two steps have ended."""
        if len(self.ends) < 2:
            return None
        (first, began), (last, ended) = self.ends[0], self.ends[-1]
        return (last - first) / (ended - began) if ended > began else None

    def in_words(self) -> list[str]:
        """Rate and time left, where they are known."""
        rate = self.steps_per_s
        if rate is None:
            return []
        left = _as_time((self.n_steps - self.done) / rate)
        return [f"{rate:.3g} steps/s", f"{rate * self.batch_size:.3g} chips/s", f"{left} left"]

    def elapsed(self) -> str:
        return _as_time(self.clock() - self.started)


class Lines:
    """One line for every record, for files and pipes."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace

    def advance(self, done: int, _losses: "Figures") -> None:
        self.pace.advance(done)

    def record(self, event: str, step: int, figures: "Figures", pictures: "Sequence[Picture]" = ()) -> None:
        self.pace.advance(step)
        told = [f"{name} {_as_number(value)}" for name, value in figures.items()]
        if event == "train":
            print("  ".join([f"step {step}/{self.pace.n_steps}", *told, *self.pace.in_words()]), flush=True)
        else:
            print("  ".join([f"{event} at step {step}", *told]), flush=True)

    def close(self) -> None:
        """Every line is out already."""


class LiveTable:
    """The last figures of each kind, how far the run is, how fast it goes; what it last showed stays."""

    def __init__(self, name: str, pace: Pace) -> None:
        from rich.console import Console
        from rich.live import Live

        self.name = name
        self.pace = pace
        self.last: dict[str, tuple[int, Figures]] = {}
        self.live = Live(get_renderable=self._drawn, console=Console(), refresh_per_second=4)

    def advance(self, done: int, _losses: "Figures") -> None:
        self.pace.advance(done)
        self.live.start()  # at the first step: notes come before

    def record(self, event: str, step: int, figures: "Figures", pictures: "Sequence[Picture]" = ()) -> None:
        self.last = {**self.last, event: (step, figures)}

    def close(self) -> None:
        self.live.stop()

    def _drawn(self) -> "Group":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        pace = self.pace
        told = [f"step {pace.done}/{pace.n_steps}", *pace.in_words(), f"{pace.elapsed()} elapsed"]
        lines: list[RenderableType] = [Text(self.name, style="bold"), Text("  ".join(told))]
        lines += [ProgressBar(total=pace.n_steps, completed=pace.done), Text()]  # a bar does not end its line
        if self.last:
            table = Table("", *(f"{event}, step {step}" for event, (step, _) in self.last.items()), box=None)
            for name in dict.fromkeys(name for _, figures in self.last.values() for name in figures):
                values = (figures.get(name) for _, figures in self.last.values())
                table.add_row(name, *("" if value is None else _as_number(value) for value in values))
            lines.append(table)
        return Group(*lines)


class Silence:
    """For machines, and for all processes but the first."""

    def advance(self, _done: int, _losses: "Figures") -> None:
        pass

    def record(self, event: str, step: int, figures: "Figures", pictures: "Sequence[Picture]" = ()) -> None:
        pass

    def close(self) -> None:
        pass


def _as_number(value: float) -> str:
    """Five decimals, or three digits where those would hide it."""
    return f"{value:.5f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"


def _as_time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
