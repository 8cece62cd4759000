"""Is bicubic in the viewer the bicubic that results are compared with?"""

import numpy as np
import torch

from ssr.models.bicubic import enlarge as enlarge_by_torch
from ssr.viewer.bicubic import enlarge, weights
from tests.support.tolerances import FLOAT32


def test_a_whole_picture_is_enlarged_as_by_the_model() -> None:
    picture = np.random.default_rng(0).random((3, 7, 9), dtype=np.float32)
    rows, columns = ((np.arange(4 * n) + 0.5) / 4 - 0.5 for n in picture.shape[1:])
    ours = enlarge(picture, weights(rows, 7), weights(columns, 9))
    theirs = enlarge_by_torch(torch.from_numpy(picture)[None], 4)[0].numpy()
    np.testing.assert_allclose(ours, theirs, atol=FLOAT32)
