"""How do pictures become chips that do not overlap, each photographed once?"""

import torch

from ssr.data.imagery import Folder
from ssr.data.order import draw_subset, generator_of
from ssr.data.simulate import Degradation, simulate_series
from ssr.data.simulated import MARGIN_PX, ground_side_px
from ssr.errors import InputError
from ssr.evaluation.samples import LeftOut, Pair
from ssr.sentinel2.radiometry import is_no_data

PHOTOGRAPHED = 5
"""What is left to chance in a photograph: another stream than those of `data.order` and `samples`."""


class CutSamples:
    """Chips by number; seed and number alone decide what the satellite would have seen of each.

    Args:
        chip_px: low-resolution side of a chip.
        n_samples: a seeded choice of so many chips; None for all.
    """

    def __init__(
        self, folders: list[Folder], *, n_revisits: int, chip_px: int, scale: int, seed: int, n_samples: int | None
    ) -> None:
        self.n_revisits = n_revisits
        self.seed = seed
        self.ranges = Degradation(scale=scale)
        self.side_px = side = ground_side_px(chip_px, scale)
        self.places = [
            (picture, y, x)
            for folder in folders
            for picture in folder.pictures
            for y in range(0, picture.shape_hw[0] - side + 1, side)
            for x in range(0, picture.shape_hw[1] - side + 1, side)
        ]
        if n_samples is not None:
            if n_samples > len(self.places):
                raise InputError(f"n_samples is {n_samples}, but the pictures hold only {len(self.places)} chips")
            chosen = draw_subset(len(self.places), n_samples, seed=seed)
            self.places = [self.places[k] for k in chosen.tolist()]

    def __len__(self) -> int:
        return len(self.places)

    def read(self, index: int) -> Pair | LeftOut:
        """One chip; one with gaps is left out."""
        picture, y, x = self.places[index]
        name = f"{picture.name}@{x},{y}"
        ground = picture.read(slice(y, y + self.side_px), slice(x, x + self.side_px))
        if picture.may_have_gaps and is_no_data(ground, -1).any():
            return LeftOut(name, "black", "parts of the picture have no data here")
        series = simulate_series(
            torch.from_numpy(ground).permute(2, 0, 1)[None],
            n_revisits=self.n_revisits,
            generator=generator_of(self.seed, PHOTOGRAPHED, index),
            ranges=self.ranges,
            margin_px=MARGIN_PX,
        )
        return Pair(name, series.low_res[0].numpy(), series.high_res[0].numpy())
