"""Which chips are worth a look: those that a model does best, middling and worst?"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from ssr.evaluation.summary import Column
from ssr.evaluation.table import Table

USUALLY = "cpsnr"


class Choice(NamedTuple):
    """One chip, and why it was chosen.

    number: of the sample in its data set; value: of the model by the measure.
    """

    which: str
    sample: str
    number: int
    value: float


def choose_column(columns: Sequence[Column], wanted: str | None) -> Column | None:
    """The measure that decides; None where the wanted one was not taken."""
    by_key = {column.key: column for column in columns}
    if wanted is not None:
        return by_key.get(wanted)
    return by_key.get(USUALLY, columns[0])


def choose_chips(table: Table, *, model: str, column: Column, n_each: int) -> list[Choice]:
    """Best, middle and worst chips of one data set at their most dates; a chip is shown once."""
    rows = table.with_most_dates().where(model=model).rows
    scored = [row for row in rows if row[column.key] is not None and not math.isnan(row[column.key])]
    sign = -1 if column.better == "higher" else 1
    ranked = sorted(scored, key=lambda row: (sign * row[column.key], row["number"]))
    n = len(ranked)
    if n == 1:
        return [Choice("only", ranked[0]["sample"], ranked[0]["number"], ranked[0][column.key])]
    middle = range((n - n_each) // 2, (n - n_each) // 2 + n_each)
    wanted = {"best": range(n_each), "median": middle, "worst": range(n - n_each, n)}
    chosen: dict[int, str] = {}
    for which, places in wanted.items():
        for place in places:
            if 0 <= place < n:
                chosen.setdefault(place, which)
    return [
        Choice(which, ranked[k]["sample"], ranked[k]["number"], ranked[k][column.key])
        for k, which in sorted(chosen.items())
    ]
