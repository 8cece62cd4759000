"""Which subsets of the dates are compared with each other, to learn what of a result hangs on which date?

Two halves without a common date, dealt like cards from the ranked dates, so both have good and bad ones; and the
series without each date in turn. Of many dates groups are left out instead, dealt in the same way, so that every date
is left out exactly once in a bounded number of passes. How a network sees a subset is the one rule of
`scenes.ranking`: a network of n dates gets the subset's best repeated.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ssr.scenes.ranking import DatePlan, MoreDates, plan_dates

MAX_LEFT_OUT = 8
"""Series without something that are looked at, at most."""


class Subsets(NamedTuple):
    """Plans for the subsets of a series of at least two dates.

    halves: two plans without a common date.
    without: for each group of dates, the group and the plan for all other dates.
    """

    halves: tuple[DatePlan, DatePlan]
    without: tuple[tuple[frozenset[int], DatePlan], ...]

    @property
    def n_passes(self) -> int:
        """Passes of the network, equal subsets counted once."""
        plans = [*self.halves, *(plan for _, plan in self.without)]
        distinct: list[DatePlan] = []
        for plan in plans:
            if plan not in distinct:
                distinct.append(plan)
        return sum(len(plan.passes) for plan in distinct)


def plan_subsets(ranked: Sequence[int], n_wanted: int | None, *, more: MoreDates = "best") -> Subsets | None:
    """Subsets of the ranked dates, best first, each of them once; None where there are fewer than two.

    Args:
        n_wanted: dates the network takes; None when any number will do.
        more: what to do where a subset holds more dates than the network takes.
    """
    if len(ranked) < 2:
        return None
    n_groups = min(len(ranked), MAX_LEFT_OUT)
    groups = [frozenset(ranked[k::n_groups]) for k in range(n_groups)]
    first, second = (plan_dates(ranked[k::2], n_wanted, more=more) for k in (0, 1))
    rest = tuple(
        (group, plan_dates([date for date in ranked if date not in group], n_wanted, more=more)) for group in groups
    )
    return Subsets((first, second), rest)
