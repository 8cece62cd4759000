"""How does a batch pass through a network in parts, for memory, as if it were whole?"""

from ssr.data.pairs import Batch


def parts_of(batch: Batch, n_parts: int) -> list[Batch]:
    """Contiguous parts of one size give or take one; fewer where there are not so many chips.

    A loss that is a mean over chips weighs each part by `share`.
    """
    n = len(batch.names)
    n_parts = min(n_parts, n)
    bounds = [k * n // n_parts for k in range(n_parts + 1)]
    return [_cut(batch, slice(start, stop)) for start, stop in zip(bounds, bounds[1:], strict=False)]


def share(part: Batch, batch: Batch) -> float:
    """Of a batch's chips, those of a part."""
    return len(part.names) / len(batch.names)


def _cut(batch: Batch, chips: slice) -> Batch:
    return Batch(
        batch.low_res[chips],
        batch.high_res[chips],
        batch.names[chips],
        None if batch.old_high_res is None else batch.old_high_res[chips],
        None if batch.objects is None else batch.objects[chips],
    )
