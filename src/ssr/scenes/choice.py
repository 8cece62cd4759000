"""Which dates of a scene does a network see, where, and what was done to them?

Where the ground is hidden is found in a thinned view of the whole scene; dates are ranked by how much ground they
show; the best have a slot each, others stand in for them place by place (`slots`); dates that lie beside the best are
brought back (`coregistration`); and where dates meet in a slot all take on the look of the series (`normalisation`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ssr.scenes.composite import Composite, Dates
from ssr.scenes.coregistration import DateAlignment, align
from ssr.scenes.normalisation import Look, fit_looks
from ssr.scenes.ranking import DatePlan, MoreDates, plan_dates, rank_by_sight
from ssr.scenes.sight import Clouds, find_hidden
from ssr.scenes.slots import Slots, plan_slots
from ssr.scenes.thinning import at_pixels
from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS
from ssr.sentinel2.radiometry import is_no_data

HIDDEN = 0.5
"""Obstruction from which a pixel says nothing of where a date lies."""
SAME_UNIT = 2.5 / 255
"""Two products of one acquisition differ by the rounding of their processing, two acquisitions by more."""
LEAST_SHARED = 0.2
LARGEST_DIFFERENCE_AT = 0.99


class Scene(Dates, Protocol):
    """Dates of a place that can be looked at as a whole."""

    @property
    def n_dates(self) -> int: ...
    def preview(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class DateAccount:
    """What became of a date.

    hidden: share of the scene in which it shows no ground.
    told_by: who told that: colours, and what else.
    served: share of the scene in which it has a slot.
    double_of: the date of which it is another copy, and for which it was left out.
    """

    date: int
    hidden: float
    told_by: str
    served: float
    double_of: int | None
    alignment: DateAlignment | None
    look: Look | None


@dataclass(frozen=True)
class Choice:
    """A series made of a scene's dates, and how.

    series: its dates are slots.
    plan: which slots the network sees.
    ranked: slots, best first.
    reference: the best date, to which the others were compared.
    notes: what a user should know of the choice.
    """

    series: Composite
    slots: Slots
    plan: DatePlan
    ranked: tuple[int, ...]
    reference: int
    accounts: tuple[DateAccount, ...]
    notes: tuple[str, ...] = ()

    @property
    def dates_used(self) -> list[int]:
        """In the order of the scene."""
        return self.slots.dates_used()


def choose(
    scene: Scene,
    *,
    n_wanted: int | None,
    at_most: int | None = None,
    more: MoreDates = "best",
    by_place: bool = True,
    tolerated_px: float | None = 0.0,
    clouds: Clouds = "auto",
) -> Choice:
    """Look at a scene and decide.

    Args:
        n_wanted: dates that the network takes, None for any number.
        at_most: slots, and no more.
        more: of more dates than the network takes, see the `best`, or `average` over all in several passes.
        by_place: let others stand in where one of the best is hidden; else the best serve everywhere.
        tolerated_px: displacement between dates that the network makes up for by itself; None compares none.
        clouds: who tells where ground is hidden (`sight.find_hidden`).

    Raises:
        InputError: the mask that is asked for cannot be had.
    """
    view = scene.preview()
    sight = find_hidden(scene, view, clouds)
    hidden = sight.hidden
    in_order = rank_by_sight(view, hidden)
    doubles = find_doubles(view, in_order)
    ranked = [date for date in in_order if date not in doubles]
    n_slots = min(n for n in (len(ranked), at_most, n_wanted if more == "best" else None) if n is not None)
    offered = ranked if by_place else ranked[:n_slots]
    slots = plan_slots(
        hidden if by_place else np.zeros_like(hidden),
        scene.shape_hw,
        ranked=offered,
        n_slots=n_slots,
        repeats=n_wanted is not None,
    )
    used = slots.dates_used()
    looks: list[Look | None] = [None] * scene.n_dates
    if slots.is_mixed:
        looks = [look if date in used else None for date, look in enumerate(fit_looks(view, hidden))]
    alignments = _alignments(scene, hidden, ranked[0], used, tolerated_px)
    bases = sorted(ranked[:n_slots])
    slots_ranked = [bases.index(date) for date in ranked[:n_slots]]
    accounts = tuple(
        DateAccount(
            date,
            round(float(hidden[date].mean()), 4),
            sight.told_by[date],
            round(slots.share_served(date), 4),
            doubles.get(date),
            alignments[date],
            looks[date],
        )
        for date in range(scene.n_dates)
    )
    plan = plan_dates(slots_ranked, n_wanted, more=more)
    composite = Composite(scene, slots, alignments, looks)
    return Choice(composite, slots, plan, tuple(slots_ranked), ranked[0], accounts, sight.notes)


def find_doubles(view: NDArray[np.floating], ranked: Sequence[int]) -> dict[int, int]:
    """Dates that are a copy of a better one, and of which: they would pass for agreement between two."""
    missing = is_no_data(view, 1)
    doubles: dict[int, int] = {}
    for k, date in enumerate(ranked):
        for better in ranked[:k]:
            shared = ~(missing[date] | missing[better])
            if better in doubles or shared.mean() < LEAST_SHARED:
                continue
            difference = np.abs(view[date] - view[better]).max(0)[shared]
            if np.quantile(difference, LARGEST_DIFFERENCE_AT) <= SAME_UNIT:
                doubles[date] = better
                break
    return doubles


def _alignments(
    scene: Scene, hidden: NDArray[np.floating], reference: int, used: Sequence[int], tolerated_px: float | None
) -> list[DateAlignment | None]:
    found: list[DateAlignment | None] = [None] * scene.n_dates
    if tolerated_px is None:
        return found

    kept: dict[tuple[int, int], NDArray[np.float32]] = {}

    def read(rows: slice, columns: slice, date: int) -> NDArray[np.float32]:
        if date != reference:
            return scene.read(rows, columns, [date])[0, :TRUE_COLOUR_CHANNELS]
        at = rows.start, columns.start
        if at not in kept:
            kept[at] = scene.read(rows, columns, [date])[0, :TRUE_COLOUR_CHANNELS]
        return kept[at]

    for date in used:
        if date != reference:
            both = np.maximum(hidden[date], hidden[reference]) < HIDDEN
            found[date] = align(
                read,
                scene.shape_hw,
                date=date,
                reference=reference,
                is_usable=partial(at_pixels, both, shape_hw=scene.shape_hw),
                tolerated_px=tolerated_px,
            )
    return found
