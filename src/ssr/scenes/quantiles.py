"""Which value do a given share of the dates lie below, at every pixel, of the dates that have data there?"""

import numpy as np
from numpy.typing import NDArray


def quantile_of_dates(dates: NDArray[np.floating], share: float) -> NDArray[np.floating]:
    """Over the first axis, interpolated; NaN counts for nothing, 0 where there is nothing else.

    (NumPy's own goes pixel by pixel.)
    """
    ordered = np.sort(dates, axis=0)  # what is missing comes last
    place = share * np.maximum((~np.isnan(dates)).sum(0) - 1, 0)
    below = np.floor(place).astype(int)
    low, high = (np.take_along_axis(ordered, k[None], 0)[0] for k in (below, np.ceil(place).astype(int)))
    return np.nan_to_num(low + (high - low) * (place - below))
