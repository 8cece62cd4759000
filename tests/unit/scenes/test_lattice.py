import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from ssr.scenes.lattice import Lattice

SHAPE_HW = (150, 230)


def nodes_like(lattice: Lattice) -> np.ndarray:
    return np.random.default_rng(0).normal(size=lattice.shape).astype(np.float32)


def test_values_are_bilinear_between_nodes() -> None:
    lattice = Lattice.over(SHAPE_HW, spacing_px=40)
    nodes = nodes_like(lattice)
    rows = slice(round(lattice.rows[0]) + 1, round(lattice.rows[-1]) - 1)
    columns = slice(round(lattice.columns[0]) + 1, round(lattice.columns[-1]) - 1)
    oracle = RegularGridInterpolator((lattice.rows, lattice.columns), nodes.astype(np.float64))
    places = np.stack(
        np.meshgrid(np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop), indexing="ij"), -1
    )
    assert np.allclose(lattice.values(nodes, rows, columns), oracle(places), atol=1e-5)


def test_values_are_constant_beyond_the_outermost_nodes() -> None:
    lattice = Lattice.over(SHAPE_HW, spacing_px=40)
    nodes = nodes_like(lattice)
    assert np.allclose(lattice.values(nodes, slice(0, 2), slice(0, 2)), nodes[0, 0])
    assert np.allclose(lattice.values(nodes, slice(148, 150), slice(228, 230)), nodes[-1, -1])


@given(st.integers(0, 100), st.integers(1, 50), st.integers(0, 180), st.integers(1, 50))
def test_a_window_has_the_values_of_the_whole(top: int, height: int, left: int, width: int) -> None:
    lattice = Lattice.over(SHAPE_HW, spacing_px=37)
    nodes = nodes_like(lattice)
    whole = lattice.values(nodes, slice(0, SHAPE_HW[0]), slice(0, SHAPE_HW[1]))
    rows, columns = slice(top, top + height), slice(left, left + width)
    assert np.allclose(lattice.values(nodes, rows, columns), whole[rows, columns], atol=1e-6)


@pytest.mark.parametrize("side", [1, 5, 19, 20, 41, 1000])
def test_one_node_or_many_there_is_always_a_lattice(side: int) -> None:
    lattice = Lattice.over((side, side), spacing_px=40, at_most=8)
    assert 1 <= lattice.shape[0] <= 8
    assert np.allclose(lattice.values(np.ones(lattice.shape), slice(0, side), slice(0, side)), 1)


def test_windows_around_nodes_lie_inside_and_have_one_size() -> None:
    lattice = Lattice.over(SHAPE_HW, spacing_px=40)
    for i, j in np.ndindex(*lattice.shape):
        rows, columns = lattice.window(i, j, 64)
        assert 0 <= rows.start < rows.stop <= SHAPE_HW[0]
        assert 0 <= columns.start < columns.stop <= SHAPE_HW[1]
        assert (rows.stop - rows.start, columns.stop - columns.start) == (64, 64)
        assert rows.start <= round(lattice.rows[i]) < rows.stop


def test_a_window_wider_than_the_scene_is_the_scene() -> None:
    assert Lattice.over((20, 30), spacing_px=40).window(0, 0, 64) == (slice(0, 20), slice(0, 30))
