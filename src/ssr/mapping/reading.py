"""How does a cell become the series that the network sees, alike to that of its neighbours where they meet?"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssr.mapping.cells import Cell
from ssr.mapping.placewise import REACH_PX as CHOICE_REACH_PX
from ssr.mapping.placewise import (
    STEP_PX,
    Corner,
    Identity,
    LookedAlike,
    fit_look_field,
    hidden_of,
    margin_px,
    plan_places,
)
from ssr.mapping.registering import REACH_PX as ALIGNMENT_REACH_PX
from ssr.mapping.registering import Looked, ReadWindow, find_alignments
from ssr.mapping.sources import Source, identity_of
from ssr.raster.grid import Grid
from ssr.scenes.acquisition import Acquisition, in_order, merged
from ssr.scenes.classification import classes_of, with_classes
from ssr.scenes.composite import Composite
from ssr.scenes.coregistration import MARGIN_PX, DateAlignment
from ssr.scenes.opendate import OpenDate, open_date
from ssr.scenes.promised import refuse_enlargement
from ssr.scenes.radiometry import Rules
from ssr.scenes.readable import Prepared, prepare
from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS

KEPT_DATES = 256
"""Whose files need not be looked at again for the next cell."""

Series = NDArray[np.float32]
"""`t c h w` in unit range."""


class CellSeries(NamedTuple):
    """What the network sees of a cell and the ground around it.

    corner: of its first pixel.
    dates: names of those that serve somewhere, latest last.
    """

    pixels: Series
    corner: Corner
    dates: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """How series are read: the same for all cells.

    Attributes:
        inner_px: what the windows of the network read around a cell.
        n_slots: images in a series.
        repeats: slots that would be empty hold the best dates again.
        keeps_empty: slots without any date are kept, because trust counts them.
        with_classes: a product's own classification has a say in what is hidden.
        tolerated_px: displacement of dates that the network makes up for; None: dates are left where they lie.
    """

    rules: Rules
    inner_px: int
    n_slots: int
    repeats: bool
    keeps_empty: bool
    with_classes: bool
    tolerated_px: float | None

    @property
    def margin_px(self) -> int:
        """How far around a cell its dates are looked at."""
        return margin_px(self.inner_px, max(CHOICE_REACH_PX + MARGIN_PX, ALIGNMENT_REACH_PX))


def read_cell(cell: Cell, sources: Sequence[Source], reading: Reading) -> CellSeries:
    """The series of a cell.

    Raises:
        InputError: a file lacks bands, cannot be opened or is damaged; the cell cannot be done then, for its
            neighbours could not know that a date is left out.
    """
    rules, margin, inner = reading.rules, reading.margin_px, reading.inner_px
    around = cell.grid(margin)
    acquisitions, _ = merged(in_order([source.acquisition for source in sources]))
    identities = [identity_of(one) for one in acquisitions]
    at = Corner(cell.row - margin, cell.column - margin)
    # Dates that are moved show at the edge what lies beyond it, so a little more is made than is kept.
    corner = Corner(cell.row - inner - MARGIN_PX, cell.column - inner - MARGIN_PX)
    side = cell.side_px + 2 * (inner + MARGIN_PX)
    kept_px = slice(MARGIN_PX, side - MARGIN_PX)
    with _opened(acquisitions, rules, around) as dates:
        view = np.stack([date.read_thinned(STEP_PX) for date in dates])
        hidden = _hidden(view, acquisitions, around, reading)
        slots = plan_places(
            hidden, identities, at, corner, (side, side), n_slots=reading.n_slots, repeats=reading.repeats
        )
        used = slots.dates_used()
        alignments: list[DateAlignment | None] = [None] * len(dates)
        if reading.tolerated_px is not None:
            alignments = find_alignments(
                Looked(at, identities, hidden, _true_colour(dates)),
                corner,
                (side, side),
                used=used,
                n_slots=reading.n_slots,
                tolerated_px=reading.tolerated_px,
            )
        looks = fit_look_field(view, hidden, at, corner, (side, side))
        read = _Inside(dates, (side, side), margin - inner - MARGIN_PX)
        composite = Composite(LookedAlike(read, looks), slots, alignments, [None] * len(dates))
        kept = [
            slot for slot in range(slots.n_slots) if reading.keeps_empty or (slots.dates[slot] >= 0).any() or not used
        ]
        pixels = composite.read(kept_px, kept_px, kept)
    return CellSeries(pixels, Corner(cell.row - inner, cell.column - inner), _names(acquisitions, identities, used))


def _true_colour(dates: Sequence[OpenDate]) -> ReadWindow:
    return lambda rows, columns, date: dates[date].read(rows, columns)[:TRUE_COLOUR_CHANNELS]


@dataclass(frozen=True)
class _Inside:
    """The inner part of dates that were opened on a larger grid."""

    dates: Sequence[OpenDate]
    shape_hw: tuple[int, int]
    start: int

    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> Series:
        moved = [slice(part.start + self.start, part.stop + self.start) for part in (rows, columns)]
        return np.stack([self.dates[date].read(*moved) for date in dates])


def _hidden(view: Series, dates: Sequence[Acquisition], around: Grid, reading: Reading) -> NDArray[np.float32]:
    hidden = hidden_of(view)
    if not reading.with_classes:
        return hidden
    for k, date in enumerate(dates):
        classes = classes_of(date, around.coarser(STEP_PX))
        if classes is not None:
            missing = hidden[k] >= 1
            hidden[k] = np.where(missing, 1, with_classes(hidden[k], classes))
    return hidden


@contextmanager
def _opened(acquisitions: Sequence[Acquisition], rules: Rules, grid: Grid) -> Iterator[list[OpenDate]]:
    with ExitStack() as opened:
        dates = []
        for one in acquisitions:
            prepared = _prepared(_Frozen(one, rules))
            for piece, own in zip(one.pieces, prepared.seen.grids, strict=True):
                refuse_enlargement(piece, own, grid)
            dates.append(open_date(prepared.layers, rules.channels, on=grid, opened=opened))
        yield dates


class _Frozen:
    """A date and rules as a key: by what they are called, for bands are mappings that have no hash."""

    def __init__(self, acquisition: Acquisition, rules: Rules) -> None:
        self.acquisition, self.rules = acquisition, rules
        self._key = repr((acquisition, rules))

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and self._key == other._key


@lru_cache(maxsize=KEPT_DATES)
def _prepared(key: _Frozen) -> Prepared:
    """Files are looked at once by a worker: what their numbers mean, and whether they reach their end."""
    return prepare(key.acquisition, key.rules)


def _names(dates: Sequence[Acquisition], identities: Sequence[Identity], used: Sequence[int]) -> tuple[str, ...]:
    return tuple(dates[k].name for k in sorted(used, key=lambda k: identities[k]))
