from collections.abc import Sequence

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from ssr.scenes.clouds import obstruction
from ssr.scenes.composite import Composite
from ssr.scenes.coregistration import align
from ssr.scenes.normalisation import fit_looks
from ssr.scenes.slots import plan_slots

SIDE = 192
WHOLE = slice(0, SIDE)


class ArraySeries:
    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels
        self.shape_hw = (SIDE, SIDE)
        self.n_read: dict[int, int] = {}

    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> np.ndarray:
        for date in dates:
            self.n_read[date] = self.n_read.get(date, 0) + 1
        return self.pixels[list(dates)][:, :, rows, columns]


def ground() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(3, SIDE, SIDE))
    layers = sum(gaussian_filter(noise, (0, s, s)) * s for s in (1.5, 5))
    return (0.25 + 0.05 * layers / layers.std()).clip(0.05, 0.9).astype(np.float32)


def composite_of(pixels: np.ndarray, n_slots: int, *, looks: bool = True, repeats: bool = True) -> Composite:
    series = ArraySeries(pixels)
    hidden = obstruction(pixels)
    slots = plan_slots(hidden, (SIDE, SIDE), ranked=range(len(pixels)), n_slots=n_slots, repeats=repeats)
    fitted = fit_looks(pixels, hidden) if looks else [None] * len(pixels)
    return Composite(series, slots, [None] * len(pixels), fitted)


def clouded() -> np.ndarray:
    """Four dates of other brightness; of the first the left half is cloud, of the second the right half."""
    look = [(1.0, 0.0), (0.8, 0.02), (1.1, 0.01), (1.0, 0.03)]
    dates = np.stack([ground() * gain + bias for gain, bias in look]).astype(np.float32)
    dates[0, :, :, : SIDE // 2] = 0.8
    dates[1, :, :, SIDE // 2 :] = 0.8
    return dates


def test_clouds_are_gone_and_the_ground_is_there() -> None:
    image = composite_of(clouded(), 2).read(WHOLE, WHOLE, [0, 1])
    error = image - ground() * 1.0
    assert image.max() < 0.7
    assert np.abs(error - error.mean((2, 3), keepdims=True)).mean() < 0.02


def test_dates_of_other_brightness_meet_without_a_step() -> None:
    image = composite_of(clouded(), 1).read(WHOLE, WHOLE, [0])[0]
    difference = (image - ground()).mean(0)
    assert np.abs(np.diff(difference.mean(0))).max() < 0.004
    without = composite_of(clouded(), 1, looks=False).read(WHOLE, WHOLE, [0])[0]
    assert np.ptp(difference.mean(0)) < 0.5 * np.ptp((without - ground()).mean(0).mean(0))


def test_a_window_is_a_part_of_the_whole() -> None:
    composite = composite_of(clouded(), 2)
    whole = composite.read(WHOLE, WHOLE, [0, 1])
    rows, columns = slice(10, 90), slice(70, 150)
    assert np.allclose(composite.read(rows, columns, [0, 1]), whole[:, :, rows, columns], atol=1e-5)


def test_a_clear_series_passes_through_untouched() -> None:
    dates = np.stack([ground()] * 3)
    assert np.array_equal(composite_of(dates, 3, looks=False).read(WHOLE, WHOLE, [0, 1, 2]), dates)


def test_every_date_is_read_once_and_those_without_a_say_not_at_all() -> None:
    composite = composite_of(np.stack([ground()] * 5), 3)
    composite.read(slice(0, 40), slice(0, 40), [0, 1, 2, 0])
    assert isinstance(composite.series, ArraySeries)
    assert composite.series.n_read == {0: 1, 1: 1, 2: 1}


def test_missing_data_are_filled_by_no_one_else() -> None:
    dates = np.stack([ground()] * 3)
    dates[:, :, :20, :20] = 0
    image = composite_of(dates, 3).read(WHOLE, WHOLE, [0, 1, 2])
    assert not image[:, :, :16, :16].any()
    assert (image[:, :, 40:, 40:] > 0).all()


def test_empty_slots_are_no_data() -> None:
    dates = np.stack([ground()] * 3)
    dates[1:] = 0.9 * np.ones_like(dates[1:])
    dates[1:] += np.random.default_rng(0).normal(0, 0.01, dates[1:].shape).astype(np.float32)
    dates[0] = ground()
    hidden = obstruction(np.concatenate([dates, dates[:1], dates[:1]]))[:3]
    slots = plan_slots(hidden, (SIDE, SIDE), ranked=range(3), n_slots=3, repeats=False)
    image = Composite(ArraySeries(dates), slots, [None] * 3, [None] * 3).read(WHOLE, WHOLE, [0, 1, 2])
    assert np.array_equal(image[0], dates[0])
    assert not image[1:].any()


def test_a_displaced_date_stands_where_the_others_do() -> None:
    moved = np.stack([shift(channel, (1.4, -0.8), order=5, mode="nearest") for channel in ground()])
    series = ArraySeries(np.stack([ground(), moved.clip(1 / 255, 1)]).astype(np.float32))
    found = align(
        lambda r, c, d: series.read(r, c, [d])[0],
        (SIDE, SIDE),
        date=1,
        reference=0,
        is_usable=lambda w: np.ones((w[0].stop - w[0].start, w[1].stop - w[1].start), bool),
    )
    slots = plan_slots(np.zeros((2, SIDE, SIDE), np.float32), (SIDE, SIDE), ranked=[0, 1], n_slots=2, repeats=True)
    image = Composite(series, slots, [None, found], [None, None]).read(slice(20, 160), slice(20, 160), [0, 1])
    assert np.abs(image[1] - image[0]).mean() < 0.005


@pytest.mark.parametrize("n_dates", [1, 2])
def test_few_dates_keep_their_look(n_dates: int) -> None:
    dates = np.stack([ground()] * n_dates)
    for look in fit_looks(dates, obstruction(dates)):
        assert np.allclose(look.gain, 1, atol=1e-3)
        assert np.allclose(look.bias, 0, atol=1e-3)


def test_gain_and_bias_of_a_hazy_date_are_found() -> None:
    dates = np.stack([ground(), ground(), ground() * 0.7 + 0.03, ground()]).astype(np.float32)
    look = fit_looks(dates, np.zeros((4, SIDE, SIDE), np.float32))[2]
    assert np.allclose(look.gain, 1 / 0.7, rtol=0.02)
    assert np.allclose(look.bias, -0.03 / 0.7, atol=0.005)
