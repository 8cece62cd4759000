"""How does a batch pass through a network in parts, for memory, as if it were whole?

Losses are means over chips, so a part weighs by its share of them.
"""

from collections.abc import Mapping
from itertools import pairwise

from torch import Tensor

from ssr.data.pairs import Batch


def slices_of(n_chips: int, n_parts: int) -> list[slice]:
    """Contiguous parts of one size give or take one; fewer where there are not so many chips."""
    n_parts = min(n_parts, n_chips)
    return [slice(a, b) for a, b in pairwise(k * n_chips // n_parts for k in range(n_parts + 1))]


def parts_of(batch: Batch, n_parts: int) -> list[tuple[Batch, float]]:
    """Parts of a batch, each with its share of the chips."""
    n = len(batch.names)
    return [(_cut(batch, chips), (chips.stop - chips.start) / n) for chips in slices_of(n, n_parts)]


def gather(figures: dict[str, Tensor], values: Mapping[str, Tensor], share: float = 1.0) -> None:
    """Add a part's figures to those of the batch, without their gradients."""
    for name, value in values.items():
        part = share * value.detach()
        figures[name] = figures[name] + part if name in figures else part


def _cut(batch: Batch, chips: slice) -> Batch:
    return Batch(
        batch.low_res[chips],
        batch.high_res[chips],
        batch.names[chips],
        None if batch.old_high_res is None else batch.old_high_res[chips],
        None if batch.objects is None else batch.objects[chips],
    )
