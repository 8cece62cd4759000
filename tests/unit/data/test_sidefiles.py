"""Are weights and objects those of their tiles, and wrong files named?"""

import json

import numpy as np
import pytest

from ssr.data.catalogue import Catalogue
from ssr.data.sidefiles import read_objects, read_weights
from ssr.errors import InputError

CATALOGUE = Catalogue(
    "current", ("a", "b"), *(np.array(column, np.int32) for column in ([0, 0, 1], [1, 2, 1], [7, 8, 7]))
)


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_weights_go_by_tile_and_one_where_there_is_none(tmp_path):
    weights = read_weights(written(tmp_path / "w.json", {"1_7": 2.5, "9_9": 8}), CATALOGUE)
    assert weights.tolist() == [2.5, 1.0, 2.5]


@pytest.mark.parametrize(
    "content",
    ["", "[1]", "{", {"1_7": -1}, {"1_7": "2"}, {"1_7": True}, '{"1_7": NaN}', '{"1_7": Infinity}', {"rgb": 1}],
)
def test_impossible_weights_are_named(content, tmp_path):
    with pytest.raises(InputError, match=r"w\.json"):
        read_weights(written(tmp_path / "w.json", content), CATALOGUE)


def test_objects_are_boxes_of_all_categories_within_the_chip(tmp_path):
    content = {
        "1_7": {"tower": [[1, 2, 3, 4], [-5, 120, 10, 140]], "pier": [[9, 9, 20, 20], [130, 0, 140, 9], [5, 5, 5, 9]]},
        "9_9": {"tower": [[0, 0, 1, 1]]},
    }
    objects = read_objects(written(tmp_path / "o.json", content), CATALOGUE, side_px=128)
    assert objects == {"1_7": ((1, 2, 3, 4), (0, 120, 10, 128), (9, 9, 20, 20))}


@pytest.mark.parametrize("boxes", [[[1, 2, 3]], [1], {"tower": [[1, 2, 3]]}, {"tower": 5}, {"tower": [["a", 1, 2, 3]]}])
def test_what_is_no_box_is_named_by_its_tile(boxes, tmp_path):
    with pytest.raises(InputError, match=r"o\.json: tile 1_7"):
        read_objects(written(tmp_path / "o.json", {"1_7": boxes}), CATALOGUE, side_px=128)
