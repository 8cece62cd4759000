"""How do products, images and cubes of one place become one series that is read a window at a time?"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ssr.errors import SeriesError
from ssr.raster.gdal import CACHE_BYTES, LARGEST_CACHE_BYTES
from ssr.raster.grid import Grid
from ssr.raster.reader import RasterReader
from ssr.scenes.acquisition import Acquisition, Bands, in_order, merged
from ssr.scenes.aoi import Area
from ssr.scenes.inputs import find_acquisitions
from ssr.scenes.notes import Note, in_words
from ssr.scenes.period import Period
from ssr.scenes.radiometry import Layer, Rules, check_same_count, layers_of
from ssr.scenes.target import NATIVE, Extent, Seen, choose_grid
from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS
from ssr.sentinel2.radiometry import is_no_data

PREVIEW_PX = 512

Series = NDArray[np.float32]
"""`t c h w` in unit range."""


class OpenDate(NamedTuple):
    """The readers of each piece of a date; their channels follow one another."""

    pieces: tuple[tuple[RasterReader, ...], ...]


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
        channels: tuple[str, ...],
        notes: tuple[str, ...],
        opened: ExitStack,
    ) -> None:
        self._dates = dates
        self._opened = opened
        self._seen_channels = slice(0, TRUE_COLOUR_CHANNELS) if channels[0] == "tci" else slice(None)
        self.acquisitions = tuple(acquisitions)
        self.grid, self.shape_hw, self.notes = grid, grid.shape_hw, notes
        self.names = tuple(one.name for one in acquisitions)
        self.times: tuple[datetime | None, ...] = tuple(one.sensed for one in acquisitions)
        self.n_channels = sum(len(reader.bands) for reader in dates[0].pieces[0])

    @property
    def n_dates(self) -> int:
        return len(self._dates)

    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> Series:
        """A window of the given dates: `t c h w`; a repeated date is read once."""
        once = {
            date: self._joined([reader.read(rows, columns) for reader in piece] for piece in self._dates[date].pieces)
            for date in dict.fromkeys(dates)
        }
        return np.stack([once[date] for date in dates])

    def preview(self) -> Series:
        """Every date, thinned to at most about 512 rows and columns: `t c h w`."""
        step = max(1, -(-max(self.shape_hw) // PREVIEW_PX))
        return np.stack(
            [
                self._joined([reader.read_thinned(step) for reader in piece] for piece in date.pieces)
                for date in self._dates
            ]
        )

    def _joined(self, pieces: Iterator[Sequence[NDArray[np.float32]]]) -> NDArray[np.float32]:
        """Channels of the first piece that shows a pixel; no channel has data where true colour has none.

        Later pieces are read only where pixels are still missing.
        """
        out = np.concatenate(next(pieces))
        missing = is_no_data(out[self._seen_channels], 0)
        while missing.any() and (piece := next(pieces, None)) is not None:
            out[:, missing] = np.concatenate(piece)[:, missing]
            missing = is_no_data(out[self._seen_channels], 0)
        out[:, missing] = 0
        return out

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_series(
    inputs: Sequence[str | Path],
    *,
    rules: Rules | None = None,
    grid: str = NATIVE,
    extent: Extent = "intersection",
    area: Area | None = None,
    period: Period | None = None,
    band_names: tuple[str, ...] | None = None,
    leave_out: Sequence[Path] = (),
) -> SceneSeries:
    """Open any mix of Sentinel-2 products, images, cubes, folders of them and web addresses as one series.

    Args:
        inputs: `.SAFE` folders and zips, `.tif`, `.png`, `.jp2`, `.vrt`, `.nc`, `.zarr`, folders, `http(s)://`, `s3://`.
        rules: which channels are wanted and what the numbers mean.
        grid: `native`, `satlas`, or a coordinate system with an optional pixel size such as `EPSG:32633@10`.
        extent: the ground that all dates show, or that any shows.
        area: cut this out.
        period: leave out dates outside of it.
        band_names: the bands of plain rasters such as `("B02", "B03", "B04")`.
        leave_out: files of a folder that are no dates, such as results of an earlier run.

    Raises:
        InputError: an input holds no date, or not the wanted bands.
        ImageReadError: a file cannot be opened.
        SeriesError: no date is left, or the dates show no common ground.
    """
    rules = rules or Rules()
    opened = ExitStack()
    try:
        found = find_acquisitions(
            inputs, rules=rules, opened=opened, period=period, band_names=band_names, leave_out=leave_out
        )
        dates, notes = merged(in_order(_within(found, period)))
        layers, more = _layers(dates, rules)
        grids = [Seen(date.name, tuple(map(_finest, pieces))) for date, pieces in zip(dates, layers, strict=True)]
        notes += more + _shrunken(dates, grids)
        target = choose_grid(grids, grid=grid, extent=extent, area=area)
        notes += _resampled(grids, target)
        open_dates = [
            OpenDate(tuple(tuple(opened.enter_context(_open(layer, on=target)) for layer in piece) for piece in pieces))
            for pieces in layers
        ]
        _share_cache([reader for date in open_dates for piece in date.pieces for reader in piece])
        return SceneSeries(open_dates, dates, target, channels=rules.channels, notes=in_words(notes), opened=opened)
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


def _layers(dates: Sequence[Acquisition], rules: Rules) -> tuple[list[list[list[Layer]]], list[Note]]:
    """By date and piece; and what a user should know."""
    notes: list[Note] = []
    layers = []
    for date in dates:
        pieces = []
        for piece in date.pieces:
            found, said = layers_of(piece, rules)
            pieces.append(found)
            notes += said
        layers.append(pieces)
    check_same_count([sum(len(layer.bands) for layer in piece) for pieces in layers for piece in pieces])
    levels = {date.level for date in dates if date.level is not None}
    if len(levels) > 1:
        notes.append(Note("", "the series mixes L1C and L2A; dates of one level fit each other better"))
    return layers, notes


def _open(layer: Layer, *, on: Grid | None = None) -> RasterReader:
    return RasterReader(
        layer.name,
        bands=layer.bands,
        white_dn=layer.white_dn,
        to_unit=layer.to_unit,
        missing_dn=layer.missing_dn,
        on=on,
        label=layer.label,
    )


def _share_cache(readers: Sequence[RasterReader]) -> None:
    """Windows go along rows, so the blocks of a row of every date are needed again and again; twice, where two meet."""
    needed = 2 * sum(reader.block_row_bytes for reader in readers)
    for reader in readers:
        reader.cache_bytes = min(max(CACHE_BYTES, needed), LARGEST_CACHE_BYTES)


def _finest(layers: Sequence[Layer]) -> Grid:
    """The grid of the finest file of a piece."""
    grids = []
    for layer in layers:
        with _open(layer) as reader:
            grids.append(reader.own_grid)
    return min(grids, key=lambda grid: round(grid.pixel_size, 6))


def _shrunken(dates: Sequence[Acquisition], grids: Sequence[Seen]) -> list[Note]:
    """Products whose images are smaller than their metadata promise."""
    notes = []
    for date, seen in zip(dates, grids, strict=True):
        for piece, grid in zip(date.pieces, seen.grids, strict=True):
            full = piece.full_size_px if isinstance(piece, Bands) else None
            if full is not None and grid.shape_hw[1] < full:
                text = f"images are smaller than the {full} columns of 10 m that the metadata promise; read as they are"
                size = f"{grid.shape_hw[1]} columns of {grid.pixel_size:.5g} m"
                notes.append(Note(piece.label, text, size))
    return notes


def _resampled(grids: Sequence[Seen], target: Grid) -> list[Note]:
    moved = [seen.name for seen in grids if any(grid.steps_to(target) is None for grid in seen.grids)]
    return [Note(name, f"brought to {target}, bilinear") for name in moved]
