"""How do samples on disk become batches addressed by step?

Rule for samples of no use (see `samples`): `ssr data check` finds them and its `exclude` file keeps them from being
drawn at all. One that is drawn nevertheless is left out of its batch, which is then smaller, and named once in the
log; a file that is missing or damaged stops the run with its name. Nothing is ever drawn in its place.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssr.data.augment import Augmentation
from ssr.data.order import Epochs, Order, Weighted, draw_subset, generator_of
from ssr.data.pairs import WHOLE, Batch, Shard
from ssr.data.samples import Flaw, PairSet, Sample
from ssr.errors import ImageReadError, InputError

LOG = logging.getLogger(__name__)
PEAK = 255
SAMPLE = 0
"""What is left to chance in a sample: another stream than those of `order`."""


class DrawnPairs:
    """Batches of a data set on disk; seed and position decide sample, dates and augmentation.

    Args:
        kept: the numbers of the samples that are drawn; None for all.
        weights: of every sample of the set, drawn or not: they are drawn in proportion instead of once an epoch.

    Attributes:
        left_out: samples of no use that were met so far, and why.
    """

    def __init__(
        self,
        samples: PairSet,
        *,
        batch_size: int,
        seed: int,
        kept: NDArray[np.int64] | None = None,
        weights: NDArray[np.float64] | None = None,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.samples = samples
        self.batch_size = batch_size
        self.seed = seed
        self.kept = kept
        self.augmentation = augmentation or Augmentation()
        self.left_out: dict[str, str] = {}
        n = len(samples) if kept is None else len(kept)
        if not n:
            raise InputError("no sample is left to draw from")
        self.order: Order = Epochs(n, seed=seed)
        if weights is not None:
            self.order = Weighted(weights if kept is None else weights[kept], seed=seed)

    def batch(self, step: int, shard: Shard = WHOLE) -> Batch:
        """The usable pairs of one step; the last batch of an epoch runs on into the next.

        Raises:
            InputError: no pair of this shard is of use.
            ImageReadError: a file is missing or damaged.
        """
        indexes = [self._index(step * self.batch_size + k) for k in shard.of(self.batch_size)]
        drawn = [
            self._sample(step * self.batch_size + k, i) for k, i in zip(shard.of(self.batch_size), indexes, strict=True)
        ]
        usable = [(sample, self.samples.name(i)) for sample, i in zip(drawn, indexes, strict=True) if sample]
        if not usable:
            told = "; ".join(f"{name}: {self.left_out[name]}" for name in map(self.samples.name, indexes))
            raise InputError(f"step {step}: no pair of its batch is of use ({told}); run: ssr data check")
        samples, names = zip(*usable, strict=True)
        olds = [s.old_high_res for s in samples if s.old_high_res is not None]
        objects = tuple(s.objects for s in samples if s.objects is not None)
        return Batch(
            _in_unit_range([s.low_res for s in samples]),
            _in_unit_range([s.high_res for s in samples]),
            names,
            _in_unit_range(olds) if olds else None,
            objects or None,
        )

    def _sample(self, position: int, index: int) -> Sample | None:
        generator = generator_of(self.seed, SAMPLE, position)
        try:
            drawn = self.samples.draw(index, generator)
        except ImageReadError as error:
            raise type(error)(f"{error}; run: ssr data check, and name its exclude file in the options") from error
        if isinstance(drawn, Flaw):
            self._leave_out(self.samples.name(index), drawn)
            return None
        return self.augmentation(drawn, self.samples.scale, generator)

    def _leave_out(self, name: str, flaw: Flaw) -> None:
        if name not in self.left_out:
            self.left_out[name] = flaw.told
            LOG.warning("left out of its batch: %s, %s", name, flaw.told)

    def _index(self, position: int) -> int:
        index = self.order(position)
        return index if self.kept is None else int(self.kept[index])


def choose_kept(
    samples: PairSet,
    *,
    exclude: Path | None,
    n_samples: int | None,
    seed: int,
    among: NDArray[np.int64] | None = None,
) -> NDArray[np.int64] | None:
    """The numbers of the samples to draw from: a seeded choice of `n_samples` of those not excluded; None for all.

    Args:
        among: numbers that come into question; None for all.

    Raises:
        InputError: the file of exclusions cannot be read or names no sample of this data set, or too few are left.
    """
    if exclude is None and n_samples is None:
        return among
    kept = np.arange(len(samples)) if among is None else among
    if exclude is not None:
        unwanted = read_exclusions(exclude)
        is_kept = np.fromiter((samples.name(i) not in unwanted for i in kept.tolist()), bool, len(kept))
        if unwanted and is_kept.all():
            raise InputError(f"{exclude}: names {len(unwanted)} samples, none of them of this data set")
        kept = kept[is_kept]
    if n_samples is not None:
        if n_samples > len(kept):
            raise InputError(f"n_samples is {n_samples}, but only {len(kept)} samples are to be had")
        kept = kept[draw_subset(len(kept), n_samples, seed=seed)]
    return kept


def read_exclusions(path: Path) -> set[str]:
    """Names of samples, one a line."""
    try:
        return {line for line in path.read_text("utf-8").splitlines() if line}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a list of samples ({error})") from error


def _in_unit_range(images: Sequence[NDArray[Any]]) -> Tensor:
    stacked = torch.from_numpy(np.stack(images))
    return stacked.float().div_(PEAK) if stacked.dtype == torch.uint8 else stacked.float()
