"""A simulated schedule takes as long as one works out by hand where that can be done."""

import math

import numpy as np
import pytest

from ssr.mapping.schedule import MOST_EVENTS, Schedule, Simulated, simulate

HOUR = 3600


class FailsOnce(np.random.Generator):
    """Workers fail after so many seconds, in the order of asking, then never."""

    def __init__(self, *seconds: float) -> None:
        super().__init__(np.random.PCG64(0))
        self._seconds = list(seconds)

    def exponential(self, scale: float) -> float:
        del scale
        return self._seconds.pop(0) if self._seconds else math.inf


def played(*failures: float, **assumed: float) -> Simulated:
    return simulate(Schedule(**{"predict_s": 10.0, **assumed}), FailsOnce(*failures))


def seconds(result: Simulated) -> float:
    return result.hours * HOUR


def test_one_worker_computes_equal_cells_one_after_the_other():
    result = played(n_cells=7, n_workers=1)
    assert seconds(result) == pytest.approx(70)
    assert result.utilisation == pytest.approx(1)
    assert (result.n_failures, result.lost_hours, result.bottleneck) == (0, 0, "network")


def test_many_workers_share_them():
    assert seconds(played(n_cells=12, n_workers=4)) == pytest.approx(30)
    result = played(n_cells=13, n_workers=4)  # one worker has a fourth cell, three have nothing to do
    assert seconds(result) == pytest.approx(40)
    assert result.utilisation == pytest.approx(13 / 16)
    assert result.tail_hours * HOUR == pytest.approx(10)


def test_more_workers_than_cells_leave_the_others_idle():
    result = played(n_cells=2, n_workers=8)
    assert seconds(result) == pytest.approx(10)
    assert result.utilisation == pytest.approx(2 / 8)


def test_reading_and_writing_hide_behind_the_network_but_for_the_first_and_the_last():
    # 4 s to read and 3 s to write beside 10 s of computing: 4 + 5 x 10 + 3.
    result = played(n_cells=5, n_workers=1, read_bytes=4, write_bytes=3, read_bytes_per_s=1, write_bytes_per_s=1)
    assert seconds(result) == pytest.approx(57)


def test_a_store_that_is_slower_than_the_network_sets_the_pace():
    # Two workers read 5 cells of 30 s through one line; the last is computed when it is there.
    result = played(n_cells=5, n_workers=2, read_bytes=30, read_bytes_per_s=1)
    assert seconds(result) == pytest.approx(5 * 30 + 10)
    assert result.bottleneck == "reading"
    assert result.utilisation == pytest.approx(50 / (2 * 160))
    written = played(n_cells=5, n_workers=2, write_bytes=30, write_bytes_per_s=1)
    assert seconds(written) == pytest.approx(10 + 5 * 30)
    assert written.bottleneck == "writing"


def test_the_line_of_a_worker_limits_it_alone():
    # 20 s a cell on each worker's own line: 3 cells each, read while those before are computed.
    result = played(n_cells=6, n_workers=2, read_bytes=20, worker_bytes_per_s=1)
    assert seconds(result) == pytest.approx(3 * 20 + 10)


def test_one_process_that_hands_out_cells_becomes_the_limit_of_many_workers():
    result = played(n_cells=1000, n_workers=100, dispatch_s=0.5)
    assert seconds(result) == pytest.approx(1000 * 0.5 + 10)
    assert result.bottleneck == "dispatch"
    assert result.utilisation == pytest.approx(1000 * 10 / (100 * 510))


def test_a_worker_that_fails_loses_its_cell_and_is_back_after_its_restart():
    # Fails at 25 s: 2 cells are done, half of the third is lost, and 5 s later it begins again.
    result = played(25.0, n_cells=4, n_workers=1, mean_hours_to_failure=1.0, restart_s=5.0)
    assert seconds(result) == pytest.approx(30 + 2 * 10)
    assert (result.n_failures, result.lost_hours * HOUR) == (1, pytest.approx(5))
    assert result.utilisation == pytest.approx(40 / 50)


def test_a_cell_that_was_lost_goes_to_a_worker_that_is_free():
    # The second worker fails at 9 s; the first is done at 10 s and takes the lost cell long before that is back.
    result = played(math.inf, 9.0, n_cells=2, n_workers=2, mean_hours_to_failure=1.0, restart_s=1000.0)
    assert seconds(result) == pytest.approx(20)
    assert result.lost_hours * HOUR == pytest.approx(9)


def test_a_straggler_holds_up_the_end_with_the_cell_it_computes_and_the_one_it_has_read():
    # Of two workers one takes 30 s a cell; of four cells it has two before the fast one could take the last.
    result = played(n_cells=4, n_workers=2, slow_share=0.5, slow_factor=3.0)
    assert seconds(result) == pytest.approx(60)
    assert result.tail_hours * HOUR == pytest.approx(60 - 20)
    assert result.utilisation == pytest.approx((60 + 20) / (2 * 60))
    # Of many cells the fast one takes three times as many: 30 and 10, ten steps of 30 s.
    assert seconds(played(n_cells=40, n_workers=2, slow_share=0.5, slow_factor=3.0)) == pytest.approx(300, abs=30)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_fails_every_cell_is_computed_once(seed):
    plan = Schedule(n_cells=500, n_workers=7, predict_s=10, mean_hours_to_failure=0.1, restart_s=20, slow_share=0.3)
    result = simulate(plan, np.random.default_rng(seed))
    assert result.n_failures > 5
    n_slow = 2
    least, most = 500 * 10, 500 * 10 * plan.slow_factor
    useful = result.utilisation * seconds(result) * 7
    assert least <= useful <= most
    assert seconds(result) >= 500 * 10 / (7 - n_slow + n_slow / 3)


def test_a_map_too_large_to_play_cell_by_cell_takes_as_long_as_its_parts():
    n = 3 * MOST_EVENTS
    result = played(n_cells=n, n_workers=100, dispatch_s=0.001)
    assert seconds(result) == pytest.approx(n * 10 / 100, rel=2e-3)
    assert result.utilisation == pytest.approx(1, abs=2e-3)


def test_equal_seeds_play_alike():
    plan = Schedule(n_cells=300, n_workers=9, predict_s=5, mean_hours_to_failure=0.2, slow_share=0.2)
    one, other = (simulate(plan, np.random.default_rng(3)) for _ in range(2))
    assert one == other
