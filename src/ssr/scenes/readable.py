"""Which dates can be read, and on which grid do they meet?

A date that turns out to be damaged has no say in the grid, so all is decided anew without it.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssr.raster.gdal import CACHE_BYTES, LARGEST_CACHE_BYTES
from ssr.raster.grid import Grid
from ssr.raster.reader import RasterReader
from ssr.scenes.acquisition import Acquisition
from ssr.scenes.damage import Damage, is_local
from ssr.scenes.notes import Note
from ssr.scenes.opendate import OpenDate, open_date, open_layer
from ssr.scenes.promised import refuse_enlargement, shrunken
from ssr.scenes.radiometry import Layer, Rules, check_same_count, layers_of
from ssr.scenes.target import Seen
from ssr.scenes.thinning import thinning_step

ROWS_OF_BLOCKS = 1.5
"""Of every date that are kept decoded. Windows go along rows, so one row of blocks is needed again and again (with 0.9
of it reading takes four times as long, with half of it fifteen times); the next one only where windows lie across both.
"""

Series = NDArray[np.float32]
"""`t c h w` in unit range."""


class Prepared(NamedTuple):
    """A date before its files are opened for reading: its layers by piece, where they lie, and what is to be said."""

    date: Acquisition
    layers: tuple[tuple[Layer, ...], ...]
    seen: Seen
    notes: tuple[Note, ...]


class Readable(NamedTuple):
    """Dates that can be read, on one grid, and a thinned view of each."""

    prepared: Sequence[Prepared]
    grid: Grid
    dates: Sequence[OpenDate]
    view: Series


def prepare(date: Acquisition, rules: Rules) -> Prepared:
    """Open a date's files on their own grids, and close them again.

    Raises:
        InputError: not the wanted bands.
        ImageReadError: a file cannot be opened, or does not reach its end.
    """
    layers, notes, grids = [], [], []
    for piece in date.pieces:
        found, said = layers_of(piece, rules)
        own = _finest(found, to_the_end=is_local(date))
        is_small = shrunken(piece, own)
        layers.append(tuple(found))
        grids.append(own)
        notes += said + ([is_small] if is_small else [])
    return Prepared(date, tuple(layers), Seen(date.name, tuple(grids)), tuple(notes))


def _finest(layers: Sequence[Layer], *, to_the_end: bool) -> Grid:
    """The grid of the finest file of a piece.

    Args:
        to_the_end: look whether files reach their last pixel: of a JPEG 2000 that was cut off, a thinned view shows
            what is missing as no data.
    """
    grids = []
    for layer in layers:
        with open_layer(layer) as reader:
            own = reader.own_grid
            if to_the_end:
                height, width = own.shape_hw
                reader.read(slice(height - 1, height), slice(width - 1, width))
            grids.append(own)
    return min(grids, key=lambda grid: round(grid.pixel_size, 6))


def open_readable(
    prepared: Sequence[Prepared],
    rules: Rules,
    choose: Callable[[Sequence[Seen]], Grid],
    damage: Damage,
    opened: ExitStack,
) -> Readable:
    """Open dates on the grid that is chosen for them and look at each; without one that fails, all is chosen anew."""
    check_same_count([sum(len(layer.bands) for layer in piece) for one in prepared for piece in one.layers])
    grid = choose([one.seen for one in prepared])
    for one in prepared:
        for piece, own in zip(one.date.pieces, one.seen.grids, strict=True):
            refuse_enlargement(piece, own, grid)
    whole: list[Prepared] = []
    dates, views = [], []
    with ExitStack() as attempt:
        for one in prepared:
            with damage.leaves_out(one.date.name, is_local=is_local(one.date)):
                date = open_date(one.layers, rules.channels, on=grid, opened=attempt)
                views.append(date.read_thinned(thinning_step(grid.shape_hw)))
                dates.append(date)
                whole.append(one)
        damage.refuse_if_nothing_is_left(whole)
        if len(whole) == len(prepared):
            opened.push(attempt.pop_all())
            _share_cache([reader for date in dates for reader in date.readers])
            return Readable(whole, grid, dates, np.stack(views))
    return open_readable(whole, rules, choose, damage, opened)


def _share_cache(readers: Sequence[RasterReader]) -> None:
    needed = ROWS_OF_BLOCKS * sum(reader.block_row_bytes for reader in readers)
    for reader in readers:
        reader.cache_bytes = min(max(CACHE_BYTES, int(needed)), LARGEST_CACHE_BYTES)
