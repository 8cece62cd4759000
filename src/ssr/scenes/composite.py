"""How do dates that serve different parts of a scene become a series of whole images?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ssr.scenes.coregistration import DateAlignment, read_aligned
from ssr.scenes.normalisation import Look
from ssr.scenes.slots import Slots
from ssr.sentinel2.radiometry import is_no_data


class Dates(Protocol):
    """Windows of the dates of a place, `t c h w` in unit range."""

    @property
    def shape_hw(self) -> tuple[int, int]: ...
    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Composite:
    """A series whose dates are slots: each pixel from the date that serves it, brought into place and look.

    Args:
        alignments, looks: of each date of the series; None leaves a date as it is.
    """

    series: Dates
    slots: Slots
    alignments: Sequence[DateAlignment | None]
    looks: Sequence[Look | None]

    @property
    def shape_hw(self) -> tuple[int, int]:
        return self.series.shape_hw

    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> NDArray[np.float32]:
        """Windows of the given slots, `t c h w`; every date is read once."""
        weights = {slot: self.slots.weights(slot, rows, columns) for slot in dict.fromkeys(dates)}
        needed = sorted({date for of_slot in weights.values() for date in of_slot})
        pixels = {date: self._date(rows, columns, date) for date in needed}
        if not pixels:
            some = self.series.read(rows, columns, [0])
            return np.zeros((len(dates), *some.shape[1:]), np.float32)
        once = {slot: _mixed(pixels, of_slot) for slot, of_slot in weights.items()}
        return np.stack([once[slot] for slot in dates])

    def _date(self, rows: slice, columns: slice, date: int) -> NDArray[np.float32]:
        alignment, look = self.alignments[date], self.looks[date]
        if alignment is None:
            pixels = self._raw(rows, columns, date)
        else:
            pixels = read_aligned(self._raw, self.shape_hw, rows, columns, date, alignment)
        return pixels if look is None else look.of_series(pixels)

    def _raw(self, rows: slice, columns: slice, date: int) -> NDArray[np.float32]:
        return self.series.read(rows, columns, [date])[0]


def _mixed(pixels: dict[int, NDArray[np.float32]], weights: dict[int, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Weighted mean of the dates that have data; none where less than half of the weight has."""
    shape = next(iter(pixels.values())).shape
    total, weight_of_data = np.zeros(shape, np.float32), np.zeros(shape[1:], np.float32)
    for date, weight in weights.items():
        seen = weight * ~is_no_data(pixels[date], 0)
        total += seen * pixels[date]
        weight_of_data += seen
    has_data = weight_of_data >= 0.5
    return np.where(has_data, total / np.maximum(weight_of_data, 1e-6), 0).astype(np.float32)
