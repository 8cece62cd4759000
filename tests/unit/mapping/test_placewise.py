"""Cells that meet decide alike: every node's dates and looks follow from the pixels around it and from nothing else."""

import numpy as np
import pytest

from ssr.mapping.placewise import (
    LOOK_SPACING_PX,
    REACH_PX,
    SPACING_PX,
    STEP_PX,
    Corner,
    Identity,
    LookedAlike,
    choose_dates,
    fit_look_field,
    hidden_of,
    margin_px,
    mean_around,
    nodes_over,
    plan_places,
)

SIDE = 256


def ground(n_dates: int, side_px: int, seed: int = 0) -> np.ndarray:
    """A thinned view `t 3 h w` of a large place: texture, a gain for each date, and clouds here and there."""
    rng = np.random.default_rng(seed)
    n = side_px // STEP_PX
    y, x = np.mgrid[:n, :n]
    base = 0.3 + 0.1 * np.sin(x / 7)[None] * np.cos(y / np.array([5, 9, 11])[:, None, None])
    view = base[None] * rng.uniform(0.8, 1.2, (n_dates, 1, 1, 1)) + rng.normal(0, 0.004, (n_dates, 3, n, n))
    for date in range(n_dates):
        cy, cx = rng.uniform(0, n, 2)
        view[date] = np.where(np.hypot(y - cy, x - cx) < 0.15 * n, 0.95, view[date])
    return view.clip(0.02, 1).astype(np.float32)


IDENTITIES = [Identity(700_000 + day, f"date {day}") for day in range(4)]
MARGIN = margin_px(0)


