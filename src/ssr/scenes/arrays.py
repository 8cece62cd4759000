"""How does a series in memory stand in for one on disk?"""

import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias, TypeGuard

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ssr.errors import InputError, SeriesError
from ssr.raster.gdal import without_secrets
from ssr.raster.grid import Grid
from ssr.raster.memory import memory_raster
from ssr.scenes.acquisition import Acquisition, Picture
from ssr.scenes.cubes import Cube, name_of_cube
from ssr.scenes.thinning import thinning_step
from ssr.sentinel2.radiometry import TCI_PEAK_DN

if TYPE_CHECKING:
    import xarray as xr

Given: TypeAlias = "str | Path | ArraySeries | xr.Dataset | xr.DataArray"
"""What holds dates: a path or an address, an array with its place, a cube that is open."""


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
        names: what the dates are called; by default `date 1`, `date 2`, …, of one length.
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
    digits = len(str(len(frames)))
    called = tuple(names) if names is not None else tuple(f"date {k + 1:0{digits}}" for k in range(len(frames)))
    taken = tuple(times) if times is not None else (None,) * len(frames)
    if not len(called) == len(taken) == len(frames):
        raise SeriesError(f"{len(called)} name(s) and {len(taken)} time(s) for {len(frames)} dates")
    return ArraySeries(unit, place, called, taken)


def dates_of_arrays(arrays: Iterable[ArraySeries], opened: ExitStack) -> list[Acquisition]:
    """Their dates as those of files; times without a zone are in UTC.

    Args:
        opened: what keeps them in memory.
    """
    found = []
    for series in arrays:
        rows, columns = (slice(0, side) for side in series.shape_hw)
        for date, (name, moment) in enumerate(zip(series.names, series.times, strict=True)):
            raster = memory_raster(series.read(rows, columns, [date])[0], series.grid)
            sensed = moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
            piece = Picture(name, opened.enter_context(raster), is_unit=True)
            found.append(Acquisition(name, sensed, (piece,)))
    return found


def as_inputs(given: "Given | Iterable[Given]") -> list[Given]:
    """One input or several as a list.

    Raises:
        InputError: something that holds no dates.
    """
    listed: list[object] = [given] if _is_input(given) or not isinstance(given, Iterable) else list(given)
    inputs = [one for one in listed if _is_input(one)]
    if len(inputs) < len(listed):
        kind = next(type(one).__name__ for one in listed if not _is_input(one))
        raise InputError(
            f"no series can be read from an object of type {kind}; expected paths and addresses, an array with its "
            f"place (series_from_array), or a Dataset or DataArray of xarray with axes time, y and x"
        )
    return inputs


def by_kind(inputs: Iterable[Given]) -> "tuple[list[str | Path], list[Cube], list[ArraySeries]]":
    """Paths and addresses, cubes that are open, and arrays."""
    paths: list[str | Path] = []
    cubes: list[Cube] = []
    arrays: list[ArraySeries] = []
    for given in inputs:
        if isinstance(given, str | Path):
            paths.append(given)
        elif isinstance(given, ArraySeries):
            arrays.append(given)
        else:
            cubes.append(given)
    return paths, cubes, arrays


def name_of_input(given: Given) -> str:
    """What messages call it."""
    if isinstance(given, ArraySeries):
        return f"array of {given.n_dates} dates"
    return without_secrets(str(given)) if isinstance(given, str | Path) else name_of_cube(given)


def _is_input(one: object) -> TypeGuard[Given]:
    if isinstance(one, str | Path | ArraySeries):
        return True
    xarray = sys.modules.get("xarray")  # who has not imported it holds nothing of it
    return xarray is not None and isinstance(one, xarray.Dataset | xarray.DataArray)
