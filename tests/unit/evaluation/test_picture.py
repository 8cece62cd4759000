import numpy as np
import pytest

from ssr.evaluation.picture import GAP_PX, LABEL_PX, MAX_SIDE_PX, side_by_side


def flat(value: int, shape_hw: tuple[int, int]) -> np.ndarray:
    return np.full((*shape_hw, 3), value, np.uint8)


def test_pictures_stand_in_a_row_with_their_labels_above():
    sheet = side_by_side([("before", flat(10, (20, 60))), ("after", flat(200, (20, 60)))])
    assert sheet.shape == (20 + LABEL_PX, 2 * 60 + GAP_PX, 3)
    assert (sheet[LABEL_PX:, :60] == 10).all()
    assert (sheet[LABEL_PX:, 60 : 60 + GAP_PX] == 255).all()
    assert (sheet[LABEL_PX:, 60 + GAP_PX :] == 200).all()
    assert (sheet[:LABEL_PX] < 128).any()  # the labels are dark


@pytest.mark.parametrize("shape_hw", [(MAX_SIDE_PX + 10, 30), (30, MAX_SIDE_PX + 11)])
def test_large_pictures_show_their_centre_unscaled(shape_hw):
    picture = flat(0, shape_hw)
    picture[shape_hw[0] // 2, shape_hw[1] // 2] = 255
    shown = side_by_side([("", picture)])[LABEL_PX:]
    assert shown.shape[:2] == tuple(min(side, MAX_SIDE_PX) for side in shape_hw)
    assert (shown == 255).all(2).sum() == 1
    assert (shown[shown.shape[0] // 2, shown.shape[1] // 2] == 255).all()
