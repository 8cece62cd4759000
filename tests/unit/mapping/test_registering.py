"""Dates are brought to the middle of where they lie, and cells that meet bring them there alike."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from ssr.mapping.placewise import STEP_PX, Corner, Identity, margin_px
from ssr.mapping.registering import REACH_PX, SPACING_PX, Looked, find_alignments
from ssr.scenes.coregistration import ALIGNED_PX

SIDE, MARGIN = 256, margin_px(0, REACH_PX)
PLACES = np.array([(0.0, 0.0), (0.6, -0.4), (-0.7, 0.3), (0.05, 0.0), (3.0, 2.0)])
"""(y, x) in pixels of each date; their middle is (0.05, 0)."""
IDENTITIES = [Identity(700_000 + k, f"date {k}") for k in range(len(PLACES))]
CLOSE_PX = 0.08


@pytest.fixture(scope="module")
def whole():
    """Two cells side by side with what is around them, `t 3 h w`."""
    rng = np.random.default_rng(0)
    height, width = SIDE + 2 * MARGIN, 2 * SIDE + 2 * MARGIN
    ground = gaussian_filter(rng.normal(size=(height, width)), 1.5)
    ground = 0.3 + 0.06 * ground / ground.std()
    dates = [shift(ground, place, order=3, mode="reflect") for place in PLACES]
    seen = np.stack([np.stack([date * gain for gain in (0.9, 1.0, 1.1)]) for date in dates])
    return (seen + rng.normal(0, 0.004, seen.shape)).clip(0.01, 1).astype(np.float32)


def found(whole, k=0, *, hidden=None, tolerated_px=0.0, n_slots=8, used=range(5), count=4):
    """Alignments in the cell number `k` of the pair, of the first `count` dates."""
    start = k * SIDE
    seen = whole[:count, ..., start : start + SIDE + 2 * MARGIN]
    if hidden is None:
        hidden = np.zeros((count, *(side // STEP_PX for side in seen.shape[2:])), np.float32)
    at = Corner(40 * SPACING_PX - MARGIN, start - MARGIN)
    looked = Looked(at, IDENTITIES[:count], hidden, lambda rows, columns, date: seen[date][:, rows, columns])
    corner = Corner(40 * SPACING_PX, start)
    used = [date for date in used if date < count]
    return find_alignments(looked, corner, (SIDE, SIDE), used=used, n_slots=n_slots, tolerated_px=tolerated_px)


def test_displacements_from_the_middle_are_found_at_every_node(whole):
    alignments = found(whole)
    for date in (1, 2):
        expected = PLACES[date] - np.median(PLACES[:4], axis=0)
        field = alignments[date].field
        assert np.abs(field - expected[:, None, None]).max() < CLOSE_PX
        assert alignments[date].n_believed == field[0].size
    assert alignments[3].field is None  # it lies where the middle is, and is left as it was measured


def test_cells_that_meet_agree_at_the_nodes_they_share(whole):
    one, other = found(whole, 0), found(whole, 1)
    for date in (1, 2):
        n_shared = one[date].field.shape[2] - SIDE // SPACING_PX
        assert n_shared >= 2
        np.testing.assert_array_equal(one[date].field[..., -n_shared:], other[date].field[..., :n_shared])


def test_where_dates_lie_does_not_depend_on_which_is_compared_with(whole):
    hidden = np.zeros((4, *(side // STEP_PX for side in (SIDE + 2 * MARGIN, SIDE + 2 * MARGIN))), np.float32)
    hidden[3] = 0.3  # the latest is no longer the clearest
    one, other = found(whole), found(whole, hidden=hidden)
    for date in (1, 2):
        assert np.abs(one[date].field - other[date].field).max() < ALIGNED_PX  # less than is moved at all


def test_a_date_that_is_hidden_is_left_where_it_lies(whole):
    hidden = np.zeros((4, *(side // STEP_PX for side in (SIDE + 2 * MARGIN, SIDE + 2 * MARGIN))), np.float32)
    hidden[1] = 1
    alignments = found(whole, hidden=hidden)
    assert (alignments[1].field, alignments[1].n_believed) == (None, 0)
    assert alignments[2].field is not None


def test_what_the_network_makes_up_for_is_left_and_more_is_moved_by_whole_pixels(whole):
    alignments = found(whole, tolerated_px=1.5, count=5)
    assert all(alignments[date].field is None for date in range(4))
    np.testing.assert_array_equal(np.unique(alignments[4].field[0]), 3)
    np.testing.assert_array_equal(np.unique(alignments[4].field[1]), 2)


def test_a_date_alone_has_nothing_to_lie_beside(whole):
    (alone,) = found(whole, count=1)
    assert (alone.field, alone.n_believed) == (None, 0)


def test_dates_that_are_not_used_are_not_measured_for_nothing(whole):
    alignments = found(whole, used=(0, 1), n_slots=2)
    assert alignments[2] is None
    assert alignments[3] is None
