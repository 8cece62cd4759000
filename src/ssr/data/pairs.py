"""What does training receive at each step?"""

from typing import NamedTuple, Protocol

from torch import Tensor

Box = tuple[int, int, int, int]
"""left, top, right, bottom in high-resolution pixels; right and bottom are outside."""


class Batch(NamedTuple):
    """low_res `b t c h w`, high_res `b 3 H W`, both in [0, 1]; one name per chip for messages and logs.

    old_high_res: `b 3 H W`, an earlier image of the same places, where the data set has them.
    objects: boxes of each chip, where the data set has them.
    """

    low_res: Tensor
    high_res: Tensor
    names: tuple[str, ...]
    old_high_res: Tensor | None = None
    objects: tuple[tuple[Box, ...], ...] | None = None


class Shard(NamedTuple):
    """The part of each batch that one process works on."""

    rank: int = 0
    n_ranks: int = 1

    def of(self, n: int) -> range:
        """Positions among `n`: contiguous, and as many in every process give or take one."""
        return range(self.rank * n // self.n_ranks, (self.rank + 1) * n // self.n_ranks)


WHOLE = Shard()


class BatchSource(Protocol):
    """Batches addressed by step: the same step gives the same batch, so a resumed run sees what it would have seen.

    Every process asks for its own shard of the same batch; what a sample is does not depend on the number of shards.
    """

    def batch(self, step: int, shard: Shard = WHOLE) -> Batch: ...
