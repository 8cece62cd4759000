"""How do products, images and cubes of one place become one series that is read a window at a time?"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ssr.errors import ImageReadError, SeriesError
from ssr.raster.extent import natural_pixel
from ssr.raster.grid import Grid
from ssr.scenes.acquisition import Acquisition, in_order, merged
from ssr.scenes.aoi import Area
from ssr.scenes.arrays import Given, as_inputs
from ssr.scenes.classification import classes_of
from ssr.scenes.damage import Damage, is_local
from ssr.scenes.inputs import find_acquisitions
from ssr.scenes.learnedclouds import THINNED
from ssr.scenes.notes import Note, in_words
from ssr.scenes.opendate import OpenDate, open_date
from ssr.scenes.period import Period
from ssr.scenes.radiometry import Rules, check_bands, layers_of
from ssr.scenes.readable import Readable, Series, open_readable, prepare
from ssr.scenes.stac import StacQuery, find_stac_acquisitions
from ssr.scenes.target import NATIVE, Extent, choose_grid
from ssr.scenes.thinning import thinning_step

MUCH_FINER = 1.5


class SceneSeries:
    """Dates of one place on one grid, read together a window at a time.

    Attributes:
        grid: where the pixels lie.
        shape_hw: rows and columns.
        n_channels: channels of a date.
        names: what each date is called.
        times: when it was taken, None where nothing tells.
        acquisitions: what is known of it.
        notes: what a user should know.
    """

    def __init__(
        self,
        dates: Sequence[OpenDate],
        acquisitions: Sequence[Acquisition],
        grid: Grid,
        *,
        rules: Rules,
        view: Series,
        notes: tuple[str, ...],
        opened: ExitStack,
    ) -> None:
        self._dates = dates
        self._opened = opened
        self._rules = rules
        self._view: Series | None = view
        self.acquisitions = tuple(acquisitions)
        self.grid, self.shape_hw, self.notes = grid, grid.shape_hw, notes
        self.names = tuple(one.name for one in acquisitions)
        self.times: tuple[datetime | None, ...] = tuple(one.sensed for one in acquisitions)
        self.n_channels = dates[0].n_channels

    @property
    def n_dates(self) -> int:
        return len(self._dates)

    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> Series:
        """A window of the given dates: `t c h w`; a repeated date is read once.

        Raises:
            ImageReadError: a file is damaged there, which a thinned view did not show.
        """
        try:
            once = {date: self._dates[date].read(rows, columns) for date in dict.fromkeys(dates)}
        except ImageReadError as error:
            raise ImageReadError(f"{error}; get the file again or leave it out, and run the command again") from error
        return np.stack([once[date] for date in dates])

    def preview(self) -> Series:
        """Every date, thinned to at most about 512 rows and columns: `t c h w`."""
        view, self._view = self._view, None  # read when the dates were checked; not kept for the whole run
        if view is not None:
            return view
        return np.stack([date.read_thinned(thinning_step(self.shape_hw)) for date in self._dates])

    def classes(self, date: int) -> NDArray[np.uint8] | None:
        """The scene classification of a date in the pixels of the preview; None where it has none.

        Raises:
            ImageReadError: it cannot be decoded.
        """
        return classes_of(self.acquisitions[date], self.grid.coarser(thinning_step(self.shape_hw)))

    def reflectance(self, date: int, bands: Sequence[str]) -> Series:
        """Named bands of a date, thinned to at most about 512 rows and columns and to 60 m: `c h w`.

        Raises:
            InputError: the date has not all of them.
        """
        pieces = self.acquisitions[date].pieces
        check_bands(pieces, bands)
        rules = replace(self._rules, channels=tuple(bands), values="reflectance")
        layers = [layers_of(piece, rules)[0] for piece in pieces]
        with ExitStack() as opened:
            found = open_date(layers, rules.channels, on=self.grid, opened=opened)
            return found.read_thinned(max(thinning_step(self.shape_hw), THINNED))

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_series(
    inputs: "Given | Iterable[Given]",
    *,
    rules: Rules | None = None,
    grid: str = NATIVE,
    extent: Extent = "intersection",
    area: Area | None = None,
    period: Period | None = None,
    band_names: tuple[str, ...] | None = None,
    leave_out: Sequence[Path] = (),
    stac: StacQuery | None = None,
) -> SceneSeries:
    """Open any mix of Sentinel-2 products, images, cubes, folders of them and web addresses as one series.

    Args:
        inputs: `.SAFE` folders and zips, `.tif`, `.png`, `.jp2`, `.vrt`, `.nc`, `.zarr`, folders, `http(s)://`, `s3://`;
            what `series_from_array` gives; a `Dataset` or `DataArray` of xarray, read as its file would be.
        rules: which channels are wanted and what the numbers mean.
        grid: `native`, `satlas`, or a coordinate system with an optional pixel size such as `EPSG:32633@10`.
        extent: the ground that all dates show, or that any shows.
        area: cut this out.
        period: leave out dates outside of it.
        band_names: the bands of plain rasters such as `("B02", "B03", "B04")`.
        leave_out: files of a folder that are no dates, such as results of an earlier run.
        stac: a catalogue whose dates of this area and period belong to the series too; then `inputs` may be empty.

    Raises:
        InputError: an input holds no date, or not the wanted bands.
        ImageReadError: no date can be read; if some can, the damaged ones are left out and named in the notes.
        SeriesError: no date is left, the dates show no common ground, or shrunken images would be enlarged.
    """
    rules, inputs = rules or Rules(), as_inputs(inputs)
    opened, damage = ExitStack(), Damage()
    try:
        found: list[Acquisition] = []
        said: list[Note] = []
        if stac is not None:
            found, said = find_stac_acquisitions(stac, area=area, rules=rules, period=period, extent=extent)
        if inputs or stac is None:
            found += find_acquisitions(
                inputs,
                rules=rules,
                opened=opened,
                period=period,
                band_names=band_names,
                leave_out=leave_out,
                damage=damage,
            )
        dates, notes = merged(in_order(_within(found, period)))
        notes = [*said, *notes]
        prepared = []
        for date in dates:
            with damage.leaves_out(date.name, is_local=is_local(date)):
                prepared.append(prepare(date, rules))
        damage.refuse_if_nothing_is_left(prepared)
        choose = partial(choose_grid, grid=grid, extent=extent, area=area)
        readable = open_readable(prepared, rules, choose, damage, opened)
        notes += damage.notes + _notes(readable)
        return SceneSeries(
            readable.dates,
            [one.date for one in readable.prepared],
            readable.grid,
            rules=rules,
            view=readable.view,
            notes=in_words(notes),
            opened=opened,
        )
    except BaseException:
        opened.close()
        raise


def _within(found: Sequence[Acquisition], period: Period | None) -> list[Acquisition]:
    if period is None:
        return list(found)
    undated = [one.name for one in found if one.sensed is None]
    if undated:
        raise SeriesError(
            f"{undated[0]}: its date is not known, so --date cannot choose; put it into the name, such as "
            f"2021-06-01_{undated[0]}"
        )
    kept = [one for one in found if one.sensed is not None and period.holds(one.sensed)]
    if not kept:
        moments = sorted(one.sensed for one in found if one.sensed is not None)
        seen = (
            f"the {len(moments)} found are of {moments[0]:%Y-%m-%d} to {moments[-1]:%Y-%m-%d}"
            if moments
            else "none found"
        )
        raise SeriesError(f"no date lies within {period}; {seen}")
    return kept


def _notes(readable: Readable) -> list[Note]:
    notes = [note for one in readable.prepared for note in one.notes]
    levels = {one.date.level for one in readable.prepared if one.date.level is not None}
    if len(levels) > 1:
        notes.append(Note("", "the series mixes L1C and L2A; dates of one level fit each other better"))
    seen = [one.seen for one in readable.prepared]
    if (finer := _times_finer(readable)) > MUCH_FINER:
        text = (
            f"the grid's pixels are {finer:.1f} times finer than the dates': --grid names the pixels of the input, "
            f"which the model then makes finer still"
        )
        notes.append(Note("", text))
    moved = [one.name for one in seen if any(grid.steps_to(readable.grid) is None for grid in one.grids)]
    return notes + [Note(name, f"brought to {readable.grid}, bilinear") for name in moved]


def _times_finer(readable: Readable) -> float:
    """How much larger the finest pixel of the dates is than one of the grid they are read on."""
    grid = readable.grid
    if grid.crs is None:
        return 1.0
    own = min(natural_pixel(one, grid.crs) for date in readable.prepared for one in date.seen.grids)
    return own / grid.pixel_size
