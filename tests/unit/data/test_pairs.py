import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssr.data.pairs import WHOLE, Batch, Shard


def test_batch_is_low_then_high_then_names():
    low_res, high_res, names, old_high_res, objects = Batch(
        torch.zeros(1, 2, 3, 4, 4), torch.zeros(1, 3, 16, 16), ("a",)
    )
    assert (low_res.dim(), high_res.dim(), names, old_high_res, objects) == (5, 4, ("a",), None, None)


@given(n=st.integers(0, 50), n_ranks=st.integers(1, 9))
def test_shards_cover_a_batch_once_and_evenly(n, n_ranks):
    shards = [Shard(rank, n_ranks).of(n) for rank in range(n_ranks)]
    assert [k for shard in shards for k in shard] == list(range(n))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("n", [0, 1, 7])
def test_one_process_takes_the_whole(n):
    assert list(WHOLE.of(n)) == list(range(n))
