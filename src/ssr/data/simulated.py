"""How do folders of high-resolution imagery become an endless source of training pairs?"""

import torch

from ssr.data.imagery import Folder, draw_chips
from ssr.data.pairs import WHOLE, Batch, Shard
from ssr.data.simulate import Degradation, simulate_series

MARGIN_PX = 2
STEP_STRIDE = 1_000_003
"""A prime: seeds of different runs do not meet the steps of one another."""


def ground_side_px(chip_px: int, scale: int) -> int:
    """High-resolution pixels that one chip needs, context for blur and displacement included."""
    return (chip_px + 2 * MARGIN_PX) * scale


class SimulatedPairs:
    """Pairs drawn and simulated anew for every step; the step alone decides them.

    Args:
        n_revisits: numbers of dates to draw from, one number per batch (date dropout).
        chip_px: low-resolution side of a chip.
    """

    def __init__(
        self,
        folders: list[Folder],
        *,
        n_revisits: tuple[int, ...],
        chip_px: int,
        batch_size: int,
        seed: int,
        ranges: Degradation | None = None,
    ) -> None:
        self.folders = folders
        self.n_revisits = n_revisits
        self.batch_size = batch_size
        self.seed = seed
        self.ranges = ranges or Degradation()
        self.side_px = ground_side_px(chip_px, self.ranges.scale)

    def batch(self, step: int, shard: Shard = WHOLE) -> Batch:
        """The pairs of one step; all are drawn, whatever the shard, since they come from one generator."""
        generator = torch.Generator().manual_seed(self.seed * STEP_STRIDE + step)
        ground, names = draw_chips(self.folders, n=self.batch_size, side_px=self.side_px, generator=generator)
        which = int(torch.randint(len(self.n_revisits), (1,), generator=generator))
        series = simulate_series(
            ground,
            n_revisits=self.n_revisits[which],
            generator=generator,
            ranges=self.ranges,
            margin_px=MARGIN_PX,
        )
        mine = slice(shard.of(self.batch_size).start, shard.of(self.batch_size).stop)
        return Batch(series.low_res[mine], series.high_res[mine], names[mine])
