"""What is one sample of a data set on disk, and what can be wrong with it?

A file that is missing or damaged is an error that names it. A sample that is whole but of no use (black truth, too
few dates) is a `Flaw`: it is never swapped for another, `ssr data check` lists it, and training leaves it out of its
batch and says so.
"""

from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Generator

from ssr.data.pairs import Box
from ssr.errors import ImageReadError, SeriesError
from ssr.sentinel2.radiometry import is_no_data

FlawKind = Literal["corrupt", "missing", "misaligned", "black", "short"]


class Sample(NamedTuple):
    """low_res `t c h w`, high_res and old_high_res `3 H W`: bytes, or floats in [0, 1]; they may be views."""

    low_res: NDArray[Any]
    high_res: NDArray[Any]
    old_high_res: NDArray[Any] | None = None
    objects: tuple[Box, ...] | None = None


class Flaw(NamedTuple):
    """Why a sample is of no use."""

    kind: FlawKind
    told: str


class PairSet(Protocol):
    """Samples by number. What `draw` leaves to chance comes from its generator; it may be called by many threads."""

    scale: int

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """Unlike that of every other sample."""
        ...

    def draw(self, index: int, generator: Generator) -> Sample | Flaw:
        """Raises ImageReadError and SeriesError."""
        ...

    def inspect(self, index: int) -> Flaw | None:
        """Whether every file of the sample can be used; raises as `draw` does."""
        ...


def flaw_of(samples: PairSet, index: int) -> Flaw | None:
    """What is wrong with a sample, errors of its files included."""
    try:
        return samples.inspect(index)
    except SeriesError as error:
        return Flaw("misaligned", str(error))
    except ImageReadError as error:
        return Flaw("missing" if isinstance(error.__cause__, FileNotFoundError) else "corrupt", str(error))


def has_black(pixels: NDArray[Any], channel_axis: int) -> bool:
    """Whether any pixel has no data; most images have no zero at all, which is quicker to see."""
    return not pixels.all() and bool(np.any(is_no_data(pixels, channel_axis)))
