"""Which samples does a test count, each exactly once?

No sample is swapped for another. One that is missing, damaged or of no use is left out and listed with the reason; the
n-th sample is the same whoever asks, so several processes share the work without agreeing on anything.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ssr.data.order import generator_of
from ssr.data.pairs import BatchSource
from ssr.data.samples import Flaw, PairSet
from ssr.errors import ImageReadError, SeriesError

PEAK = 255
TESTED = 4
"""What is left to chance in a tested sample: another stream than those of `data.order` and `data.drawn`."""


@dataclass(frozen=True)
class Pair:
    """One sample: low_res `t c h w` and truth `3 H W`, float32 in [0, 1]."""

    name: str
    low_res: NDArray[np.float32]
    truth: NDArray[np.float32]


class LeftOut(NamedTuple):
    """A sample that does not count, and why."""

    name: str
    kind: str
    told: str


class EvaluationSet(Protocol):
    """Samples by number, always the same."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> Pair | LeftOut: ...


class SamplesOnDisk:
    """A data set on disk; dates and crops that it leaves to chance are decided by seed and number.

    Args:
        kept: the numbers of the samples that count; None for all.
    """

    def __init__(self, samples: PairSet, *, seed: int, kept: NDArray[np.int64] | None = None) -> None:
        self.samples = samples
        self.seed = seed
        self.kept = kept

    def __len__(self) -> int:
        return len(self.samples) if self.kept is None else len(self.kept)

    def read(self, index: int) -> Pair | LeftOut:
        number = index if self.kept is None else int(self.kept[index])
        name = self.samples.name(number)
        try:
            drawn = self.samples.draw(number, generator_of(self.seed, TESTED, number))
        except SeriesError as error:
            return LeftOut(name, "misaligned", str(error))
        except ImageReadError as error:
            kind = "missing" if isinstance(error.__cause__, FileNotFoundError) else "corrupt"
            return LeftOut(name, kind, str(error))
        if isinstance(drawn, Flaw):
            return LeftOut(name, drawn.kind, drawn.told)
        return _checked(name, drawn.low_res, drawn.high_res, self.samples.scale)


class EndlessSamples:
    """The first samples of a source that has no end; it must give one sample a step."""

    def __init__(self, source: BatchSource, n_samples: int, *, scale: int) -> None:
        self.source = source
        self.n_samples = n_samples
        self.scale = scale

    def __len__(self) -> int:
        return self.n_samples

    def read(self, index: int) -> Pair | LeftOut:
        batch = self.source.batch(index)
        name = f"{index}:{batch.names[0]}"
        return _checked(name, batch.low_res[0].numpy(), batch.high_res[0].numpy(), self.scale)


def _checked(name: str, low_res: NDArray[Any], truth: NDArray[Any], scale: int) -> Pair | LeftOut:
    """In unit range; a pair that cannot be compared is left out."""
    seen, wanted = _in_unit_range(low_res), _in_unit_range(truth)
    for what, pixels in (("low-resolution dates", seen), ("truth", wanted)):
        if not np.isfinite(pixels).all():
            return LeftOut(name, "invalid", f"the {what} hold numbers that are not finite")
    fine = tuple(scale * side for side in seen.shape[-2:])
    if wanted.shape[-2:] != fine:
        found, expected = ("×".join(map(str, shape)) for shape in (wanted.shape[-2:], fine))
        return LeftOut(name, "misaligned", f"the truth has {found} px, {scale} times the dates are {expected}")
    return Pair(name, seen, wanted)


def _in_unit_range(pixels: NDArray[Any]) -> NDArray[np.float32]:
    unit = pixels.astype(np.float32)
    return unit / np.float32(PEAK) if pixels.dtype == np.uint8 else unit
