"""Do cores partition any raster, and does every window see its context?"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssr.inference.windows import ALIGNED_PX, Span, WindowPlan, plan_windows

SIDES = st.integers(1, 300)


@st.composite
def plans(draw: st.DrawFn, sides: st.SearchStrategy[int] = SIDES) -> tuple[WindowPlan, int, int]:
    """A plan, its core size and its margin."""
    overlap, halo = draw(st.integers(0, 5)), draw(st.integers(0, 20))
    core = draw(st.integers(max(1, 4 * overlap), 60))
    shape = draw(st.tuples(sides, sides))
    return plan_windows(shape, core_px=core, halo_px=halo, overlap_px=overlap), core, halo + overlap


@given(plans())
def test_cores_partition_both_axes(planned: tuple[WindowPlan, int, int]) -> None:
    plan, core_px, margin = planned
    for spans in (plan.rows, plan.columns):
        assert spans[0].core_start == 0
        assert all(a.core_stop == b.core_start for a, b in pairwise(spans))
        for k, span in enumerate(spans):
            n_edges = (k == 0) + (k == len(spans) - 1)
            assert 0 < span.core_stop - span.core_start < core_px + n_edges * margin + ALIGNED_PX


@given(plans())
def test_read_windows_lie_inside_are_of_one_size_and_hold_their_context(planned: tuple[WindowPlan, int, int]) -> None:
    plan, _, margin = planned
    for spans in (plan.rows, plan.columns):
        n = spans[-1].core_stop
        assert len({span.read_stop - span.read_start for span in spans}) == 1
        for span in spans:
            assert 0 <= span.read_start <= max(0, span.core_start - margin)
            assert min(n, span.core_stop + margin) <= span.read_stop <= n


@given(plans())
def test_strips_shared_with_two_neighbours_never_meet(planned: tuple[WindowPlan, int, int]) -> None:
    plan = planned[0]
    for spans in (plan.rows, plan.columns):
        assert len(spans) == 1 or all(s.core_stop - s.core_start >= 2 * plan.overlap_px for s in spans)


@given(plans())
def test_windows_run_from_left_to_right_then_down(planned: tuple[WindowPlan, int, int]) -> None:
    plan = planned[0]
    places = [(row.core_start, column.core_start) for row, column in plan]
    assert places == sorted(set(places))
    assert len(places) == len(plan) == len(plan.rows) * len(plan.columns)


@given(n=SIDES, core_px=st.integers(1, 60), halo_px=st.integers(0, 20), multiple=st.integers(2, 5))
def test_windows_of_networks_that_fold_pixels_start_at_multiples(
    n: int, core_px: int, halo_px: int, multiple: int
) -> None:
    plan = plan_windows((n, 1), core_px=core_px, halo_px=halo_px, overlap_px=0, multiple=multiple)
    assert len({row.read_stop - row.read_start for row in plan.rows}) == 1
    for row in plan.rows:
        assert row.read_start % multiple == 0
        assert len(plan.rows) == 1 or (row.read_stop - row.read_start) % multiple == 0
        assert 0 <= row.read_start <= max(0, row.core_start - halo_px)
        assert min(n, row.core_stop + halo_px) <= row.read_stop < n + multiple


@given(n=SIDES, core_px=st.integers(4 * ALIGNED_PX, 60), halo_px=st.integers(0, 20))
def test_windows_of_some_size_are_whole_fours_wide(n: int, core_px: int, halo_px: int) -> None:
    rows = plan_windows((n, 1), core_px=core_px, halo_px=halo_px, overlap_px=0).rows
    assert len(rows) == 1 or (rows[0].read_stop - rows[0].read_start) % ALIGNED_PX == 0


def test_the_worked_example_of_the_module() -> None:
    plan = plan_windows((100, 60), core_px=40, halo_px=8, overlap_px=2)
    assert plan.rows == (Span(0, 50, 0, 60), Span(50, 100, 40, 100))
    assert plan.columns == (Span(0, 60, 0, 60),)


def test_a_raster_no_larger_than_a_read_window_is_one_window() -> None:
    assert len(plan_windows((20, 30), core_px=16, halo_px=8, overlap_px=4)) == 1


@pytest.mark.parametrize(("core_px", "overlap_px"), [(0, 0), (7, 2), (-1, 0)])
def test_cores_that_are_too_small_are_refused(core_px: int, overlap_px: int) -> None:
    with pytest.raises(ValueError, match=f"core_px is {core_px}; expected at least"):
        plan_windows((9, 9), core_px=core_px, halo_px=0, overlap_px=overlap_px)
