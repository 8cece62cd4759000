"""Low and high resolution stay aligned: the truth, averaged down, is the date, whatever the change."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssr.data.augment import Augmentation, draw_up_to, draw_whole_crop, is_whole_on_grid
from ssr.data.samples import Sample


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def aligned_sample(scale: int = 4, side: int = 32, boxes=()) -> Sample:
    """Every high-resolution pixel is its low-resolution pixel; boxes are 200 in the older truth."""
    dates = np.random.default_rng(0).integers(1, 100, (2, 3, side, side), dtype=np.uint8)
    truth = dates[0].repeat(scale, 1).repeat(scale, 2)
    old = np.zeros_like(truth)
    for left, top, right, bottom in boxes:
        old[:, top:bottom, left:right] = 200
    return Sample(dates, truth, old, tuple(boxes))


def enlarged(pixels: np.ndarray, scale: int) -> np.ndarray:
    return pixels.repeat(scale, -2).repeat(scale, -1)


@settings(max_examples=60)
@given(
    flips=st.booleans(),
    turns=st.booleans(),
    crop=st.sampled_from(["none", "aligned"]),
    scale=st.sampled_from([3, 4]),
    seed=st.integers(0, 1000),
)
def test_truth_and_dates_show_the_same_place(flips, turns, crop, scale, seed):
    sample = Augmentation(flips=flips, turns=turns, crop=crop)(aligned_sample(scale), scale, generator(seed))
    side = 24 if crop == "aligned" else 32
    assert sample.low_res.shape == (2, 3, side, side)
    assert sample.high_res.shape == sample.old_high_res.shape == (3, side * scale, side * scale)
    assert np.array_equal(sample.high_res, enlarged(sample.low_res[0], scale))


@settings(max_examples=60)
@given(
    flips=st.booleans(),
    turns=st.booleans(),
    crop=st.sampled_from(["none", "aligned"]),
    left=st.integers(0, 120),
    top=st.integers(0, 120),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    seed=st.integers(0, 1000),
)
def test_boxes_go_with_what_they_frame(flips, turns, crop, left, top, size, seed):
    box = (left, top, min(left + size[0], 128), min(top + size[1], 128))
    sample = Augmentation(flips=flips, turns=turns, crop=crop)(aligned_sample(boxes=[box]), 4, generator(seed))
    framed = np.zeros(sample.old_high_res.shape[1:], np.uint8)
    for x1, y1, x2, y2 in sample.objects:
        assert x1 < x2
        assert y1 < y2
        framed[y1:y2, x1:x2] = 200
    assert np.array_equal(framed, sample.old_high_res[0])


@pytest.mark.parametrize("seed", range(20))
def test_published_crop_is_the_originals(seed):
    """The top-left s×s and 4s×4s, enlarged by torch's nearest, s from 24 to 32: the original's own operations."""
    sample = aligned_sample()
    changed = Augmentation(crop="published")(sample, 4, generator(seed))
    fitting = [
        s
        for s in range(24, 33)
        if np.array_equal(changed.low_res, nearest(sample.low_res[..., :s, :s], 32))
        and np.array_equal(changed.high_res, nearest(sample.high_res[None, :, : 4 * s, : 4 * s], 128)[0])
    ]
    assert len(fitting) == 1


def nearest(pixels: np.ndarray, side: int) -> np.ndarray:
    image = torch.from_numpy(np.ascontiguousarray(pixels))
    return torch.nn.functional.interpolate(image, size=(side, side), mode="nearest").numpy()


def test_published_sizes_are_all_drawn():
    sizes = {draw_up_to(32, generator(seed), least=24) for seed in range(200)}
    assert sizes == set(range(24, 33))


def test_all_eight_symmetries_come_up_and_the_seed_decides():
    plain = aligned_sample()
    change = Augmentation(flips=True, turns=True)
    seen = {change(plain, 4, generator(seed)).high_res.tobytes() for seed in range(100)}
    assert len(seen) == 8
    assert np.array_equal(change(plain, 4, generator(5)).low_res, change(plain, 4, generator(5)).low_res)


def test_aligned_crops_come_from_everywhere():
    plain = aligned_sample()
    seen = {Augmentation(crop="aligned")(plain, 4, generator(seed)).low_res.tobytes() for seed in range(600)}
    assert len(seen) == 81


def test_without_options_nothing_changes():
    plain = aligned_sample(boxes=[(1, 2, 3, 4)])
    assert Augmentation()(plain, 4, generator()) is plain


@settings(max_examples=60)
@given(side=st.integers(1, 5), seed=st.integers(0, 50), n_gaps=st.integers(0, 12))
def test_crops_avoid_every_gap_and_are_found_where_there_is_one(side, seed, n_gaps):
    is_whole = np.ones((6, 7), bool)
    is_whole.flat[np.random.default_rng(seed).choice(42, n_gaps, replace=False)] = False
    places = {(y, x) for y in range(7 - side) for x in range(8 - side) if is_whole[y : y + side, x : x + side].all()}
    drawn = {draw_whole_crop(is_whole, side, generator(k)) for k in range(40)}
    assert drawn <= places if places else drawn == {None}


def test_every_whole_crop_is_drawn():
    assert len({draw_whole_crop(np.ones((4, 4), bool), 2, generator(seed)) for seed in range(200)}) == 9


def test_a_gap_anywhere_in_the_truth_is_a_gap_on_the_grid():
    truth = np.ones((6, 9), bool)
    truth[4, 7] = False
    assert np.array_equal(is_whole_on_grid(truth, 3), [[True, True, True], [True, True, False]])
