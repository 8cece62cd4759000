import json
import math

import pytest

from ssr.evaluation.examples import choose_chips, choose_column
from ssr.evaluation.summary import Column, as_plain, places_of, statement, summarise
from ssr.evaluation.table import joined
from ssr.evaluation.told import averages, columns_of, figure
from tests.unit.evaluation.results import MAE, PSNR, table_of

ORIGINAL = Column("cpsnr@original", "cpsnr", "original", "dB", "higher")
CORRECTED = Column("cpsnr", "cpsnr", "corrected", "dB", "higher")
GOOD, BAD = [0.1] * 10, [0.1 + 0.01 * k for k in range(1, 11)]


def test_tables_are_of_the_most_dates_of_each_sample() -> None:
    table = table_of({"a": {1: [1.0, 3.0], 4: [5.0, 7.0]}})
    summary = summarise(table, "data", [MAE], site=None, seed=0)
    assert summary.n_samples == 2
    assert summary.means["a"]["mae"].value == 6.0
    assert {n: means["a"]["mae"].value for n, means in summary.by_dates.items()} == {1: 2.0, 4: 6.0}


def test_one_number_of_dates_is_no_comparison_of_numbers() -> None:
    assert summarise(table_of({"a": [1.0, 2.0]}), "data", [MAE], site=None, seed=0).by_dates == {}


def test_models_are_compared_on_the_chips_that_both_have() -> None:
    table = joined([table_of({"a": [1.0, 2.0, 3.0]}), table_of({"b": [0.5, 1.5]})])
    (comparison,) = summarise(table, "data", [MAE], site=None, seed=0).comparisons
    assert (comparison.first, comparison.second) == ("a", "b")
    assert (comparison.differences["mae"].value, comparison.differences["mae"].n) == (0.5, 2)


@pytest.mark.parametrize(
    ("first", "second", "column", "starts"),
    [
        (GOOD, BAD, MAE, "a is better: a − b = -0.055"),
        (BAD, GOOD, MAE, "b is better: a − b = +0.055"),
        (GOOD, BAD, PSNR, "b is better: a − b = -0.055 dB"),
        (GOOD, GOOD, MAE, "no significant difference: a − b = +0"),
        ([0.1], [0.2], MAE, "a and b cannot be compared: n = 1"),
    ],
)
def test_a_statement_says_who_is_better_by_how_much_and_on_what_it_rests(first, second, column, starts) -> None:
    table = table_of({"a": first, "b": second}, measure=column.key)
    (comparison,) = summarise(table, "data", [column], site=None, seed=0).comparisons
    told = statement(comparison, column)
    assert told.startswith(starts)
    assert f"n = {len(first)}" in told


def test_chips_of_one_place_count_together() -> None:
    table = table_of({"a": GOOD, "b": BAD})
    summary = summarise(table, "data", [MAE], site=r"^(s)\d+$", seed=0)
    assert summary.n_places == 1
    assert math.isnan(summary.comparisons[0].differences["mae"].corrected)


def test_a_name_without_a_place_is_a_place_of_its_own() -> None:
    assert places_of(["a_1", "a_2", "b"], r"^(.+)_\d") == {"a_1": "a", "a_2": "a", "b": "b"}
    assert places_of(["a_1"], None) is None


def test_results_are_broken_down_by_groups() -> None:
    table = table_of({"a": [1.0, 2.0, 6.0]}, groups={"land": ["field", "field", ""]})
    breakdown = summarise(table, "data", [MAE], site=None, seed=0).breakdowns[0]
    assert breakdown.n_samples == {"field": 2, "not stated": 1}
    assert {value: means["a"]["mae"].value for value, means in breakdown.means.items()} == {
        "field": 1.5,
        "not stated": 6.0,
    }


