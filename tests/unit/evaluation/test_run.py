import numpy as np
import pytest
import torch

from ssr.data.pairs import Shard
from ssr.evaluation.run import dates_shown, judge
from ssr.metrics.measure import Measure, Suite
from tests.support.tolerances import FLOAT32
from tests.unit.evaluation.results import Flat, candidate, error_suite, last_date, mean_date


def run(samples, model=None, **arguments):
    given = {"dataset": "flat", "n_dates": None, "batch_size": 4} | arguments
    return judge(model or candidate(), samples, error_suite(), **given)


def test_every_sample_counts_once_with_its_own_value() -> None:
    found = run(Flat(7))
    assert [row["sample"] for row in found.rows] == [f"flat{k}" for k in range(7)]
    for k, row in enumerate(found.rows):
        assert row["mae"] == pytest.approx(0.1 * (k + 1) / 20, abs=FLOAT32)
    assert found.n_images == 7


def test_a_sample_of_no_use_is_listed_and_nothing_stands_in_its_place() -> None:
    samples = Flat(5, left_out=(0, 3))
    found = run(samples)
    assert [row["number"] for row in found.rows] == [1, 2, 4]
    assert [tuple(entry) for entry in found.left_out] == [
        ("flat0", "black", "no ground"),
        ("flat3", "black", "no ground"),
    ]
    assert samples.reads == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("n_ranks", [2, 3, 5])
def test_shares_together_are_what_one_process_finds_to_the_bit(n_ranks: int) -> None:
    alone = run(Flat(11, left_out=(2,)), batch_size=2)
    shares = [run(Flat(11, left_out=(2,)), batch_size=2, shard=Shard(r, n_ranks)) for r in range(n_ranks)]
    together = sorted((row for share in shares for row in share.rows), key=lambda row: row["number"])
    assert together == alone.rows
    assert [entry for share in shares for entry in share.left_out] == alone.left_out


def test_fewer_dates_are_the_best_ones() -> None:
    """The first date is bright, as under cloud: it must be the last to be shown."""
    found = run(Flat(2), candidate(mean_date), n_dates=(1, 2, 3))
    errors = {(row["number"], row["n_dates"]): row["mae"] for row in found.rows}
    truth = 0.05
    assert errors[0, 1] == pytest.approx(0.1 * truth, abs=FLOAT32)
    assert errors[0, 2] == pytest.approx(0.1 * truth, abs=FLOAT32)
    assert errors[0, 3] == pytest.approx((0.99 + 2 * 0.9 * truth) / 3 - truth, abs=FLOAT32)
    assert {(row["n_dates"], row["dates"]) for row in found.rows} == {(1, 1.0), (2, 2.0), (3, 3.0)}


@pytest.mark.parametrize(
    ("n_offered", "n_dates", "shown"),
    [(8, None, [8]), (8, (1, 2, 4, 8), [1, 2, 4, 8]), (6, (1, 2, 4, 8), [1, 2, 4, 6]), (1, (4, 8), [1])],
)
def test_more_dates_than_there_are_count_as_all(n_offered, n_dates, shown) -> None:
    assert dates_shown(n_offered, n_dates) == shown


def test_a_model_of_a_fixed_number_of_dates_sees_the_best_repeated() -> None:
    seen = []

    def watch(images):
        seen.append(images.shape[1])
        return last_date(images)

    run(Flat(1), candidate(watch, n_wanted=5), n_dates=(1, 3))
    assert seen == [5, 5]


def test_a_model_can_be_shown_less_than_is_offered() -> None:
    seen = []

    def watch(images):
        seen.append(images.shape)
        return np.zeros((len(images), 3, 16, 16), np.float32)

    run(Flat(1), candidate(watch, at_most=2, n_channels=2))
    assert seen == [(1, 2, 2, 4, 4)]


def test_samples_of_different_numbers_of_dates_are_not_mixed_in_a_batch() -> None:
    found = run(Flat(4, n_dates=(2, 2, 1, 2)))
    assert [row["n_dates"] for row in found.rows] == [2, 2, 1, 2]


def test_every_image_is_handed_on_and_the_one_of_most_dates_is_marked() -> None:
    got = []
    run(Flat(2), n_dates=(1, 3), receive=lambda result: got.append((result.number, result.n_dates, result.is_most)))
    assert sorted(got) == [(0, 1, False), (0, 3, True), (1, 1, False), (1, 3, True)]


def test_progress_counts_samples_that_are_left_out_too() -> None:
    told: list[int] = []
    run(Flat(5, left_out=(1,)), batch_size=2, progress=told.append)
    assert told == [2, 2, 1]


def test_the_span_of_a_measure_is_taken_where_there_is_another_chip_to_hold_against() -> None:
    measure = Measure("mae", "corrected", "", "lower", lambda j: (j.super_res - j.truth).abs().mean((1, 2, 3)), True)
    found = judge(candidate(), Flat(3), Suite([measure]), dataset="flat", n_dates=None, batch_size=2)
    pairs = found.spans["mae"]
    assert len(pairs) == 2  # the third sample is alone in its batch
    assert pairs[0][0] == pytest.approx(abs(0.9 * 0.05 - 0.1), abs=FLOAT32)
    assert [identical for _, identical in pairs] == [0.0, 0.0]


def test_values_outside_of_unit_range_are_clipped_for_measures_and_not_for_the_model() -> None:
    class Bright(Flat):
        def read(self, index):
            pair = super().read(index)
            return type(pair)(pair.name, pair.low_res * 0 + 1.5, pair.truth)

    lows, inputs = [], []

    def watch(images):
        inputs.append(float(images.max()))
        return last_date(images).clip(0, 1)

    def largest(judged):
        lows.append(float(judged.low_res.max()))
        return torch.zeros(len(judged.truth))

    suite = Suite([Measure("x", "corrected", "", "lower", largest)])
    judge(candidate(watch), Bright(1), suite, dataset="d", n_dates=None, batch_size=1)
    assert (inputs, lows) == ([1.5], [1.0])


def test_nothing_at_all_gives_no_rows() -> None:
    found = run(Flat(2, left_out=(0, 1)))
    assert (found.rows, found.n_images, len(found.left_out)) == ([], 0, 2)


def test_rows_hold_plain_numbers() -> None:
    assert not any(isinstance(value, np.generic) for value in run(Flat(1)).rows[0].values())
