import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssr.scenes.slots import Slots, plan_slots

SHAPE_HW = (240, 240)
WHOLE = (slice(0, 240), slice(0, 240))


def hidden(n_dates: int, **clouds: tuple[slice, slice]) -> np.ndarray:
    """Obstruction `t h w`; `d2=` gives the cloud of the third date."""
    maps = np.zeros((n_dates, *SHAPE_HW), np.float32)
    for name, where in clouds.items():
        maps[(int(name[1:]), *where)] = 1
    return maps


LEFT = (slice(0, 240), slice(0, 120))
RIGHT = (slice(0, 240), slice(120, 240))


def planned(obstruction: np.ndarray, n_slots: int, *, repeats: bool = True, ranked: list[int] | None = None) -> Slots:
    n_dates = len(obstruction)
    return plan_slots(obstruction, SHAPE_HW, ranked=ranked or list(range(n_dates)), n_slots=n_slots, repeats=repeats)


def test_the_best_dates_serve_everywhere_in_the_order_of_the_series() -> None:
    slots = planned(hidden(5), 3, ranked=[4, 0, 2, 1, 3])
    assert not slots.is_mixed
    assert slots.dates_used() == [0, 2, 4]
    assert [slots.weights(k, *WHOLE)[date].min() for k, date in enumerate((0, 2, 4))] == [1, 1, 1]


def test_two_half_cloudy_dates_serve_their_clear_halves() -> None:
    slots = planned(hidden(2, d0=LEFT, d1=RIGHT), 1)
    weights = slots.weights(0, *WHOLE)
    assert weights[1][:, :70].min() == 1
    assert weights[0][:, 170:].min() == 1


def test_a_stand_in_serves_only_where_it_is_needed() -> None:
    slots = planned(hidden(4, d1=(slice(0, 48), slice(0, 48))), 3)
    assert slots.weights(1, *WHOLE)[3][:30, :30].min() > 0.5
    assert 3 not in slots.weights(1, slice(150, 240), slice(150, 240))
    assert 0 < slots.share_served(3) < 0.5


def test_no_date_has_two_slots_at_a_place_while_others_are_clear() -> None:
    slots = planned(hidden(6, d0=LEFT, d1=LEFT, d2=RIGHT), 3)
    for i, j in np.ndindex(*slots.lattice.shape):
        assert len(set(slots.dates[:, i, j].tolist())) == 3


def test_where_all_others_are_hidden_the_best_is_repeated() -> None:
    slots = planned(hidden(3, d0=LEFT, d1=LEFT), 3, repeats=True)
    assert set(slots.dates[:, 0, 0].tolist()) == {2}


def test_or_its_slot_stays_empty() -> None:
    slots = planned(hidden(3, d0=LEFT, d1=LEFT), 3, repeats=False)
    assert sorted(slots.dates[:, 0, 0].tolist()) == [-1, -1, 2]
    empty = next(k for k in range(3) if slots.dates[k, 0, 0] == -1)
    assert sum(slots.weights(empty, slice(0, 20), slice(0, 20)).values(), np.zeros(1)).max() == 0


def test_where_everything_is_hidden_nothing_is_preferred_to_emptiness() -> None:
    slots = planned(np.ones((2, *SHAPE_HW), np.float32), 2, repeats=False)
    assert (slots.dates >= 0).all()


def test_there_are_no_more_slots_than_dates() -> None:
    with pytest.raises(ValueError, match="3 slots for 2 dates"):
        planned(hidden(2), 3)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), top=st.integers(0, 180), left=st.integers(0, 180))
def test_weights_of_a_window_are_a_part_of_the_whole_and_add_up_to_one(seed: int, top: int, left: int) -> None:
    rng = np.random.default_rng(seed)
    maps = np.kron(rng.integers(0, 2, (5, 5, 5)), np.ones((1, 48, 48))).astype(np.float32)
    slots = planned(maps, 3)
    rows, columns = slice(top, top + 60), slice(left, left + 60)
    for slot in range(3):
        whole, part = slots.weights(slot, *WHOLE), slots.weights(slot, rows, columns)
        assert np.allclose(sum(part.values()), 1, atol=1e-5)
        for date, weight in whole.items():
            assert np.allclose(weight[rows, columns], part.get(date, 0), atol=1e-5)


def test_the_choice_fades_over_tens_of_pixels() -> None:
    slots = planned(hidden(2, d0=LEFT, d1=RIGHT), 1)
    assert np.abs(np.diff(slots.weights(0, *WHOLE)[0], axis=1)).max() < 0.05


def test_a_thinned_view_is_enough() -> None:
    fine = planned(hidden(2, d0=LEFT, d1=RIGHT), 1)
    coarse = planned(hidden(2, d0=LEFT, d1=RIGHT)[:, ::8, ::8], 1)
    assert np.array_equal(fine.dates, coarse.dates)


def test_every_node_is_decided_as_the_rule_says_one_by_one() -> None:
    """Against the rule spelled out for a single node."""
    rng = np.random.default_rng(0)
    for _ in range(12):
        n_dates, repeats = int(rng.integers(2, 9)), bool(rng.integers(2))
        n_slots = int(rng.integers(1, n_dates + 1))
        ranked = rng.permutation(n_dates).tolist()
        by_node = rng.choice([0, 0.04, 0.3, 0.7, rng.random()], (n_dates, 5, 5)).astype(np.float32)
        hidden_by_date = by_node.repeat(48, 1).repeat(48, 2)
        slots = planned(hidden_by_date, n_slots, repeats=repeats, ranked=ranked)
        for i, j in np.ndindex(*slots.lattice.shape):
            expected = one_node(slots.obstruction[:, i, j], ranked, n_slots, repeats=repeats)
            assert slots.dates[:, i, j].tolist() == expected


def one_node(cost: np.ndarray, ranked: list[int], n_slots: int, *, repeats: bool) -> list[int]:
    hundredths = np.rint(cost * 100)
    slots = sorted(ranked[:n_slots])
    free = sorted(ranked[n_slots:], key=lambda date: hundredths[date])
    for k in sorted(range(n_slots), key=lambda k: (-hundredths[slots[k]], k)):
        if free and cost[slots[k]] > cost[free[0]] + np.float32(0.1):
            slots[k] = free.pop(0)
    best = min(ranked, key=lambda date: hundredths[date])
    hopeless = [cost[date] > 0.6 and cost[best] <= 0.6 for date in slots]
    return [(best if repeats else -1) if lost else date for date, lost in zip(slots, hopeless, strict=True)]