def test_results_are_broken_down_by_thirds_of_cloud() -> None:
    table = table_of({"a": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}, clouds=[0.0, 0.1, 0.2, 0.3, 0.8, 0.9])
    breakdown = summarise(table, "data", [MAE], site=None, seed=0).breakdowns[-1]
    assert {value: means["a"]["mae"].value for value, means in breakdown.means.items()} == {
        "least cloud": 1.5,
        "middle": 3.5,
        "most cloud": 5.5,
    }


@pytest.mark.parametrize(
    ("clouds", "why"), [([0.1, None, 0.2], "at least three dates"), ([0.1, 0.1, 0.1], "as cloudy as each other")]
)
def test_where_cloud_cannot_be_told_the_reason_stands_there(clouds, why) -> None:
    breakdown = summarise(table_of({"a": [1.0, 2.0, 3.0]}, clouds=clouds), "data", [MAE], site=None, seed=0).breakdowns[
        -1
    ]
    assert breakdown.means == {}
    assert why in breakdown.why_not


def test_averages_are_printed_for_each_protocol_apart() -> None:
    rows = table_of({"a": [30.0, math.inf]}, measure="psnr").rows
    full = [row | {"cpsnr": 20.0, "cpsnr@original": 25.0} for row in rows]
    table = type(table_of({}))(tuple(full), (), ("psnr", "cpsnr", "cpsnr@original"))
    columns = [PSNR, CORRECTED, ORIGINAL]
    corrected, original = averages(summarise(table, "data", columns, site=None, seed=0), columns).split("\n\n")
    assert "as the literature defines" in corrected
    assert "20.00" in corrected
    assert "25.00" not in corrected
    assert "Satlas" in original
    assert "25.00" in original
    assert "20.00" not in original
    assert "30.00 (+1 ∞)" in corrected
    assert "30.00 (+1 ∞)" in original


def test_without_a_measure_of_its_own_the_original_has_no_table() -> None:
    assert columns_of("original", [PSNR, CORRECTED]) == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (27.034, "27.03"),
        (0.54871, "0.5487"),
        (0.0100512, "0.01005"),
        (1867.2, "1867"),
        (0.0, "0"),
        (-2.5, "-2.500"),
        (math.nan, "–"),
        (1e-9, "0.000000"),
    ],
)
def test_figures_have_four_digits_that_count(value: float, told: str) -> None:
    assert figure(value) == told


def test_what_json_cannot_say_is_null() -> None:
    plain = as_plain({"a": math.nan, "b": [math.inf, 1.0], 3: (None, "x")})
    assert json.loads(json.dumps(plain, allow_nan=False)) == {"a": None, "b": [None, 1.0], "3": [None, "x"]}


@pytest.mark.parametrize(
    ("values", "n_each", "chosen"),
    [
        ([3.0, 1.0, 5.0, 2.0, 4.0], 1, [("best", 1), ("median", 0), ("worst", 2)]),
        ([3.0, None, 5.0, math.nan, 4.0], 1, [("best", 0), ("median", 4), ("worst", 2)]),
        ([2.0, 1.0], 1, [("best", 1), ("worst", 0)]),
        ([2.0], 1, [("only", 0)]),
        ([], 1, []),
        ([3.0, 1.0], 5, [("best", 1), ("best", 0)]),
        ([3.0, 1.0], 0, []),
    ],
)
def test_chips_to_look_at_are_the_best_middle_and_worst_each_once(values, n_each, chosen) -> None:
    found = choose_chips(table_of({"a": values}), model="a", column=MAE, n_each=n_each)
    assert [(choice.which, choice.number) for choice in found] == chosen


def test_best_is_highest_where_higher_is_better() -> None:
    found = choose_chips(table_of({"a": [1.0, 9.0, 5.0]}, measure="psnr"), model="a", column=PSNR, n_each=1)
    assert [choice.number for choice in found] == [1, 2, 0]


def test_the_measure_that_decides() -> None:
    assert choose_column([MAE, CORRECTED], None) is CORRECTED
    assert choose_column([MAE, PSNR], None) is MAE
    assert choose_column([MAE, PSNR], "psnr") is PSNR
    assert choose_column([MAE], "psnr") is None
