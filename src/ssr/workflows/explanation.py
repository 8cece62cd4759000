"""Which date served where, and why, for people and programs?"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from affine import Affine

from ssr.atomic import whole_file
from ssr.raster.grid import Grid
from ssr.raster.writer import write_raster
from ssr.scenes.choice import Choice
from ssr.scenes.series import SceneSeries
from ssr.scenes.slots import USELESS

EMPTY = 0
"""In the raster of dates: nothing served here. Dates are counted from 1."""


@dataclass(frozen=True)
class DateReport:
    """What became of one date.

    number: its number in the raster of dates.
    hidden, served: shares of the scene in which no ground is seen, and in which it was used.
    told_by: who told what is hidden: colours, and what else.
    displaced_px: how far it lies beside the best date at most; None where that was not or could not be measured.
    """

    number: int
    name: str
    time: str | None
    hidden: float
    told_by: str
    served: float
    displaced_px: float | None
    why: str


def explanation_paths(out: Path) -> list[Path]:
    """`out.dates.json` and `out.dates.tif` beside `out.tif`."""
    return [out.with_suffix(".dates.json"), out.with_suffix(".dates.tif")]


def reports_of(series: SceneSeries, choice: Choice) -> tuple[DateReport, ...]:
    """Of every date that was found, in the order of the series."""
    reports = []
    for account in choice.accounts:
        moment, alignment = series.times[account.date], account.alignment
        is_known = alignment is not None and alignment.n_believed > 0
        reports.append(
            DateReport(
                account.date + 1,
                series.names[account.date],
                moment.isoformat() if moment else None,
                account.hidden,
                account.told_by,
                account.served,
                round(alignment.largest_px, 3) if alignment is not None and is_known else None,
                _why(series, choice, account.date),
            )
        )
    return tuple(reports)


def _why(series: SceneSeries, choice: Choice, date: int) -> str:
    account = choice.accounts[date]
    if account.double_of is not None:
        return f"left out: another copy of {series.names[account.double_of]}"
    said = []
    if date == choice.reference:
        said.append("best: most ground seen, least veil")
    elif account.served == 1:
        said.append("among the best, used everywhere")
    elif account.served > 0:
        said.append("used where it is clearer than others" if choice.slots.is_mixed else "used")
    elif (choice.slots.obstruction[date] > USELESS).all():
        said.append(f"shows no ground that could be used: {account.hidden:.0%} hidden")
    else:
        said.append("not needed: others show more")
    if account.alignment is not None:
        said.append(account.alignment.told())
    if account.look is not None:
        gain, bias = (", ".join(f"{value:.3f}" for value in values) for values in account.look)
        said.append(f"brought to the look of the series (gain {gain}; bias {bias})")
    return "; ".join(said)


def write_explanation(out: Path, series: SceneSeries, choice: Choice, reports: tuple[DateReport, ...]) -> None:
    """Both files. The raster has a band for each image that the network sees: the number of the date at each node."""
    told, raster = explanation_paths(out)
    slots = choice.slots
    document = {
        "dates": [asdict(report) for report in reports],
        "images": [[choice_name + 1 for choice_name in np.unique(one[one >= 0]).tolist()] for one in slots.dates],
        "seen_by_the_network": choice.plan.dates,
        "notes": [*series.notes, *choice.notes],
    }
    with whole_file(told) as part:
        part.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (rows, columns), (height, width) = slots.lattice.shape, series.grid.shape_hw
    nodes = Grid(series.grid.crs, series.grid.transform @ Affine.scale(width / columns, height / rows), (rows, columns))
    names = tuple(f"image {k + 1}" for k in range(slots.n_slots))
    numbers = (slots.dates + 1).astype(np.min_scalar_type(series.n_dates))
    tags = {"SSR_EXPLAINS": out.name}  # so that it is not taken for a date
    write_raster(raster, numbers, nodes, band_names=names, tags=tags, overwrite=True)
