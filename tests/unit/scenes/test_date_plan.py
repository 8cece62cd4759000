"""Which dates does a network see? Every property of the rule, for any number of dates."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssr.scenes.ranking import choose_dates, plan_dates

rankings = st.integers(1, 40).flatmap(lambda m: st.permutations(range(m)))
counts = st.integers(1, 12)
more = st.sampled_from(["best", "average"])
limits = st.none() | st.integers(1, 45)


@given(ranked=rankings, n=counts, at_most=limits)
def test_average_sees_every_offered_date_in_as_few_passes_as_can_be(ranked, n, at_most):
    plan = plan_dates(ranked, n, at_most=at_most, more="average")
    offered = ranked[:at_most]
    seen = [[plan.dates[k] for k in positions] for positions in plan.passes]
    assert all(len(dates) == n for dates in seen)
    assert len(plan.passes) == max(1, -(-len(offered) // n))
    assert {date for dates in seen for date in dates} == set(offered)
    if len(offered) > n:
        assert plan.dates == sorted(offered)
        assert all(dates == sorted(set(dates)) for dates in seen)  # in the order of the series, none twice


@given(ranked=rankings, n=counts)
def test_average_deals_good_dates_to_every_pass(ranked, n):
    """Like cards: the best so many dates lie in different passes, and no pass is better dealt by more than one card."""
    plan = plan_dates(ranked, n, more="average")
    n_passes = len(plan.passes)
    if n_passes == 1:
        return
    seen = [{plan.dates[k] for k in positions} for positions in plan.passes]
    for k, date in enumerate(ranked[:n_passes]):
        assert date in seen[k]
    times = Counter(date for dates in seen for date in dates)
    again = [date for date, count in times.items() if count > 1]
    n_filled = n * n_passes - len(ranked)
    assert sum(times.values()) - len(times) == n_filled
    assert all(ranked.index(date) < n_passes + n_filled for date in again)  # hands are filled with the best


@given(ranked=rankings, n=counts, at_most=limits, more=more)
def test_too_few_dates_are_repeated_best_first(ranked, n, at_most, more):
    offered = ranked[:at_most]
    if len(offered) >= n:
        return
    plan = plan_dates(ranked, n, at_most=at_most, more=more)
    assert plan.passes == [list(range(n))]
    times = Counter(plan.dates)
    assert set(times) == set(offered)
    assert max(times.values()) - min(times.values()) <= 1
    shares = [times[date] for date in offered]
    assert shares == sorted(shares, reverse=True)


@given(ranked=rankings, n=counts, at_most=limits)
def test_best_takes_the_best_in_the_order_of_the_series(ranked, n, at_most):
    offered = ranked[:at_most]
    if len(offered) < n:
        return
    plan = plan_dates(ranked, n, at_most=at_most, more="best")
    assert plan.dates == sorted(offered[:n])
    assert plan.passes == [list(range(n))]
    assert choose_dates(ranked, n, at_most=at_most) == plan.dates


@given(ranked=rankings, at_most=limits, more=more)
def test_network_of_any_number_sees_all_that_are_allowed(ranked, at_most, more):
    plan = plan_dates(ranked, None, at_most=at_most, more=more)
    assert plan.dates == sorted(ranked[:at_most])
    assert plan.passes == [list(range(len(plan.dates)))]


@given(ranked=rankings, n=st.none() | counts, at_most=limits, more=more)
def test_plan_is_the_same_every_time_and_leaves_the_ranking(ranked, n, at_most, more):
    before = list(ranked)
    assert plan_dates(ranked, n, at_most=at_most, more=more) == plan_dates(tuple(ranked), n, at_most=at_most, more=more)
    assert ranked == before


def test_worked_example():
    """Seven dates, best 4, then 2, 6, 0, 5, 1, 3, in passes of three: 4 0 3 | 2 5 | 6 1, filled with 4 and 4."""
    plan = plan_dates([4, 2, 6, 0, 5, 1, 3], 3, more="average")
    assert plan.dates == [0, 1, 2, 3, 4, 5, 6]
    assert plan.passes == [[0, 3, 4], [2, 4, 5], [1, 4, 6]]


def test_no_date_is_refused():
    with pytest.raises(ValueError, match="no date"):
        plan_dates([], 3)


@pytest.mark.parametrize("n_wanted", [None, 2])
def test_a_limit_of_no_dates_is_refused(n_wanted):
    with pytest.raises(ValueError, match="no date"):
        plan_dates([0, 1, 2], n_wanted, at_most=0)
