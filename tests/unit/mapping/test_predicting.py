"""Windows own every pixel of a cell once, lie where the grid of the Earth puts them, and change nothing in a cell."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssr.inference.predictor import Predictor
from ssr.mapping.placewise import Corner
from ssr.mapping.predicting import Windows, predict_cell
from ssr.mapping.reading import CellSeries
from ssr.models.bicubic import Bicubic
from tests.support.scenes import FP32

SIDE = 96


@given(
    margin=st.integers(0, 40),
    multiple=st.sampled_from([1, 2, 4, 8]),
    core=st.integers(16, 128),
    first=st.integers(0, 10_000),
)
def test_cores_share_a_cell_and_windows_hold_what_their_cores_need(margin, multiple, core, first):
    windows = Windows(margin_px=margin, multiple=multiple, overlap_px=0, core_px=core)
    spans = windows.spans(first, SIDE)
    inner = windows.inner_px
    owned = [place for span in spans for place in range(span.core_start, span.core_stop)]
    assert owned == list(range(inner, inner + SIDE))
    assert len({span.read_stop - span.read_start for span in spans}) == 1  # so they can be batched
    for span in spans:
        assert 0 <= span.read_start <= span.core_start - margin
        assert span.core_stop + margin <= span.read_stop <= SIDE + 2 * inner
        assert (first - inner + span.read_start) % multiple == 0
        assert (span.read_stop - span.read_start) % multiple == 0


@pytest.mark.parametrize("core", [24, 50, 96])
def test_a_cell_in_windows_is_the_cell_in_one_piece(core):
    network = Bicubic()
    windows = Windows(margin_px=network.halo_px + 8, multiple=1, overlap_px=8, core_px=core)
    inner = windows.inner_px
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0.4, 0.6, (2, 3, SIDE + 2 * inner, SIDE + 2 * inner)).astype(np.float32)
    series = CellSeries(pixels, Corner(1000 - inner, 2000 - inner), ("a", "b"))
    found = predict_cell(Predictor(network, FP32, name="bicubic"), series, windows, SIDE)
    whole = network(torch.from_numpy(pixels)[None])[0].numpy()
    cut = slice(4 * inner, 4 * (inner + SIDE))
    np.testing.assert_allclose(found, whole[:, cut, cut], atol=1e-6)
