"""What is an S2-NAIP sample on disk, and how is it drawn?

`naip/{image}/{X_Y}/rgb.png` is 128×128; `sentinel2/{X_Y}/tci.png` stacks T true-colour dates of 32×32 below each
other. A pair whose NAIP image has a black pixel or whose series is shorter than asked for is left out of its batch,
which is then smaller; no sample is ever swapped for another.
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from ssr.data.imagery import read_picture
from ssr.data.pairs import WHOLE, Batch, Shard
from ssr.errors import InputError
from ssr.scenes.chips import read_chip
from ssr.scenes.ranking import sample_dates
from ssr.sentinel2.radiometry import TCI_PEAK_DN, is_no_data

SEED_STRIDE = 1_000_003
"""A prime: seeds of different runs do not meet the positions of one another."""


@dataclass(frozen=True)
class Pair:
    """Files of one sample and its tile `X_Y` on the 2^17 Web-Mercator grid."""

    tile: str
    low_res: Path
    high_res: Path


class S2NaipPairs:
    """Samples in a new order each epoch; the step alone decides the batch and its dates."""

    def __init__(self, sentinel2: Path, naip: Path, *, n_revisits: int, batch_size: int, seed: int) -> None:
        self.n_revisits = n_revisits
        self.batch_size = batch_size
        self.seed = seed
        self.pairs = find_pairs(sentinel2, naip)
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)

    def batch(self, step: int, shard: Shard = WHOLE) -> Batch:
        """The usable pairs of one step; the last batch of an epoch runs on into the next."""
        positions = [step * self.batch_size + k for k in shard.of(self.batch_size)]
        samples = [s for k in positions if (s := self._sample(k)) is not None]
        if not samples:
            names = ", ".join(self._pair(k).tile for k in positions)
            raise InputError(
                f"no usable pair among {names}: black high-resolution pixels or fewer than {self.n_revisits} dates"
            )
        low_res, high_res, names_of = zip(*samples, strict=True)
        return Batch(torch.stack(low_res), torch.stack(high_res), names_of)

    def _sample(self, position: int) -> tuple[torch.Tensor, torch.Tensor, str] | None:
        pair = self._pair(position)
        frames, truth = read_chip(pair.low_res), read_picture(pair.high_res).pixels
        if len(frames) < self.n_revisits or is_no_data(truth, 2).any():
            return None
        generator = torch.Generator().manual_seed(self.seed * SEED_STRIDE + position)
        dates = sample_dates(is_no_data(frames, 1).any((1, 2)), self.n_revisits, generator)
        low_res = torch.from_numpy(frames[dates]).float() / TCI_PEAK_DN
        high_res = torch.from_numpy(truth.copy()).permute(2, 0, 1).float() / TCI_PEAK_DN
        return low_res, high_res, pair.tile

    def _pair(self, position: int) -> Pair:
        epoch, index = divmod(position, len(self.pairs))
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(self.seed * SEED_STRIDE + epoch)
            self._epoch, self._order = epoch, torch.randperm(len(self.pairs), generator=generator)
        return self.pairs[int(self._order[index])]


def find_pairs(sentinel2: Path, naip: Path) -> list[Pair]:
    """Every NAIP chip whose tile has a Sentinel-2 series, in the order of their paths.

    Raises:
        InputError: a folder is missing, or no pair is complete.
    """
    for folder in (sentinel2, naip):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder")
    pairs = [
        Pair(path.parent.name, sentinel2 / path.parent.name / "tci.png", path)
        for path in sorted(naip.glob("*/*/rgb.png"))
    ]
    complete = [pair for pair in pairs if pair.low_res.is_file()]
    if not complete:
        raise InputError(f"{naip}: of {len(pairs)} chips */X_Y/rgb.png none has its series {sentinel2}/X_Y/tci.png")
    return complete
