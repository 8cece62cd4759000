"""Which pixels does a tile show? Every pixel once, in its place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssr.viewer.windows import smooth_span, span_of


def shown_by(start: float, length: float, side: int, tile_px: int) -> np.ndarray:
    """The raster's pixel at each of the tile's, -1 outside, as the span says."""
    span = span_of(start, length, side, tile_px)
    whole = np.full(tile_px if span is None else span.total, -1)
    if span is not None:
        assert span.read.stop - span.read.start == span.size
        read = np.arange(span.read.start, span.read.stop)
        whole[span.place] = read if span.take is None else read[span.take]
    return whole


@pytest.mark.parametrize(("start", "expected"), [(0, [0, 1, 2, 3]), (4, [4, 5, -1, -1]), (-2, [-1, -1, 0, 1])])
def test_a_tile_as_fine_as_the_raster_has_its_own_pixels(start: int, expected: list[int]) -> None:
    assert shown_by(start, 4, 6, 4).tolist() == expected


def test_a_tile_finer_than_the_raster_has_as_few_pixels_as_the_raster() -> None:
    assert shown_by(2, 2, 6, 8).tolist() == [2, 3]


@given(
    start=st.floats(-20, 20, allow_nan=False),
    length=st.floats(0.1, 15.9, allow_nan=False),
    side=st.integers(1, 20),
)
def test_elsewhere_each_pixel_of_the_tile_takes_the_one_below_its_centre(
    start: float, length: float, side: int
) -> None:
    found = shown_by(start, length, side, 16)
    if len(found) == 16:  # not the raster's own
        centres = start + (np.arange(16) + 0.5) * length / 16
        near_an_edge = np.abs(centres - np.rint(centres)) < 1e-5
        expected = np.where((centres >= 0) & (centres < side), np.floor(centres), -1)
        np.testing.assert_array_equal(found[~near_an_edge], expected[~near_an_edge])


@given(start=st.integers(-64, 128).map(lambda k: 16 * k), level=st.integers(1, 5), side=st.integers(1, 1000))
def test_from_afar_what_is_read_lies_inside_and_fills_what_it_should(start: int, level: int, side: int) -> None:
    span = span_of(start, 16 << level, side, 16)
    if span is None:
        assert start >= side or start + (16 << level) <= 0 or side < 1 << level
        return
    assert 0 <= span.read.start < span.read.stop <= side
    assert span.place.stop - span.place.start == span.size
    assert span.size == -(-(span.read.stop - span.read.start) // (1 << level))


@pytest.mark.parametrize("start", [6, 100, -4, -50])
def test_a_tile_beside_the_raster_shows_nothing(start: int) -> None:
    assert span_of(start, 4, 6, 4) is None


def test_weights_of_an_interpolated_tile_add_up_to_one() -> None:
    _, weights = smooth_span(-3.0, 8.0, 5, 32)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
