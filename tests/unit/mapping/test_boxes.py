"""Boxes meet and are held together on a round Earth, on whichever side of the antimeridian they are counted."""

import numpy as np
import pytest

from ssr.mapping.boxes import around, eastwards, overlap, within_180


def test_boxes_meet_across_the_antimeridian():
    assert overlap((179, 0, 181, 1), (-180, 0, -179.5, 1))
    assert not overlap((179, 0, 180, 1), (-179, 0, -178, 1))
    assert not overlap((0, 0, 1, 1), (1, 0, 2, 1))


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(11, 46, 12, 47)], (11, 46, 12, 47)),
        ([(11, 46, 12, 47), (14, 45, 15, 46)], (11, 45, 15, 47)),
        ([(179, -17, 180, -16), (-180, -18, -179.5, -17)], (179, -18, 180.5, -16)),
        ([(-180, -18, -179.5, -17), (179, -17, 180, -16)], (179, -18, 180.5, -16)),
        ([(179.5, -17, 180.5, -16), (-179.9, -17, -178.9, -16)], (179.5, -17, 181.1, -16)),
        ([(-180.5, -17, -179.5, -16)], (179.5, -17, 180.5, -16)),
        ([(-180, -56, 180, 83), (3, 0, 4, 1)], (-180, -56, 180, 83)),
        ([(-100, 0, 20, 1), (10, 0, 140, 1), (130, 0, 270, 1)], (-180, 0, 180, 1)),
    ],
)
def test_the_narrowest_box_holds_all(boxes, expected):
    assert around(boxes) == pytest.approx(expected)


def test_whatever_lies_in_one_box_lies_in_the_one_around_all():
    rng = np.random.default_rng(0)
    for _ in range(200):
        wests, widths = rng.uniform(-180, 180, 4), rng.uniform(0, 60, 4)
        whole = around([(west, 0.0, west + width, 1.0) for west, width in zip(wests, widths, strict=True)])
        assert -180 <= whole[0] < 180
        for lon in (*wests, *(wests + widths)):
            assert (lon - whole[0] + 1e-9) % 360 <= whole[2] - whole[0] + 2e-9
        turned = np.sort(wests % 360)
        widest = max(np.diff(np.append(turned, turned[0] + 360)))
        assert whole[2] - whole[0] >= 360 - widest  # it begins at one of them and goes on to the last


def test_the_two_ways_to_write_a_box_across_the_antimeridian_are_the_same():
    assert eastwards(179, 0, -179, 1) == (179, 0, 181, 1)
    assert within_180((179, 0, 181, 1)) == (179, 0, -179, 1)
    assert eastwards(10, 0, 11, 1) == within_180((10, 0, 11, 1)) == (10, 0, 11, 1)
    assert within_180((179, 0, 180, 1)) == (179, 0, 180, 1)
