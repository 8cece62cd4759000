"""How is a picture brought to another ground distance, a window at a time?

A coarser pixel is the mean of the ground that it covers, fractions of finer pixels included: what an instrument of
that resolution would collect, free of aliasing. A window gives the pixels that the whole picture would.
"""

import numpy as np
from numpy.typing import NDArray


def axis_weights(rows: slice, ratio: float, n_source: int) -> tuple[slice, NDArray[np.float32]]:
    """Source pixels along one axis that target pixels need, and weights `target source`, each row summing to one.

    Args:
        rows: of the target.
        ratio: source pixels that a target pixel spans; below 1 the source is interpolated linearly.
    """
    low = np.arange(rows.start, rows.stop) * ratio
    reach = 1.0 if ratio < 1 else 0.0
    start = max(int(np.floor(low[0] - reach)), 0)
    stop = min(int(np.ceil(low[-1] + ratio + reach)), n_source)
    source = np.arange(start, stop)
    if ratio < 1:
        centre = np.clip(low + ratio / 2 - 0.5, 0, n_source - 1)
        weights = np.clip(1 - np.abs(centre[:, None] - source), 0, None)
    else:
        weights = np.minimum(low[:, None] + ratio, source + 1) - np.maximum(low[:, None], source)
        weights = np.clip(weights, 0, None)
    return slice(start, stop), (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def weighted(
    pixels: NDArray[np.float32], row_weights: NDArray[np.float32], column_weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Rows and columns of `h w c` replaced by weighted sums."""
    rows = np.tensordot(row_weights, pixels, (1, 0))
    return np.ascontiguousarray(np.tensordot(column_weights, rows, (1, 1)).transpose(1, 0, 2))
