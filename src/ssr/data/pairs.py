"""What does training receive at each step?"""

from typing import NamedTuple, Protocol

from torch import Tensor


class Batch(NamedTuple):
    """low_res `b t c h w`, high_res `b c H W`, both in [0, 1]; one name per chip for messages and logs."""

    low_res: Tensor
    high_res: Tensor
    names: tuple[str, ...]


class BatchSource(Protocol):
    """Batches addressed by step: the same step gives the same batch, so a resumed run sees what it would have seen."""

    def batch(self, step: int) -> Batch: ...
