"""What do the results on one data set say, all together?"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from ssr.evaluation.statistics import Difference, Mean, Values, differences, means
from ssr.evaluation.table import Table

Better = Literal["higher", "lower"]
SIGNIFICANT_BELOW = 0.05
CLOUD_TERCILES = "cloud_tercile"
TERCILES = ("least cloud", "middle", "most cloud")
Means = dict[str, dict[str, Mean]]
"""By model, then by measure."""


@dataclass(frozen=True)
class Column:
    """A measure as tables show it.

    key: of its column; protocol: `corrected` or `original`.
    """

    key: str
    name: str
    protocol: str
    unit: str
    better: Better


@dataclass(frozen=True)
class Comparison:
    """Two models on the same chips, by measure: `first - second`."""

    first: str
    second: str
    differences: dict[str, Difference]


@dataclass(frozen=True)
class Breakdown:
    """Means by the values of one column; `why_not` says why there are none."""

    by: str
    means: dict[str, Means]
    n_samples: dict[str, int]
    why_not: str | None = None


@dataclass(frozen=True)
class Summary:
    """One data set.

    means: every sample with the most dates tested of it.
    by_dates: the same by number of dates.
    """

    dataset: str
    n_samples: int
    n_places: int | None
    means: Means
    comparisons: tuple[Comparison, ...]
    by_dates: dict[int, Means]
    breakdowns: tuple[Breakdown, ...]


def summarise(table: Table, dataset: str, columns: Sequence[Column], *, site: str | None, seed: int) -> Summary:
    """Statistics of the rows of one data set.

    Args:
        site: a regular expression whose first group is a sample's place.
    """
    rows = table.where(dataset=dataset)
    most = rows.with_most_dates()
    places = places_of(most.distinct("sample"), site)
    keys = [column.key for column in columns]
    numbers = sorted(rows.distinct("n_dates"))
    by_dates = {n: means_of(rows.where(n_dates=n), keys, places, seed) for n in numbers}
    breakdowns = [_by_column(most, group, keys, places, seed) for group in table.groups]
    return Summary(
        dataset,
        len(most.distinct("sample")),
        len(set(places.values())) if places else None,
        means_of(most, keys, places, seed),
        tuple(
            _compare(most, first, second, keys, places, seed)
            for first, second in combinations(most.distinct("model"), 2)
        ),
        by_dates if len(numbers) > 1 else {},
        (*breakdowns, _by_cloud(most, keys, places, seed)),
    )


def statement(comparison: Comparison, column: Column) -> str:
    """One sentence on one measure, with what it rests on."""
    first, second, found = comparison.first, comparison.second, comparison.differences[column.key]
    counted = f"n = {found.n}" + (f" chips of {found.n_units} places" if found.n_units != found.n else "")
    counted += f", {found.n_infinite} more with one infinite value left out" if found.n_infinite else ""
    if math.isnan(found.corrected):
        return f"{first} and {second} cannot be compared: {counted}"
    unit = f" {column.unit}" if column.unit else ""
    size = f"{first} − {second} = {found.value:+.3g}{unit} (95 %: {found.low:+.3g} to {found.high:+.3g}), "
    size += f"p = {found.corrected:.2g}, {counted}"
    if found.corrected >= SIGNIFICANT_BELOW or not found.value:
        return f"no significant difference: {size}"
    is_first = (found.value > 0) == (column.better == "higher")
    return f"{first if is_first else second} is better: {size}"


def means_of(table: Table, keys: Sequence[str], places: Mapping[str, str] | None, seed: int) -> Means:
    """Of each model."""
    found: Means = {}
    for model in table.distinct("model"):
        own = table.where(model=model)
        found[model] = dict(zip(keys, means(_matrix(own, keys), _in_order(own, places), seed=seed), strict=True))
    return found


def places_of(samples: Sequence[str], site: str | None) -> dict[str, str] | None:
    """The place of each sample; one whose name has none is a place of its own."""
    if site is None:
        return None
    found = {name: re.search(site, name) for name in samples}
    return {name: (match.group(1) or name) if match else name for name, match in found.items()}


def _compare(
    table: Table, first: str, second: str, keys: Sequence[str], places: Mapping[str, str] | None, seed: int
) -> Comparison:
    by_sample = [{row["sample"]: row for row in table.where(model=name).rows} for name in (first, second)]
    both = [name for name in by_sample[0] if name in by_sample[1]]
    first_rows, second_rows = (Table(tuple(rows[n] for n in both), table.groups, table.measures) for rows in by_sample)
    found = differences(_matrix(first_rows, keys), _matrix(second_rows, keys), _in_order(first_rows, places), seed=seed)
    return Comparison(first, second, dict(zip(keys, found, strict=True)))


def _by_column(
    table: Table, column: str, keys: Sequence[str], places: Mapping[str, str] | None, seed: int
) -> Breakdown:
    values = {row["sample"]: row[column] or "not stated" for row in table.rows}
    if len(set(values.values())) < 2:
        return Breakdown(column, {}, {}, f"all samples are {next(iter(values.values()))}")
    return _broken_down(column, values, table, keys, places, seed)


def _by_cloud(table: Table, keys: Sequence[str], places: Mapping[str, str] | None, seed: int) -> Breakdown:
    """Three parts of equal size; the same share of cloud is never in two parts."""
    shares = {row["sample"]: row["cloud_share"] for row in table.rows if row["cloud_share"] is not None}
    if len(shares) < len(table.distinct("sample")):
        return Breakdown(CLOUD_TERCILES, {}, {}, "telling cloud from ground takes at least three dates of every sample")
    edges = np.quantile(list(shares.values()), [1 / 3, 2 / 3]) if shares else np.zeros(2)
    values = {name: TERCILES[int((share > edges).sum())] for name, share in shares.items()}
    if len(set(values.values())) < 2:
        return Breakdown(CLOUD_TERCILES, {}, {}, "all samples are as cloudy as each other")
    return _broken_down(CLOUD_TERCILES, values, table, keys, places, seed)


def _broken_down(
    column: str,
    values: Mapping[str, str],
    table: Table,
    keys: Sequence[str],
    places: Mapping[str, str] | None,
    seed: int,
) -> Breakdown:
    order = (
        [v for v in TERCILES if v in values.values()]
        if column == CLOUD_TERCILES
        else sorted(set(values.values()), key=_by_number)
    )
    members = {value: [name for name, found in values.items() if found == value] for value in order}
    means = {value: means_of(table.only(names), keys, places, seed) for value, names in members.items()}
    return Breakdown(column, means, {value: len(names) for value, names in members.items()})


def _by_number(value: str) -> tuple[bool, float, str]:
    """Numbers by their size, before words."""
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value


def _matrix(table: Table, keys: Sequence[str]) -> Values:
    return np.stack([table.values(key) for key in keys], 1)


def _in_order(table: Table, places: Mapping[str, str] | None) -> list[str] | None:
    return None if places is None else [places[row["sample"]] for row in table.rows]


def as_plain(value: Any) -> Any:
    """For JSON, which has neither not-a-number nor infinity: both become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    return value
