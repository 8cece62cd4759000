"""Which subsets of the dates are compared? Every property, for any number of dates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssr.scenes.subsets import MAX_LEFT_OUT, plan_subsets

rankings = st.integers(2, 30).flatmap(lambda m: st.permutations(range(m)))
counts = st.none() | st.integers(1, 12)
more = st.sampled_from(["best", "average"])


@given(ranked=rankings, n=counts, more=more)
def test_halves_share_no_date_and_are_dealt_alike(ranked, n, more):
    first, second = plan_subsets(ranked, n, more=more).halves
    assert not set(first.dates) & set(second.dates)
    assert ranked[0] in first.dates
    assert ranked[1] in second.dates


@given(ranked=rankings)
def test_the_halves_of_a_network_of_any_number_hold_every_date_once(ranked):
    first, second = plan_subsets(ranked, None).halves
    assert sorted(first.dates + second.dates) == sorted(ranked)
    assert len(first.dates) - len(second.dates) in (0, 1)


@given(ranked=rankings, n=counts, more=more)
def test_every_date_is_left_out_exactly_once_in_a_bounded_number_of_subsets(ranked, n, more):
    without = plan_subsets(ranked, n, more=more).without
    assert len(without) == min(len(ranked), MAX_LEFT_OUT)
    assert sorted(date for group, _ in without for date in group) == sorted(ranked)
    for group, plan in without:
        assert not group & set(plan.dates)


@given(ranked=rankings, n=st.integers(1, 12), more=more)
def test_a_network_of_n_dates_gets_n_in_every_pass(ranked, n, more):
    subsets = plan_subsets(ranked, n, more=more)
    for plan in (*subsets.halves, *(plan for _, plan in subsets.without)):
        assert all(len(positions) == n for positions in plan.passes)


@pytest.mark.parametrize(("n_dates", "n_passes"), [(2, 2), (3, 4), (4, 6), (8, 10), (30, 10)])
def test_equal_subsets_cost_one_pass(n_dates, n_passes):
    """Of two dates the halves are the series without either; of three, one half is."""
    assert plan_subsets(range(n_dates), None).n_passes == n_passes


@pytest.mark.parametrize("ranked", [[], [3]])
def test_one_date_cannot_agree_with_anything(ranked):
    assert plan_subsets(ranked, 8) is None
