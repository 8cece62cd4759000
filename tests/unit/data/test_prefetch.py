"""The same batches in the same order, errors at their step, and nothing left running."""

import threading
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssr.data.pairs import WHOLE, Batch, Shard
from ssr.data.prefetch import Prefetched, prefetched
from ssr.errors import ImageReadError


class Numbered:
    """Batches that hold their step and rank; some steps fail, and what was asked for is remembered."""

    def __init__(self, broken=(), seconds=0.0):
        self.broken = broken
        self.seconds = seconds
        self.asked = []

    def batch(self, step, shard=WHOLE):
        self.asked.append(step)
        time.sleep(self.seconds)
        if step in self.broken:
            raise ImageReadError(f"step {step} is broken")
        return Batch(torch.full((1,), float(step)), torch.full((1,), float(shard.rank)), (str(step),))


@settings(max_examples=30)
@given(
    steps=st.lists(st.integers(0, 12), min_size=1, max_size=12),
    n_threads=st.integers(1, 4),
    n_ahead=st.integers(1, 6),
    rank=st.integers(0, 2),
)
def test_any_step_gives_the_batch_of_the_source(steps, n_threads, n_ahead, rank):
    with Prefetched(Numbered(), n_ahead=n_ahead, n_threads=n_threads) as ahead:
        for step in steps:
            batch = ahead.batch(step, Shard(rank, 3))
            assert (float(batch.low_res), float(batch.high_res), batch.names) == (step, rank, (str(step),))


def test_errors_come_out_at_their_step_and_not_before():
    with Prefetched(Numbered(broken=(2,)), n_ahead=4) as ahead:
        assert [ahead.batch(k).names for k in (0, 1)] == [("0",), ("1",)]
        with pytest.raises(ImageReadError, match="step 2"):
            ahead.batch(2)
        assert ahead.batch(3).names == ("3",)


def test_the_queue_is_bounded_and_ends_with_the_run():
    source = Numbered()
    with Prefetched(source, n_ahead=3, end=5) as ahead:
        ahead.batch(0)
        time.sleep(0.05)
        assert sorted(source.asked) == [0, 1, 2, 3]
        for step in range(1, 5):
            ahead.batch(step)
    assert sorted(source.asked) == [0, 1, 2, 3, 4]


def test_a_consumer_as_slow_as_the_source_hardly_waits():
    with Prefetched(Numbered(seconds=0.02), n_threads=2) as ahead:
        ahead.batch(0)
        waited = 0.0
        for step in range(1, 11):
            time.sleep(0.02)
            started = time.perf_counter()
            ahead.batch(step)
            waited += time.perf_counter() - started
    assert waited < 0.1  # 0.2 without preparing


def test_closing_leaves_no_thread_behind():
    before = threading.active_count()
    source = Numbered(seconds=0.02)
    with Prefetched(source, n_ahead=50, n_threads=2) as ahead:
        ahead.batch(0)
    assert threading.active_count() == before
    assert len(source.asked) < 10


def test_without_threads_the_source_is_itself():
    source = Numbered()
    with prefetched(source, n_threads=0) as same:
        assert same is source
    with prefetched(source, n_threads=1) as ahead:
        assert ahead.batch(3).names == ("3",)
