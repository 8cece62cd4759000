import torch

from ssr.data.pairs import Batch


def test_batch_is_low_then_high_then_names():
    low_res, high_res, names = Batch(torch.zeros(1, 2, 3, 4, 4), torch.zeros(1, 3, 16, 16), ("a",))
    assert (low_res.dim(), high_res.dim(), names) == (5, 4, ("a",))