@pytest.fixture(scope="module")
def pair():
    """Two cells side by side, each with what it sees alone: view, where that begins, and where the cell begins."""
    whole = ground(4, 2 * SIDE + 2 * MARGIN)
    y, x = np.mgrid[: whole.shape[2], : whole.shape[3]] * STEP_PX
    for date, radius in ((2, 70), (3, 110)):  # clouds over the border
        over = np.hypot(y - MARGIN - SIDE / 2, x - MARGIN - SIDE) < radius
        whole[date] = np.where(over, 0.95, whole[date])
    top = 40 * LOOK_SPACING_PX
    cells = []
    for k in (0, 1):
        start = k * SIDE // STEP_PX
        view = whole[..., : (SIDE + 2 * MARGIN) // STEP_PX, start : start + (SIDE + 2 * MARGIN) // STEP_PX]
        cells.append((view, Corner(top - MARGIN, k * SIDE - MARGIN), Corner(top, k * SIDE)))
    return cells


def slots_and_looks(cell):
    view, at, corner = cell
    hidden = hidden_of(view)
    slots = plan_places(hidden, IDENTITIES, at, corner, (SIDE, SIDE), n_slots=3, repeats=False)
    return slots, fit_look_field(view, hidden, at, corner, (SIDE, SIDE))


def test_cells_that_meet_have_the_same_dates_and_looks_at_the_nodes_they_share(pair):
    (one, looks), (other, others) = (slots_and_looks(cell) for cell in pair)
    shared = len(one.lattice.columns) - SIDE // SPACING_PX  # the other lattice begins a cell further right
    assert shared >= 2
    np.testing.assert_array_equal(one.dates[..., -shared:], other.dates[..., :shared])
    shared = len(looks.lattice.columns) - SIDE // LOOK_SPACING_PX
    np.testing.assert_array_equal(looks.gain[..., -shared:], others.gain[..., :shared])
    np.testing.assert_array_equal(looks.bias[..., -shared:], others.bias[..., :shared])
    assert (one.dates != one.dates[:, :1, :1]).any()  # clouds made some nodes choose otherwise


def test_no_pixel_further_away_than_the_reach_has_a_say(pair):
    view, at, corner = pair[0]
    beyond = (MARGIN - REACH_PX) // STEP_PX
    assert beyond > 0
    changed = view.copy()
    changed[:, :, :beyond] = changed[..., :beyond] = 0.9
    one, other = (slots_and_looks((seen, at, corner)) for seen in (view, changed))
    np.testing.assert_array_equal(one[0].dates, other[0].dates)
    np.testing.assert_array_equal(one[1].gain, other[1].gain)


def test_the_margin_is_what_nodes_reach_in_whole_steps_of_their_lattice():
    for inner in (0, 1, 100):
        assert margin_px(inner) >= inner + REACH_PX
        assert margin_px(inner) % LOOK_SPACING_PX == 0


def test_nodes_lie_at_the_same_places_of_the_earth_in_every_array():
    lattice, rows, columns = nodes_over(Corner(100, 1000), (300, 50), 64)
    assert [row + 100 for row in lattice.rows] == [(k + 0.5) * 64 - 0.5 for k in rows]
    assert lattice.rows[0] <= 0
    assert lattice.rows[-1] >= 299
    assert len(lattice.columns) == len(columns)


def test_means_around_nodes_are_those_of_their_boxes():
    maps = np.random.default_rng(0).integers(0, 1024, (2, 120, 120)).astype(np.float32) / 1024
    found = mean_around(maps, Corner(0, 0), range(2, 4), range(1, 5), 64, 64)
    for i, row in enumerate(range(2, 4)):
        for j, column in enumerate(range(1, 5)):
            top, left = (((2 * k + 1) * 32 - 64) // STEP_PX for k in (row, column))
            assert found[:, i, j] == pytest.approx(maps[:, top : top + 32, left : left + 32].mean((1, 2)), abs=1e-6)
    with pytest.raises(ValueError, match="does not reach"):
        mean_around(maps, Corner(0, 0), range(-1, 2), range(1, 5), 64, 64)


def chosen(near, *, n_slots, repeats=False, around=None):
    near = np.array(near, np.float32)[:, None, None]
    around = near if around is None else np.array(around, np.float32)[:, None, None]
    return choose_dates(near, around, IDENTITIES[: len(near)], n_slots=n_slots, repeats=repeats)[:, 0, 0].tolist()


def test_clear_dates_come_first_then_those_clear_further_around_then_the_latest():
    assert chosen([0.5, 0.0, 0.9], n_slots=1) == [1]
    assert chosen([0.0, 0.0, 0.0], n_slots=1, around=[0.1, 0.6, 0.6]) == [0]
    assert chosen([0.0, 0.0, 0.0], n_slots=1) == [2]
    assert chosen([0.02, 0.0, 0.03], n_slots=1) == [2]  # differences of noise decide nothing


def test_every_date_has_one_slot_and_slots_stay_empty_or_are_filled_again():
    found = chosen([0.0, 0.0], n_slots=4)
    assert sorted(found) == [-1, -1, 0, 1]
    assert sorted(chosen([0.0, 0.0], n_slots=4, repeats=True)) == [0, 0, 1, 1]
    assert chosen([1.0, 1.0], n_slots=2) == [-1, -1]
    assert sorted(chosen([0.0, 0.9], n_slots=2)) == [-1, 0]  # what shows nothing serves where others do
    assert sorted(chosen([0.8, 0.9], n_slots=2)) == [-1, 0]  # the best serves where none does


def test_a_date_keeps_its_slot_when_others_come_and_go():
    latest = chosen([0.0, 0.0, 0.0, 0.0], n_slots=4).index(3)
    assert chosen([1.0, 1.0, 1.0, 0.0], n_slots=4).index(3) == latest  # the latest is seated first


def test_looks_bring_dates_of_different_light_together(pair):
    view, at, corner = pair[0]
    rng = np.random.default_rng(1)
    lit = (view[:1] * np.array([0.8, 1.0, 1.25], np.float32)[:, None, None, None]).clip(0, 0.9)
    lit += rng.normal(0, 0.001, lit.shape).astype(np.float32)
    looks = fit_look_field(lit, np.zeros(lit[:, 0].shape, np.float32), at, corner, (SIDE, SIDE))

    class Whole:
        shape_hw = (SIDE, SIDE)

        def read(self, rows, columns, dates):
            start = MARGIN // STEP_PX
            return np.stack(
                [lit[k][:, start : start + 64, start : start + 64].repeat(4, 1).repeat(4, 2) for k in dates]
            )

    everything = slice(0, SIDE)
    before = Whole().read(everything, everything, [0, 1, 2])
    after = LookedAlike(Whole(), looks).read(everything, everything, [0, 1, 2])
    assert after.std(0).mean() < 0.25 * before.std(0).mean()


def test_where_dates_have_no_data_everything_is_hidden():
    view = ground(3, 512)
    view[1, :, :40] = 0
    assert (hidden_of(view)[1, :40] == 1).all()
    assert hidden_of(view)[0].min() < 0.1


def test_what_is_hidden_does_not_depend_on_dates_that_lie_elsewhere():
    view = ground(4, 512)
    elsewhere = np.zeros_like(view[:2])
    elsewhere[..., 100:] = 0.4  # two dates of a neighbour that end inside of this view
    alone, together = hidden_of(view), hidden_of(np.concatenate([view, elsewhere]))
    np.testing.assert_array_equal(alone[..., :80], together[:4, ..., :80])
