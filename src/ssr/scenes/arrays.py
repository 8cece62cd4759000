"""How does a series in memory stand in for one on disk?"""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ssr.errors import SeriesError
from ssr.raster.grid import Grid
from ssr.scenes.thinning import thinning_step
from ssr.sentinel2.radiometry import TCI_PEAK_DN


class ArraySeries:
    """Dates in memory with the attributes and methods of `SceneSeries`."""

    def __init__(
        self, frames: NDArray[np.float32], grid: Grid, names: tuple[str, ...], times: tuple[datetime | None, ...]
    ) -> None:
        self._frames = frames
        self.grid, self.shape_hw = grid, grid.shape_hw
        self.names, self.times = names, times
        self.notes: tuple[str, ...] = ()
        self.n_dates, self.n_channels = frames.shape[:2]

    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> NDArray[np.float32]:
        """A window of the given dates: `t c h w`."""
        return self._frames[list(dates), :, rows, columns]

    def preview(self) -> NDArray[np.float32]:
        """Every date, thinned to at most about 512 rows and columns: `t c h w`."""
        step = thinning_step(self.shape_hw)
        return self._frames[..., ::step, ::step]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        return


def series_from_array(
    frames: NDArray[np.generic],
    *,
    grid: Grid | None = None,
    names: Sequence[str] | None = None,
    times: Sequence[datetime | None] | None = None,
) -> ArraySeries:
    """A series from `t c h w`: bytes of true colour, or floats in unit range; all channels zero is no data.

    Args:
        frames: the dates.
        grid: where they lie; by default nowhere.
        names: what the dates are called; by default `date 1`, `date 2`, …
        times: when they were taken.

    Raises:
        SeriesError: another shape or kind of number, numbers out of range, or counts that differ.
    """
    if frames.ndim != 4 or 0 in frames.shape:
        raise SeriesError(f"the array has shape {frames.shape}, expected dates, channels, rows and columns")
    if frames.dtype == np.uint8:
        unit = frames.astype(np.float32) / np.float32(TCI_PEAK_DN)
    elif frames.dtype.kind == "f":
        unit = frames.astype(np.float32)
        if not (np.isfinite(unit).all() and unit.min() >= 0 and unit.max() <= 1):
            raise SeriesError("the array holds numbers outside of 0…1 or not finite; bring it to unit range first")
    else:
        raise SeriesError(f"the array holds {frames.dtype} numbers, expected bytes, or floats in unit range")
    shape_hw = (frames.shape[2], frames.shape[3])
    place = grid or Grid(None, Affine.identity(), shape_hw)
    if place.shape_hw != shape_hw:
        raise SeriesError(f"the array has {shape_hw} rows and columns, the grid {place.shape_hw}")
    called = tuple(names) if names is not None else tuple(f"date {k + 1}" for k in range(len(frames)))
    taken = tuple(times) if times is not None else (None,) * len(frames)
    if not len(called) == len(taken) == len(frames):
        raise SeriesError(f"{len(called)} name(s) and {len(taken)} time(s) for {len(frames)} dates")
    return ArraySeries(unit, place, called, taken)
