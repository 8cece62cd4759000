"""Who is told what a run finds out?"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Figures = dict[str, float]


class Picture(NamedTuple):
    """`H W 3` bytes of the chip of that name."""

    name: str
    pixels: NDArray[np.uint8]


class Validation(NamedTuple):
    """What is found on data that are not trained on: means over all of them, and a look at the first."""

    figures: Figures
    pictures: tuple[Picture, ...] = ()


class Recorder(Protocol):
    """Keeps figures of a run or shows them: a file, a service, a screen.

    A resumed run makes new recorders, which drop what an earlier one recorded of steps that are made once more.
    """

    def record(self, event: str, step: int, figures: Figures, pictures: Sequence[Picture] = ()) -> None:
        """What an event (`train`, `validation`) found after so many steps."""
        ...

    def close(self) -> None:
        """The run has ended, well or not."""
        ...
